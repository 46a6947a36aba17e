"""PAD-UFES-20: 21 fields in 73 columns, blanks and UNK missing, pictures with an alpha channel in nested parts."""

import csv
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from made_up_cohorts import PAD_HEADER, write_csv, write_image, write_pad_ufes_20

from models.errors import InputError
from trainables.cohorts import PadUfes20Settings, open_cohort
from trainables.cohorts.pad_ufes_20 import FIELDS
from trainables.metadata import MetadataSettings, fit_encoder

PLAIN = (
    *("PAT_1", "7", "True", "False", "POMERANIA", "GERMANY", "55", "False", "FEMALE", "True", "True", "True", "True"),
    *("3.0", "NECK", "6.0", "5.0", "BCC", "True", "UNK", "False", "UNK", "True", "True", "PAT_1_7_1.png", "True"),
)


def with_cells(folder, **cells):
    """Three rows: a plain one, one with `cells`, and one of another class."""
    rows = [dict(zip(PAD_HEADER, PLAIN, strict=True)) for _ in range(3)]
    rows[1] |= cells | {"img_id": "PAT_2_8_2.png", "patient_id": "PAT_2"}
    rows[2] |= {"img_id": "PAT_3_9_3.png", "patient_id": "PAT_3", "diagnostic": "NEV"}
    for number, row in enumerate(rows):
        write_image(folder / "imgs_part_2" / row["img_id"], 60 * number, mode="RGBA")
    write_csv(folder / "metadata.csv", PAD_HEADER, [list(row.values()) for row in rows])
    return folder


def test_all_fields_make_the_columns_that_peers_count(tmp_path):
    cohort = open_cohort(PadUfes20Settings(), write_pad_ufes_20(tmp_path))
    fields = tuple(field.name for field in cohort.fields)
    assert len(fields) == 21
    width = fit_encoder(MetadataSettings(fields=fields, encoding="zero-fill"), cohort, np.arange(len(cohort))).width
    assert width == 73
    assert list(FIELDS) == [*(column for column in PAD_HEADER if column in FIELDS)]
    with_unknown = 8  # both backgrounds and the six symptoms have UNK cells in the real file
    assert width + with_unknown == 81


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("gender", "FEMALE", "sex", "female"),
        ("gender", "", "sex", None),
        ("fitspatrick", "2.0", "fitzpatrick", "2"),
        ("fitspatrick", "2", "fitzpatrick", "2"),
        ("smoke", "TRUE", "smoke", "true"),
        ("smoke", "0", "smoke", "false"),
        ("itch", "UNK", "itch", None),
        ("background_father", "BRASIL", "background_father", "brasil"),
        ("background_mother", "UNK", "background_mother", None),
        ("diameter_1", "12.5", "diameter_1", 12.5),
        ("diameter_1", "", "diameter_1", None),
        ("region", " forearm", "region", "forearm"),
    ],
)
def test_cells(tmp_path, column, cell, field, value):
    cohort = open_cohort(PadUfes20Settings(), with_cells(tmp_path, **{column: cell}))
    read = cohort.samples.loc["PAT_2_8_2.png", f"field:{field}"]
    assert pd.isna(read) if value is None else read == value


def test_columns_that_others_call_differently(tmp_path):
    with_cells(tmp_path)
    path = tmp_path / "metadata.csv"
    path.write_text(path.read_text().replace("fitspatrick", "Fitzpatrick").replace("img_id", "image_id"))
    cohort = open_cohort(PadUfes20Settings(), tmp_path)
    assert "fitzpatrick" in [field.name for field in cohort.fields]


def test_pictures_with_alpha_in_nested_parts(tmp_path):
    cohort = open_cohort(PadUfes20Settings(), write_pad_ufes_20(tmp_path))
    paths = [path for (path,) in cohort.images.paths]
    assert Counter(path.split("/")[1] for path in paths) == {f"imgs_part_{part}": 12 for part in (1, 2, 3)}
    assert cohort.images.read(0, "clinical").shape == (32, 40, 3)


def test_groups_are_patients_not_lesions_that_patients_share(tmp_path):
    cohort = open_cohort(PadUfes20Settings(), with_cells(tmp_path))
    assert cohort.group_name == "patient"
    assert cohort.samples["group"].tolist() == ["PAT_1", "PAT_2", "PAT_3"]


def test_blank_clinical_cells_belong_to_benign_samples_in_the_copy(tmp_path):
    """The copy has the real file's leak, so that a probe can be tried on it."""
    samples = open_cohort(PadUfes20Settings(), write_pad_ufes_20(tmp_path)).samples
    blank = samples[samples["field:smoke"].isna()]
    assert len(blank)
    assert set(blank["target:diagnosis"]) <= {"ACK", "NEV", "SEK"}


@pytest.mark.parametrize("column", ["img_id", "diagnostic", "patient_id"])
def test_columns_that_must_be_there(tmp_path, column):
    with_cells(tmp_path)
    path = tmp_path / "metadata.csv"
    path.write_text(path.read_text().replace(column, "other", 1))
    with pytest.raises(InputError, match=f"no column '{column}'"):
        open_cohort(PadUfes20Settings(), tmp_path)


def test_a_third_of_the_images_opens_with_skip_bad(tmp_path):
    """As many rows as the real file, 686 with an image: the others are named, and the rest opens."""
    rows = []
    for number in range(2_298):
        row = dict(zip(PAD_HEADER, PLAIN, strict=True))
        row |= {
            "img_id": f"PAT_{number}_1_1.png",
            "patient_id": f"PAT_{number}",
            "diagnostic": ("BCC", "NEV")[number % 2],
        }
        rows.append(list(row.values()))
        if number % 3 == 0 and number < 3 * 686:
            write_image(tmp_path / "images" / f"PAT_{number}_1_1.png", number % 200, number, size=(4, 4))
    write_csv(tmp_path / "metadata.csv", PAD_HEADER, rows)
    cohort = open_cohort(PadUfes20Settings(), tmp_path, skip_bad=True)
    with (tmp_path / "metadata.csv").open() as file:
        assert len(cohort) + len(cohort.left_out) == sum(1 for _ in csv.reader(file)) - 1 == 2_298
    assert len(cohort) == 686
