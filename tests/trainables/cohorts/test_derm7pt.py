"""derm7pt: labels grouped as published, the official split by row positions, and the letter case of its pictures."""

import shutil

import pytest
from made_up_cohorts import DERM7PT_HEADER, write_csv, write_derm7pt, write_image

from models.errors import InputError
from trainables.cohorts import Derm7ptSettings, open_cohort
from trainables.cohorts.derm7pt import FIELDS, GROUPED, TARGETS
from trainables.folds import FoldSettings, make_splits

LABELS = {  # every label of the real file, by target: papers' grouping
    "DIAG": {
        "BCC": ["basal cell carcinoma"],
        "NEV": ["clark nevus", "reed or spitz nevus", "dermal nevus", "blue nevus", "congenital nevus"],
        "MEL": ["melanoma", "melanoma (in situ)", "melanoma (less than 0.76 mm)", "melanoma metastasis"],
        "MISC": ["vascular lesion", "lentigo", "dermatofibroma", "melanosis", "miscellaneous"],
        "SK": ["seborrheic keratosis"],
    },
    "VS": {
        "absent": ["absent"],
        "regular": ["arborizing", "comma", "hairpin", "within regression", "wreath"],
        "irregular": ["dotted", "linear irregular"],
    },
    "PIG": {
        "absent": ["absent"],
        "regular": ["diffuse regular", "localized regular"],
        "irregular": ["diffuse irregular", "localized irregular"],
    },
    "RS": {"absent": ["absent"], "present": ["blue areas", "white areas", "combinations"]},
}
COLUMN = {target.name: column for column, target in TARGETS.items()}


def with_labels(folder, column: str, labels):
    """One case per label, all else the same."""
    plain = ["basal cell carcinoma", "1", *["absent"] * 7, "low", "flat", "back", "male"]
    rows = []
    for number, label in enumerate(labels):
        row = [str(number + 1), *plain, f"{number}.jpg", f"{number}d.jpg", "", "", "excision"]
        row[DERM7PT_HEADER.index(column)] = label
        rows.append(row)
        for name in row[-5:-3]:
            write_image(folder / "images" / name, 7 * number)
    write_csv(folder / "meta" / "meta.csv", DERM7PT_HEADER, rows)
    return folder


@pytest.mark.parametrize("target", LABELS)
def test_labels_are_grouped_as_published(tmp_path, target):
    expected = {label: name for name, labels in LABELS[target].items() for label in labels}
    cohort = open_cohort(Derm7ptSettings(), with_labels(tmp_path, COLUMN[target], expected))
    by_case = cohort.samples[f"target:{target}"]
    assert {label: by_case[str(number + 1)] for number, label in enumerate(expected)} == expected


def test_an_unknown_label_is_a_fault(tmp_path):
    with pytest.raises(InputError, match="2: BWV 'perhaps' is not one of absent, present"):
        open_cohort(Derm7ptSettings(), with_labels(tmp_path, "blue_whitish_veil", ["present", "perhaps"]))


def test_eight_targets_and_the_twenty_columns_of_the_peers():
    assert [target.name for target in TARGETS.values()] == ["DIAG", "PN", "BWV", "VS", "PIG", "STR", "DaG", "RS"]
    widths = [len(target.classes) for target in TARGETS.values()]
    assert widths == [5, 3, 2, 3, 3, 3, 3, 2]
    assert set(GROUPED) <= {target.name for target in TARGETS.values()}
    assert sum(len(field.categories) for field in FIELDS.values()) == 20


def test_two_images_whatever_the_letter_case_of_their_names(tmp_path):
    cohort = open_cohort(Derm7ptSettings(), write_derm7pt(tmp_path))
    assert cohort.image_names == ("clinical", "dermoscopy")
    row = cohort.samples.index.get_loc("3")  # meta says NEL/NEL004.JPG and Nel/Nel005.jpg
    assert cohort.images.paths[row] == ("images/NEL/nel004.jpg", "images/NEL/Nel005.JPG")
    assert cohort.group_name == "case"


def test_the_official_split_is_by_row_position(tmp_path):
    write_derm7pt(tmp_path, n=10)
    split = open_cohort(Derm7ptSettings(), tmp_path).official_split
    assert split == {str(number + 1): ["train", "valid", "test"][(number >= 4) + (number >= 6)] for number in range(10)}


def test_positions_are_those_of_the_file_also_when_cases_are_left_out(tmp_path):
    write_derm7pt(tmp_path, n=10)
    (tmp_path / "release_v0" / "images" / "NEL" / "nel000.jpg").unlink()
    cohort = open_cohort(Derm7ptSettings(), tmp_path, skip_bad=True)
    assert "1" not in cohort.official_split
    assert [case for case, part in cohort.official_split.items() if part == "valid"] == ["5", "6"]


