"""All loaders on made-up copies of their data sets: what every cohort owes, and what none may do."""

import csv
import pickle
import random

import numpy as np
import pytest
from made_up_cohorts import WRITERS
from pydantic import TypeAdapter

from models.errors import InputError
from trainables.cohorts import COHORTS, CohortSettings, open_cohort
from trainables.metadata import MetadataSettings, fit_encoder

TABLES = {
    "derm7pt": "release_v0/meta/meta.csv",
    "ham10000": "HAM10000_metadata.csv",
    "isic2018-test": "ISIC2018_Task3_Test_GroundTruth.csv",
    "isic2019": "ISIC_2019_Training_Metadata.csv",
    "isic2020": "train.csv",
    "pad-ufes-20": "metadata.csv",
}
SEX = {name: "sex" for name in TABLES} | {"pad-ufes-20": "gender"}
OUTCOMES = {
    "derm7pt": {"difficulty", "management", "seven_point_score"},
    "ham10000": {"dx_type"},
    "isic2018-test": {"dx_type"},
    "isic2019": set(),
    "isic2020": {"diagnosis", "benign_malignant"},
    "pad-ufes-20": {"biopsed"},
}
GROUP = {
    "derm7pt": "case_num",
    "ham10000": "lesion_id",
    "isic2018-test": "lesion_id",
    "isic2019": "lesion_id",
    "isic2020": "patient_id",
    "pad-ufes-20": "patient_id",
}
every_cohort = pytest.mark.parametrize("name", sorted(WRITERS))


def settings_of(name: str, **options):
    return TypeAdapter(CohortSettings).validate_python({"name": name, **options})


@pytest.fixture
def folder(name, tmp_path):
    return WRITERS[name](tmp_path)


