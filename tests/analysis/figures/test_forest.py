"""The forest plot: rows from a table's records, incomplete ones left out; same rows, same bytes; labels escaped."""

import xml.etree.ElementTree as ElementTree

from analysis.figures import ForestRow, draw_forest, forest_rows
from analysis.figures.forest import best_rows
from analysis.tables import Column, Table

RECORDS = (
    {"label": "image only", "estimate": 0.5, "max_se_low": 0.45, "max_se_high": 0.55, "nb_low": 0.4, "nb_high": 0.6,
     "is_reference": True, "verdict": None},
    {"label": "a < b & c", "estimate": 0.625, "max_se_low": 0.6, "max_se_high": 0.65, "nb_low": None, "nb_high": None,
     "is_reference": False, "verdict": "suggested better"},
    {"label": "incomplete", "estimate": None, "max_se_low": None, "max_se_high": None, "nb_low": None, "nb_high": None,
     "is_reference": False, "verdict": None},
)  # fmt: skip
TABLE = Table("t", "T", "", (Column("x"),), (), records=RECORDS)


def test_rows_are_the_complete_configurations_in_percent():
    assert forest_rows(TABLE) == (
        ForestRow("image only", 50.0, (45.0, 55.00000000000001), (40.0, 60.0), "", True),
        ForestRow("a < b & c", 62.5, (60.0, 65.0), None, "suggested", False),
    )


def test_the_same_rows_give_the_same_bytes_and_valid_svg():
    first, second = (draw_forest(forest_rows(TABLE), "Title <1>", "percent") for _ in range(2))
    assert first == second
    text = "".join(ElementTree.fromstring(first).itertext())
    for expected in ("a < b & c", "Title <1>", "62.5", "image only"):
        assert expected in text
    assert "incomplete" not in text


def test_no_rows_draw_an_empty_figure():
    assert draw_forest((), "nothing", "percent").startswith(b"<?xml")


def test_of_many_rows_the_references_and_the_best_stay_in_their_order():
    rows = tuple(
        ForestRow(name, value, (0, 1), None, "", name == "r") for name, value in zip("arbc", (3, 1, 5, 4), strict=True)
    )
    assert "".join(row.label for row in best_rows(rows, "mcr", 3)) == "rbc"
    assert "".join(row.label for row in best_rows(rows, "brier", 3)) == "arc"


def test_a_split_without_fold_sd_draws_its_clustered_interval():
    record = RECORDS[0] | {"max_se_low": None, "max_se_high": None, "clustered_low": 0.48, "clustered_high": 0.52}
    (row,) = forest_rows(Table("t", "T", "", (Column("x"),), (), records=(record,)))
    assert row.thick == (48.0, 52.0)
