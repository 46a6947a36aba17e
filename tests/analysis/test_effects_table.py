"""The table of effects: which part of a grid is full, and the two factors and their interaction over it."""

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.errors import AnalysisError
from analysis.statistics.mixed_model import two_factor_effects
from analysis.tables import TableSpecification, build_tables, check_tables, text_rows
from analysis.tables.effects import full_grid
from analysis.tables.renderers import RENDERERS

EFFECTS = {
    "name": "effects",
    "title": "Effects",
    "kind": "effects",
    "rows": "metadata.fields",
    "columns": "fusion.name",
}


def build(study, results, **settings):
    (table,) = build_tables([TableSpecification(**EFFECTS | settings)], results, study.context(results))
    return table


def test_image_only_is_left_out_and_the_rest_is_tested(metadata_study):
    study, results = metadata_study
    table = build(study, results)
    scores = np.array([result.scores_of("mcr").values for result in results[1:]]).reshape(2, 2, 5)
    expected = two_factor_effects(scores, test_over_train=results[1].scores_of("mcr").test_over_train)
    assert [row[0].text for row in table.rows] == ["metadata fields", "fusion", "metadata fields × fusion"]
    for row, effect in zip(table.rows, (expected.rows, expected.columns, expected.interaction), strict=True):
        assert [cell.value for cell in (row[2], *row[4:])] == [
            *(effect.share, effect.f, effect.p, effect.corrected_f, effect.corrected_p)
        ]
        assert row[3].text == f"{effect.df}, 12"
    means = scores.mean(axis=2)
    assert table.rows[0][1].value == pytest.approx(abs(np.diff(means.mean(axis=1))[0]))
    assert table.rows[1][1].value == pytest.approx(abs(np.diff(means.mean(axis=0))[0]))
    assert text_rows(table)[2][1] == "–"
    assert "Left out, for they do not stand with all others: metadata fields none; fusion none." in table.notes[0]
    assert "Folds share training data, so they are not independent" in table.notes[1]
    assert [record["range"] for record in table.records] == [row[1].value for row in table.rows]
    assert [record["p"] for record in table.records] == [row[5].value for row in table.rows]


def test_the_emptiest_level_goes_first(make_study, configure):
    study = make_study()
    cells = [
        ("concat", "age"),
        ("concat", "sex"),
        ("concat", "site"),
        ("film", "age"),
        ("film", "sex"),
        ("film", "site"),
    ]
    cells += [("multiply", "age"), ("multiply", "sex")]
    results = [study.result(configure(*cell), 0.5, seed=seed) for seed, cell in enumerate(cells)]
    grid = full_grid(TableSpecification(**EFFECTS), results)
    assert grid.left_out == ("metadata fields site",)  # as empty as fusion multiply: of equals the row
    assert len(grid.results) == len(grid.row_levels) * len(grid.column_levels) == 6


def test_the_order_of_configurations_does_not_matter(metadata_study):
    study, results = metadata_study
    assert build(
        study, results[::-1], row_order=(["age"], ["age", "sex"]), column_order=("concat", "multiply")
    ).rows == (build(study, results, row_order=(["age"], ["age", "sex"]), column_order=("concat", "multiply")).rows)


def test_an_incomplete_cell_leaves_dashes_and_a_stamp(metadata_study):
    study, results = metadata_study
    late = study.result(results[4].configuration | {"loss": {"name": "focal"}}, 0.5, label="late", missing=[(0, 0)])
    table = build(study, [*results[:4], late])
    assert all(cell == "–" for row in text_rows(table) for cell in row[1:])
    assert table.notes[0].endswith("No test: it takes scores of all of them on several folds.")
    assert table.stamps
    assert all(record["p"] is None for record in table.records)


def test_one_split_has_no_test(make_study, configure):
    study = make_study(plan="holdout", folds=1)
    cells = [("concat", "age"), ("concat", "sex"), ("film", "age"), ("film", "sex")]
    table = build(study, [study.result(configure(*cell), 1.0, seed=seed) for seed, cell in enumerate(cells)])
    assert text_rows(table)[0][2:] == ["–"] * 6
    assert text_rows(table)[0][1] != "–"


def test_no_noise_at_all_is_an_infinite_f(make_study, configure):
    study = make_study()
    cells = [("concat", "age"), ("concat", "sex"), ("film", "age"), ("film", "sex")]
    results = [study.result(configure(*cell), 60.0 if cell[0] == "film" else -60.0) for cell in cells]
    rows = text_rows(build(study, results))
    assert rows[1][4:6] == ["infinite", "<0.001"]
    assert rows[0][5] == "1.000"


def test_a_grid_without_two_by_two_has_no_rows_and_says_why(make_study, configure):
    study = make_study()
    results = [study.result(configure("none"), 0.5), study.result(configure("concat", "age"), 0.5)]
    check_tables([TableSpecification(**EFFECTS)], results, study.targets)
    table = build(study, results)
    assert table.rows == ()
    assert table.notes[0].startswith("Effects need at least two levels of metadata.fields that all stand with two")
    assert all(render(table) for render in RENDERERS.values())
    with pytest.raises(AnalysisError, match="kind effects needs a grid"):
        check_tables([TableSpecification(**EFFECTS)], [], study.targets, search=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"columns": None}, "a table of kind effects needs rows and columns"),
        ({"reference": {"fusion.name": "none"}}, "a table of kind effects takes no reference"),
        ({"limit": 3}, "limit=3 belongs to a leaderboard, a ranking"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        TableSpecification(**EFFECTS | settings)