def rewrite(path, change) -> None:
    """Apply `change` to all rows of a CSV file, header first."""
    with path.open(newline="") as file:
        rows = [list(row) for row in csv.reader(file)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(change(rows))


def rename_column(path, old: str, new: str) -> None:
    rewrite(path, lambda rows: [[new if cell == old else cell for cell in rows[0]], *rows[1:]])


def drop_column(path, name: str) -> None:
    def change(rows):
        place = rows[0].index(name)
        return [row[:place] + row[place + 1 :] for row in rows]

    rewrite(path, change)


def test_every_cohort_of_files_has_a_made_up_copy():
    assert {*WRITERS, "phantom", "table"} == set(COHORTS.names())


@every_cohort
def test_opens_whole_with_sound_columns(name, folder):
    cohort = open_cohort(settings_of(name), folder)
    assert len(cohort) > 0
    assert cohort.left_out == ()
    assert list(cohort.samples.index) == sorted(set(cohort.samples.index))
    for target in cohort.targets:
        assert set(cohort.samples[f"target:{target.name}"]) <= set(target.classes)
        assert len(set(cohort.labels(target.name))) > 1
    for field in cohort.fields:
        values = cohort.samples[f"field:{field.name}"].dropna()
        assert len(values)
        assert field.kind == "number" or set(values) <= set(field.categories)
        assert len(set(field.categories)) == len(field.categories)
    pixels = cohort.images.read(0, cohort.image_names[-1])
    assert (pixels.shape, pixels.dtype) == ((32, 40, 3), np.uint8)


@every_cohort
def test_travels_and_keeps_its_fingerprint_however_the_rows_are_ordered(name, folder):
    first = open_cohort(settings_of(name), folder)
    arrived = pickle.loads(pickle.dumps(first))
    assert arrived.fingerprint == first.fingerprint
    assert arrived.official_split == first.official_split

    def shuffled(rows):
        return [rows[0], *random.Random(0).sample(rows[1:], len(rows) - 1)]

    rewrite(folder / TABLES[name], shuffled)
    again = open_cohort(settings_of(name), folder)
    assert again.fingerprint == first.fingerprint
    assert again.samples.equals(first.samples)


@every_cohort
def test_outcomes_are_refused_with_a_reason_and_are_fields_when_allowed(name, folder):
    cohort = open_cohort(settings_of(name), folder)
    assert not [field for field in cohort.fields if field.outcome]
    for outcome in OUTCOMES[name]:
        with pytest.raises(InputError, match=rf"'{outcome}' cannot be an input: .*allow_outcome_fields: true"):
            fit_encoder(MetadataSettings(fields=(outcome,)), cohort, np.arange(len(cohort)))
    allowed = open_cohort(settings_of(name), folder, allow_outcomes=True)
    assert {field.name for field in allowed.fields if field.outcome} == OUTCOMES[name]
    assert allowed.fields[: len(cohort.fields)] == cohort.fields
    assert (allowed.fingerprint == cohort.fingerprint) == (not OUTCOMES[name])
    assert not set(dict(allowed.refused_fields)) & OUTCOMES[name]
    fields = tuple(field.name for field in allowed.fields)
    assert fit_encoder(MetadataSettings(fields=fields), allowed, np.arange(len(cohort))).width > 0


@every_cohort
def test_sex_may_be_called_gender_or_another_letter_case(name, folder):
    before = open_cohort(settings_of(name), folder).fingerprint
    path = folder / TABLES[name]
    for new in ("Gender", "SEX"):
        rename_column(path, SEX[name] if new == "Gender" else "Gender", new)
        assert open_cohort(settings_of(name), folder).fingerprint == before


@every_cohort
def test_a_field_whose_column_is_missing_is_left_out_and_asking_for_it_says_so(name, folder):
    drop_column(folder / TABLES[name], SEX[name])
    cohort = open_cohort(settings_of(name), folder)
    assert "sex" not in [field.name for field in cohort.fields]
    file = TABLES[name].split("/")[-1]
    assert f"field 'sex' is left out: {file} has no column {SEX[name]!r}" in cohort.notes
    with pytest.raises(InputError, match=f"'sex' cannot be an input: {file} has no column '{SEX[name]}'"):
        fit_encoder(MetadataSettings(fields=("sex",)), cohort, np.arange(len(cohort)))


@every_cohort
def test_a_missing_group_column_is_named(name, folder):
    drop_column(folder / TABLES[name], GROUP[name])
    with pytest.raises(InputError, match=f"no column '{GROUP[name]}'"):
        open_cohort(settings_of(name), folder)


@every_cohort
def test_unexpected_categories_stop_the_run_or_count_as_missing(name, folder):
    def change(rows):
        place = rows[0].index(SEX[name])
        return [rows[0], *([*row[:place], "intersex", *row[place + 1 :]] for row in rows[1:3]), *rows[3:]]

    rewrite(folder / TABLES[name], change)
    with pytest.raises(InputError, match=r"2 of .* samples cannot be used[\s\S]*sex 'intersex' is not one of female"):
        open_cohort(settings_of(name), folder)
    cohort = open_cohort(settings_of(name, unexpected_categories="missing"), folder)
    assert any(note.startswith("sex: 2 cells are none of the declared categories") for note in cohort.notes)
    assert cohort.left_out == ()


@every_cohort
def test_missing_images_are_told_and_skipped(name, folder):
    pictures = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".png"))
    whole = open_cohort(settings_of(name), folder)
    for path in pictures[: len(pictures) // 4]:
        path.unlink()
    with pytest.raises(InputError, match=r"cannot be used[\s\S]*looked for in[\s\S]*--skip-bad"):
        open_cohort(settings_of(name), folder)
    some = open_cohort(settings_of(name), folder, skip_bad=True)
    assert 0 < len(some) < len(whole)
    assert len(some) + len({problem.sample for problem in some.left_out}) == len(whole)
    assert set(some.official_split) <= set(some.samples.index)


@every_cohort
def test_the_folder_above_will_do(name, tmp_path):
    WRITERS[name](tmp_path / name.upper())
    assert len(open_cohort(settings_of(name), tmp_path)) > 0


@every_cohort
def test_a_folder_without_the_file_is_told_its_name(name, tmp_path):
    file = TABLES[name].removeprefix("release_v0/")
    with pytest.raises(InputError, match=f"holds no {file}; give .* own folder$"):
        open_cohort(settings_of(name), tmp_path)
