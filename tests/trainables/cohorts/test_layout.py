"""What a file lacks and what follows from the diagnosis is no field, and whoever asks is told why."""

import pytest

from trainables.cohorts import Field, Target
from trainables.cohorts.layout import Layout, read_samples, same_columns
from trainables.cohorts.outcomes import OUTCOMES, outcome_reason

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


@pytest.mark.parametrize("column", ["dx_type", "biopsed", "management", "diagnosis", " Benign_Malignant "])
def test_known_outcomes(column):
    assert outcome_reason(column)


@pytest.mark.parametrize("column", ["age", "sex", "localization", "elevation", "itch", "", "dx_types"])
def test_columns_that_are_none(column):
    assert outcome_reason(column) == ""


def test_outcomes_are_listed_in_small_letters():
    assert all(name == name.casefold().strip() for name in OUTCOMES)
