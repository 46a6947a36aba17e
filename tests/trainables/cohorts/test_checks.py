"""Faulty samples: each found at opening with its name, none silently dropped, left out only when asked."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from models.errors import InputError
from trainables.cohorts import Ham10000Settings, Problem, open_cohort

GOOD = ("HAM_9", "ISIC_0000009", "nv", "histo", "50", "male", "back")
COLUMN = {"group": 0, "id": 1, "dx": 2, "age": 4, "sex": 5, "site": 6}


def with_cell(column: str, value: str) -> tuple[str, ...]:
    row = list(GOOD)
    row[COLUMN[column]] = value
    return tuple(row)


@pytest.mark.parametrize(
    ("column", "value", "sample", "what"),
    [
        ("group", "", "ISIC_0000009", "the lesion (lesion_id) is missing"),
        ("id", "", "line 6", "the sample has no id"),
        ("id", "../ISIC_0000001", "../ISIC_0000001", "image '../ISIC_0000001' leads outside the data folder"),
        ("id", "/etc/passwd", "/etc/passwd", "image '/etc/passwd' leads outside the data folder"),
        ("id", "X\x1b[31m", "'X\\x1b[31m'...", "image"),
        ("dx", "", "ISIC_0000009", "diagnosis is missing"),
        ("dx", "nevus", "ISIC_0000009", "diagnosis 'nevus' is not one of akiec, bcc"),
        ("age", "121", "ISIC_0000009", "age 121 is outside 0 to 120"),
        ("age", "-5", "ISIC_0000009", "age -5 is outside 0 to 120"),
        ("age", "inf", "ISIC_0000009", "age inf is outside 0 to 120"),
        ("age", "5_0", "ISIC_0000009", "age '5_0' is not a number"),
        ("age", "fifty", "ISIC_0000009", "age 'fifty' is not a number"),
        ("sex", "F", "ISIC_0000009", "sex 'F' is not one of female, male"),
        ("site", "torso", "ISIC_0000009", "site 'torso' is not one of abdomen, acral"),
    ],
)
def test_faulty_cell(ham, ham_rows, ham_settings, column, value, sample, what):
    data = ham([*ham_rows, with_cell(column, value)])
    with pytest.raises(InputError) as caught:
        open_cohort(ham_settings, data)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{data / 'HAM10000_metadata.csv'}: 1 of 5 samples cannot be used"
    assert lines[1].startswith(f"  {sample}: ")
    assert what in str(caught.value)
    choice = "take unexpected categories for missing values (cohort: unexpected_categories: missing), "
    unexpected = choice if column in ("sex", "site") else ""
    assert lines[-1] == f"Correct them, {unexpected}or leave them out with --skip-bad."

    cohort = open_cohort(ham_settings, data, skip_bad=True)
    assert len(cohort) == 4
    assert any(problem.sample == sample and problem.what.startswith(what) for problem in cohort.left_out)


def break_image(path, how: str) -> None:
    content = path.read_bytes()
    if how == "deleted":
        path.unlink()
    elif how == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes({"cut": content[:-60], "header": content[:30], "empty": b"", "text": b"not an image"}[how])


@pytest.mark.parametrize("extension", [".jpg", ".png"])
@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("deleted", "image 'ISIC_0000003' not found\n"),
        ("folder", "image 'ISIC_0000003' not found\n"),
        ("cut", "is cut short or broken"),
        ("header", "is cut short or broken"),
        ("empty", "is cut short or broken"),
        ("text", "is cut short or broken"),
    ],
)
def test_faulty_image(ham, ham_settings, how, what, extension):
    data = ham(extension=extension)
    break_image(data / "images" / f"ISIC_0000003{extension}", how)
    with pytest.raises(InputError, match=what):
        open_cohort(ham_settings, data)
    cohort = open_cohort(ham_settings, data, skip_bad=True)
    assert [problem.sample for problem in cohort.left_out] == ["ISIC_0000003"]
    assert "ISIC_0000003" not in cohort.samples.index


def test_sixteen_bit_image_is_refused(cases, case_settings):
    data = cases()
    Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16)).save(data / "pictures" / "B" / "c1.png")
    with pytest.raises(InputError, match=r"3: image 'pictures/B/c1.png' has pixels of mode I;16; 8 bits"):
        open_cohort(case_settings, data)


def test_every_row_of_a_repeated_id_is_left_out(ham, ham_rows, ham_settings):
    data = ham([*ham_rows, ham_rows[0]])
    with pytest.raises(InputError, match=r"2 of 5 samples cannot be used\n  ISIC_0000004: the id appears 2 times"):
        open_cohort(ham_settings, data)
    cohort = open_cohort(ham_settings, data, skip_bad=True)
    assert len(cohort) == 3
    assert cohort.left_out == (Problem("ISIC_0000004", "the id appears 2 times"),) * 2


def test_ten_problems_listed_and_the_rest_counted(ham, ham_rows, ham_settings):
    bad = [("HAM_9", f"ISIC_01{number:05d}", "nv", "histo", "999", "male", "back") for number in range(12)]
    with pytest.raises(InputError) as caught:
        open_cohort(ham_settings, ham([*ham_rows, *bad]))
    lines = str(caught.value).splitlines()
    assert "12 of 16 samples" in lines[0]
    assert len(lines) == 1 + 10 + 2
    assert lines[11] == "  ... and 2 more"


def test_skipping_everything_is_an_error(ham, ham_rows, ham_settings):
    rows = [(*row[:4], "999", *row[5:]) for row in ham_rows]
    with pytest.raises(InputError, match="none of 4 samples can be used; the first, ISIC_0000004: age 999"):
        open_cohort(ham_settings, ham(rows), skip_bad=True)


@pytest.mark.parametrize("skip_bad", [False, True])
def test_no_image_at_all_asks_for_the_folder(ham, ham_settings, skip_bad):
    data = ham()
    shutil.rmtree(data / "images")
    with pytest.raises(InputError, match=r"none of the images of 4 samples was found .* is this the right folder\?"):
        open_cohort(ham_settings, data, skip_bad=skip_bad)


def test_a_group_with_two_labels_is_a_note(ham, ham_rows, ham_settings):
    rows = [*ham_rows, ("HAM_1", "ISIC_0000005", "mel", "histo", "40", "male", "back")]
    cohort = open_cohort(ham_settings, ham(rows))
    assert "diagnosis: lesions with more than one label: 1, the first is HAM_1 (mel, nv)" in cohort.notes


def test_one_image_in_two_groups_that_are_kept_apart_is_a_note(ham):
    settings = Ham10000Settings(duplicates="keep")
    data = ham()
    shutil.copy(data / "images" / "ISIC_0000001.jpg", data / "images" / "ISIC_0000002.jpg")
    assert not any("identical" in note for note in open_cohort(settings, data).notes)  # both are HAM_1
    shutil.copy(data / "images" / "ISIC_0000001.jpg", data / "images" / "ISIC_0000004.jpg")
    cohort = open_cohort(settings, data)
    note = next(note for note in cohort.notes if "identical" in note)
    assert note.endswith("1, the first is ISIC_0000001 (lesion HAM_1) and ISIC_0000004 (lesion HAM_2)")
    assert cohort.samples["group"].nunique() == 3


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("MALE", "male"), (" Male ", "male"), ("Lower  Extremity", None), ("other", None), ("UNKNOWN", None)],
)
def test_categories_are_found_whatever_their_letter_case_and_blanks(ham, ham_rows, cell, expected):
    settings = Ham10000Settings(unexpected_categories="missing")
    samples = open_cohort(settings, ham([*ham_rows, with_cell("sex", cell)])).samples
    value = samples.loc["ISIC_0000009", "field:sex"]
    assert value == expected if expected else pd.isna(value)


def test_unexpected_categories_count_as_missing_when_asked_and_are_counted(ham, ham_rows):
    settings = Ham10000Settings(unexpected_categories="missing")
    cohort = open_cohort(settings, ham([*ham_rows, with_cell("site", "Torso")]))
    assert pd.isna(cohort.samples.loc["ISIC_0000009", "field:site"])
    assert "site: 1 cells are none of the declared categories and count as missing: 'Torso' (1)" in cohort.notes
    assert cohort.left_out == ()
    with pytest.raises(InputError, match="age 'fifty' is not a number"):
        open_cohort(settings, ham([*ham_rows, with_cell("age", "fifty")]))


def test_labels_are_found_whatever_their_letter_case(ham, ham_rows, ham_settings):
    cohort = open_cohort(ham_settings, ham([*ham_rows, with_cell("dx", "NV")]))
    assert cohort.samples.loc["ISIC_0000009", "target:diagnosis"] == "nv"


def test_a_class_without_samples_is_a_note(ham, ham_settings):
    assert "diagnosis: class 'df' has no sample" in open_cohort(ham_settings, ham()).notes


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, "cohort 'ham10000' needs a data folder: give it with --data"),
        ("absent", "absent' does not exist"),
        ("file", "file' is not a folder"),
    ],
)
def test_data_folder(ham_settings, tmp_path, name, message):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=message):
        open_cohort(ham_settings, tmp_path / name if name else None)


def test_the_folders_that_were_searched_are_named_once(ham, ham_settings):
    data = ham()
    for number in (2, 3):
        (data / "images" / f"ISIC_000000{number}.jpg").unlink()
    with pytest.raises(InputError) as caught:
        open_cohort(ham_settings, data)
    assert str(caught.value).splitlines()[1:] == [
        "  ISIC_0000002: image 'ISIC_0000002' not found",
        "  ISIC_0000003: image 'ISIC_0000003' not found",
        f"Images were looked for in {data / 'images'} or {data}.",
        "Correct them, or leave them out with --skip-bad.",
    ]


def test_a_file_that_is_no_image_is_told_in_the_same_words_each_time(ham, ham_settings):
    data = ham()
    (data / "images" / "ISIC_0000003.jpg").write_bytes(b"<html>")
    left_out = [open_cohort(ham_settings, data, skip_bad=True).left_out for _ in range(2)]
    assert left_out[0] == left_out[1]
    assert left_out[0][0].what == (
        "image 'images/ISIC_0000003.jpg' is cut short or broken (it begins like no known image format)"
    )


@pytest.mark.parametrize("column", ["id", "dx", "age", "sex"])
def test_long_cells_are_cut(ham, ham_rows, ham_settings, column):
    data = ham([*ham_rows, with_cell(column, "9" * 5000)])
    with pytest.raises(InputError) as caught:
        open_cohort(ham_settings, data)
    assert max(len(line) for line in str(caught.value).splitlines()) < 300


def test_a_blank_image_cell_is_told_with_its_column(cases, case_rows, case_settings):
    data = cases([*case_rows, ("4", "", "B/c2.jpg", "nevus", "typical", "female", "flat")])
    with pytest.raises(InputError, match="4: no image is named in column 'clinic'"):
        open_cohort(case_settings, data)


def test_a_target_of_one_class_is_a_note(ham, ham_rows, ham_settings):
    rows = [(*row[:2], "nv", *row[3:]) for row in ham_rows]
    notes = open_cohort(ham_settings, ham(rows)).notes
    assert "diagnosis: every sample is of class 'nv'; nothing can be told apart" in notes
