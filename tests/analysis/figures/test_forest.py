"""The forest plot: rows from a table's records, incomplete ones left out; same rows, same bytes; labels escaped."""

import xml.etree.ElementTree as ElementTree

import pytest

from analysis.figures import differences, forest
from analysis.figures.base import draw
from analysis.figures.forest import (
    ForestRow,
    ForestStyle,
    best_rows,
    forest_rows,
    forest_size,
    paint_forest,
    planned_forests,
    shared_limits,
)
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


FUSIONS = {
    "name": "fusions",
    "title": "Multiply against concat",
    "kind": "comparisons",
    "rows": "metadata.fields",
    "reference": {"fusion.name": "concat"},
}


def drawn(rows):
    style = ForestStyle("percent <1>", digits=2)
    return draw("forest", forest_size(rows), lambda figure: paint_forest(figure, rows, style))[0]


def test_rows_are_the_complete_configurations_in_percent():
    assert forest_rows(TABLE) == (
        ForestRow("image only", 50.0, (45.0, 55.00000000000001), (40.0, 60.0), "", True),
        ForestRow("a < b & c", 62.5, (60.0, 65.0), None, "suggested", False),
    )


def test_the_same_rows_give_the_same_bytes_and_valid_svg():
    first, second = (drawn(forest_rows(TABLE)) for _ in range(2))
    assert first == second
    text = "".join(ElementTree.fromstring(first).itertext())
    for expected in ("a < b & c", "percent <1>", "62.50", "image only"):
        assert expected in text
    assert "incomplete" not in text


def test_no_rows_draw_an_empty_figure():
    assert drawn(()).startswith(b"<?xml")


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


def test_a_table_whose_rows_another_forest_has_is_drawn_once_and_with_other_references_as_differences(
    metadata_study, make_part, make_run
):
    subsets = {
        "name": "subsets",
        "title": "S",
        "rows": "metadata.fields",
        "columns": "fusion.name",
        "reference": {"fusion.name": "none"},
        "metrics": ("mcr", "auc"),
    }
    again = {"name": "again", "title": "A", "kind": "comparisons", "reference": {"fusion.name": "none"}}
    best = {"name": "best", "title": "B", "kind": "leaderboard", "metrics": ("mcr", "auc")}
    run = make_run(make_part(*metadata_study, (subsets, again, FUSIONS, best)))
    planned = [(one.table.name, one.of_differences) for one in planned_forests(run)]
    assert planned == [("subsets_mcr", False), ("subsets_auc", False), ("fusions_mcr", True)]
    assert [one.section for one in forest.build(run)] == ["results", "results"]
    alone = make_run(make_part(*metadata_study, (again, best)))
    assert [(one.table.name, one.of_differences) for one in planned_forests(alone)] == [("again_mcr", False)]
    assert [one.section for one in forest.build(alone)] == ["comparisons"]


def test_differences_are_those_of_the_table_and_name_each_reference(metadata_study, make_part, make_run):
    part = make_part(*metadata_study, (FUSIONS,))
    (planned,) = planned_forests(make_run(part))
    rows = differences.difference_rows(planned)
    assert [row.label for row in rows] == [
        "multiply age against concat age", "multiply age+sex against concat age+sex",
    ]  # fmt: skip
    records = {one["label"]: one for one in part.tables[0].records}
    for row in rows:
        record = records[row.label.partition(" against ")[0]]
        assert row.estimate == pytest.approx(100 * record["difference"])
        bounds = [100 * record[f"difference_{name}"] for name in ("max_se_low", "max_se_high", "nb_low", "nb_high")]
        assert [*row.thick, *row.thin] == pytest.approx(bounds)
        assert row.verdict == record["verdict"].partition(" ")[0]
    (one,) = differences.build(make_run(part))
    assert (one.name, one.section) == ("differences_fusions_mcr", "comparisons")
    assert "its own" not in one.caption
    assert "to its reference" in one.caption


def test_arms_on_one_cohort_share_their_axis(metadata_study, make_part, make_run):
    study, results = metadata_study
    arms = [make_part(study, results, ({**FUSIONS, "name": f"{name}_t"},), name=name) for name in ("a", "b")]
    assert ["Arms share one axis." in one.caption for one in differences.build(make_run(*arms))] == [True, True]
    assert "Arms share" not in differences.build(make_run(arms[0]))[0].caption
    low, high = shared_limits([forest_rows(TABLE), (ForestRow("far", 80.0, (70.0, 90.0), None, "", False),)])
    assert (low, high) == pytest.approx((38.0, 92.0))  # 40 to 90, with 4 % of 50 on both sides
