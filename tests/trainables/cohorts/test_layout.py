"""What a file lacks and what follows from the diagnosis is no field, and whoever asks is told why."""

import pytest

from trainables.cohorts import Field, Target
from trainables.cohorts.layout import Layout, is_missing, read_samples, same_columns
from trainables.cohorts.outcomes import outcome_reason

LAYOUT = Layout(
    cohort="x",
    id_column="image_id",
    image_columns={"dermoscopy": "image_id"},
    targets={"dx": Target("diagnosis", ("a", "b"))},
    fields={
        "localization": Field("site", "category", categories=("back",)),
        "age": Field("age", "number"),
        "level": Field("difficulty", "number", outcome="it is judged afterwards"),
    },
    missing={},
    aliases=same_columns("image_id", "dx", "localization", "age", "level"),
    group_column=None,
    group_name="sample",
)


def read(tmp_path, header: str, **options):
    path = tmp_path / "x.csv"
    path.write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n")
    table, layout = read_samples(path, LAYOUT, **options)
    return list(table.columns), layout


def test_columns_come_under_the_names_of_the_layout(tmp_path):
    columns, layout = read(tmp_path, "Image,DX,site,Age,level", allow_outcomes=True)
    assert columns == ["image_id", "dx", "localization", "age", "level"]
    assert [field.name for field in layout.fields.values()] == ["site", "age", "difficulty"]
    assert layout.notes == ()


def test_an_outcome_is_not_even_read_unless_allowed(tmp_path):
    columns, layout = read(tmp_path, "image_id,dx,localization,age,level", allow_outcomes=False)
    assert "level" not in columns
    refused = dict(layout.refused_fields)
    assert refused["difficulty"] == refused["level"]
    assert refused["level"].startswith("it is judged afterwards; a study that says allow_outcome_fields: true")


def test_who_asks_for_a_column_hears_the_name_of_its_field(tmp_path):
    _, layout = read(tmp_path, "image_id,dx,localization,age,level", allow_outcomes=True)
    refused = dict(layout.refused_fields)
    assert refused["localization"] == refused["anatom_site_general"] == "the field is called 'site' here"
    assert refused["level"] == "the field is called 'difficulty' here"
    assert not {"site", "age", "difficulty"} & set(refused)


def test_absent_columns_are_left_out_with_a_note(tmp_path):
    _, layout = read(tmp_path, "image_id,dx,level", allow_outcomes=False)
    assert layout.fields == {}
    assert layout.notes == (
        "field 'site' is left out: x.csv has no column 'localization'",
        "field 'age' is left out: x.csv has no column 'age'",
    )
    assert dict(layout.refused_fields)["age"] == "x.csv has no column 'age'"


KNOWN = (
    *("dx_type", "Dx Type", "dx-type", "DX", "dx2", "diagnosis", "diagnosis_1", "diagnosis_5", "Diagnosis 2", "label"),
    *("diagnosis_confirm_type", "diagnosis confirm type", "iddx_full", "iddx_1", "IDDX 5", "is_malignant", "target"),
    *(" Benign_Malignant ", "benign/malignant", "biopsed", "BIOPSED", "biopsied?", "is_biopsied", "isBiopsied"),
    *(
        "biopsy",
        "concomitant_biopsy",
        "histopathology",
        "histopathology_result",
        "histology",
        "management",
        "Management ",
    ),
    *("difficulty_level", "level_of_diagnostic_difficulty", "mel_thick_mm", "mel_class", "seven_point_score"),
)
ORDINARY = (
    *("age", "age_at_diagnosis", "sex", "gender", "site", "localization", "anatom_site_general", "elevation", "itch"),
    *("grew", "changed", "hurt", "bleed", "smoke", "drink", "pesticide", "skin_cancer_history", "cancer_history"),
    *("family_history_mm", "family_hx_mm", "personal_hx_mm", "family_history_melanoma", "has_piped_water", "region"),
    *("fitspatrick", "diameter_1", "diameter_2", "clin_size_long_diam_mm", "nevus_count", "image_type"),
    *(
        "tbp_lv_nevi_confidence",
        "label_printer",
        "targeted_therapy",
        "histogram_mean",
        "attribution",
        "dermoscopic_type",
    ),
    *("idx", "dx_types", "12", "?", ""),
)


@pytest.mark.parametrize("column", KNOWN)
def test_known_outcomes(column):
    assert outcome_reason(column)


@pytest.mark.parametrize("column", ORDINARY)
def test_columns_that_are_none(column):
    assert outcome_reason(column) == ""


@pytest.mark.parametrize("cell", ["", "NaN", "unknown", "UNK", "N/A", "na"])
def test_words_for_no_value(cell):
    assert is_missing(cell)
    assert not is_missing(f"{cell}1")
    assert is_missing(cell, ()) is (cell == "")