def test_without_index_files_there_is_no_split_and_a_note(tmp_path):
    write_derm7pt(tmp_path)
    for part in ("train", "valid", "test"):
        (tmp_path / "release_v0" / "meta" / f"{part}_indexes.csv").unlink()
    cohort = open_cohort(Derm7ptSettings(), tmp_path)
    assert cohort.official_split == {}
    assert any("no official split: meta has no train_indexes.csv" in note for note in cohort.notes)
    with pytest.raises(
        InputError, match=r"no official split \(meta has no train_indexes\.csv, valid_.*\); choose another"
    ):
        make_splits(cohort, FoldSettings(plan="official"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("12",), ("30",)], r"valid_indexes.csv: line 3: '30' is no row of the metadata file, which has 0 to 29"),
        ([("-1",)], "'-1' is no row"),
        ([("x",)], "'x' is no row"),
        ([("9" * 5000,)], r"'9{80}'... \(5,000 characters\) is no row"),
        ([("12",), ("12",)], "line 3: row 12 is in the valid part already"),
        ([("12",), ("0",)], "line 3: row 0 is in the train part already"),
    ],
)
def test_wrong_positions_are_explained(tmp_path, rows, message):
    write_derm7pt(tmp_path)
    write_csv(tmp_path / "release_v0" / "meta" / "valid_indexes.csv", ("indexes",), rows)
    with pytest.raises(InputError, match=message):
        open_cohort(Derm7ptSettings(), tmp_path)


def test_one_index_file_alone_is_refused(tmp_path):
    write_derm7pt(tmp_path)
    (tmp_path / "release_v0" / "meta" / "test_indexes.csv").unlink()
    with pytest.raises(InputError, match=r"no test_indexes\.csv beside the other index files"):
        open_cohort(Derm7ptSettings(), tmp_path)


def test_cases_that_share_a_picture_are_one_group(tmp_path):
    write_derm7pt(tmp_path, n=10)
    images = tmp_path / "release_v0" / "images" / "NEL"
    shutil.copy(images / "nel000.jpg", images / "nel004.jpg")  # clinical pictures of cases 1 and 3
    meta = tmp_path / "release_v0" / "meta" / "meta.csv"
    meta.write_text(meta.read_text().replace("NEL/NEL008.JPG", "NEL/NEL006.JPG"))  # case 5 names case 4's
    groups = open_cohort(Derm7ptSettings(), tmp_path).samples["group"]
    assert groups["3"] == groups["1"] == "1"
    assert groups["5"] == groups["4"] == "4"
    assert groups.nunique() == 8


def test_a_row_of_commas_counts_as_a_row(tmp_path):
    write_derm7pt(tmp_path, n=10)
    meta = tmp_path / "release_v0" / "meta" / "meta.csv"
    lines = meta.read_text().splitlines()
    lines.insert(3, "," * lines[0].count(","))
    meta.write_text("\n".join(lines))
    for part, positions in {"train": [0, 1, 3], "valid": [4], "test": [10]}.items():
        write_csv(meta.parent / f"{part}_indexes.csv", ("indexes",), [(position,) for position in positions])
    split = open_cohort(Derm7ptSettings(), tmp_path).official_split
    assert split == {"1": "train", "2": "train", "3": "train", "4": "valid", "10": "test"}
    write_csv(meta.parent / "test_indexes.csv", ("indexes",), [("2",)])
    with pytest.raises(InputError, match="'2' is no row of the metadata file, which has 0 to 10"):
        open_cohort(Derm7ptSettings(), tmp_path)


def test_cases_that_the_split_does_not_list_are_counted(tmp_path):
    write_derm7pt(tmp_path, n=10)
    assert not any("official split" in note for note in open_cohort(Derm7ptSettings(), tmp_path).notes)
    write_csv(tmp_path / "release_v0" / "meta" / "test_indexes.csv", ("indexes",), [("9",)])
    notes = open_cohort(Derm7ptSettings(), tmp_path).notes
    assert "official split: 3 of 10 cases are in no index file and take no part" in notes


def test_merged_cases_that_the_split_parts_are_counted(tmp_path):
    write_derm7pt(tmp_path, n=10)
    images = tmp_path / "release_v0" / "images" / "NEL"
    for case in (7, 8):  # positions 6 and 7: tested; case 5 at position 4: validation, which trains
        shutil.copy(images / "nel008.jpg", images / f"nel{2 * (case - 1):03d}.jpg")
    notes = open_cohort(Derm7ptSettings(), tmp_path).notes
    assert (
        "official split: it puts merged cases on both sides: 2 of the test part show the same picture as cases that "
        "train, the first is 7"
    ) in notes


def test_an_index_file_that_is_a_link_to_elsewhere_is_refused(tmp_path, tmp_path_factory):
    write_derm7pt(tmp_path, n=10)
    index = tmp_path / "release_v0" / "meta" / "test_indexes.csv"
    outside = tmp_path_factory.mktemp("outside") / "x.csv"
    index.rename(outside)
    index.symlink_to(outside)
    with pytest.raises(InputError, match=r"the index file 'meta/test_indexes\.csv' leads outside the data folder"):
        open_cohort(Derm7ptSettings(), tmp_path)
