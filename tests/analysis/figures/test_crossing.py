"""Heat map, interaction plot and ladder: what stands in which cell is what the ablation table holds."""

import itertools

import numpy as np
import pytest

from analysis.figures.crossing import CrossedCell, Crossing, crossing_info, left_out_sentence
from analysis.figures.interaction import spread_of_gaps
from analysis.figures.ladder import ladder_info


def crossed(values) -> Crossing:
    cells = {
        place: CrossedCell(value, value - 1, value + 1) for place, value in np.ndenumerate(np.array(values, float))
    }
    names = [tuple(map(str, range(count))) for count in np.shape(values)]
    return Crossing("rows", "columns", *names, cells, None, (0, 0), "method")


def test_cells_stand_where_the_table_has_them(subsets):
    specification = subsets.specifications[0]
    crossing = crossing_info(specification, subsets.results, "mcr")
    assert crossing.rows == ("age", "age + sex")
    assert crossing.columns == ("concat", "multiply")
    by_label = {one.label: one.scores_of("mcr") for one in subsets.results}
    for (row, fields), (column, fusion) in itertools.product(
        enumerate(("age", "age+sex")), enumerate(crossing.columns)
    ):
        scores, cell = by_label[f"{fusion} {fields}"], crossing.cells[row, column]
        interval = scores.max_se_interval()
        assert (cell.value, cell.low, cell.high) == pytest.approx(
            (100 * scores.estimate, 100 * interval.low, 100 * interval.high)
        )
    label, cell = crossing.spanning
    assert (label, cell.value) == ("image only", pytest.approx(100 * by_label["image only"].estimate))
    assert left_out_sentence(crossing) == ""


def test_of_many_levels_the_best_are_shown_and_the_rest_counted(make_study, make_part, configure):
    study = make_study(folds=2)
    results = [study.result(configure("none"), 0.5)] + [
        study.result(configure(f"fusion{number:02d}", "age"), 0.1 * number, seed=number + 2) for number in range(13)
    ]
    table = {"rows": "metadata.fields", "columns": "fusion.name", "reference": {"fusion.name": "none"}}
    part = make_part(study, results, ({"name": "t", "title": "T", **table},))
    crossing = crossing_info(part.specifications[0], part.results, "mcr")
    assert len(crossing.columns) == 10
    assert crossing.left_out == (0, 3)
    scores = {one.configuration["fusion"]["name"]: one.scores_of("mcr").estimate for one in results[1:]}
    assert set(crossing.columns) == set(sorted(scores, key=scores.get)[-10:])
    assert "3 of fusion" in left_out_sentence(crossing)


def test_the_best_cell_of_a_metric_that_counts_errors_is_the_lowest(subsets):
    specification = subsets.specifications[0]
    for metric, pick in (("mcr", max), ("brier", min)):
        crossing = crossing_info(specification, subsets.results, metric)
        assert crossing.best[1].value == pick(cell.value for cell in crossing.cells.values())


def test_parallel_lines_have_no_gaps():
    assert spread_of_gaps(crossed([[1, 2, 3], [11, 12, 13]])) == pytest.approx(0.0)


def test_the_spread_of_gaps_is_the_interaction_of_an_analysis_of_variance():
    # by hand: residuals of [[1, 2], [3, 8]] are +-1, sum of squares 4 on 1 degree of freedom
    assert spread_of_gaps(crossed([[1, 2], [3, 8]])) == pytest.approx(2.0)


def test_a_gap_leaves_the_spread_open():
    crossing = crossed([[1, 2], [3, 4]])
    del crossing.cells[1, 1]
    assert spread_of_gaps(crossing) is None


@pytest.mark.parametrize("swapped", [False, True])
def test_the_ladder_sorts_subsets_by_gain(subsets, swapped):
    specification = subsets.specifications[0]
    if swapped:
        specification = specification.model_copy(update={"rows": "fusion.name", "columns": "metadata.fields"})
    ladder = ladder_info(specification, subsets.results, "mcr")
    scores = {one.label: 100 * one.scores_of("mcr").estimate for one in subsets.results}
    gains = {label: score - scores["image only"] for label, score in scores.items()}
    assert ladder.fields == ("age", "sex")
    assert ladder.series == ("fusion concat", "fusion multiply")
    assert [rung.fields for rung in ladder.rungs] == [("age",), ("age", "sex")]
    for rung in ladder.rungs:
        expected = [gains[f"{name} {'+'.join(rung.fields)}"] for name in ("concat", "multiply")]
        assert [step.difference for step in sorted(rung.steps, key=lambda s: s.series)] == pytest.approx(expected)
        assert rung.gain == pytest.approx(np.mean(expected))


def test_a_table_without_subsets_has_no_ladder(make_study, make_part, configure):
    study = make_study()
    results = [study.result(configure(name), 0.5, seed=seed) for seed, name in enumerate(("none", "a", "b"))]
    table = {"name": "t", "title": "T", "rows": "fusion.name", "reference": {"fusion.name": "none"}}
    part = make_part(study, results, (table,))
    assert ladder_info(part.specifications[0], part.results, "mcr") is None


def test_against_a_reference_that_holds_fields_there_is_no_ladder(subsets):
    reference = {"fusion.name": "concat", "metadata.fields": ["age"]}
    specification = subsets.specifications[0].model_copy(update={"reference": reference})
    assert ladder_info(specification, subsets.results, "mcr") is None


def test_a_series_without_a_difference_is_not_in_the_key(make_study, make_part, configure):
    study = make_study()
    results = [
        study.result(configure("none"), 0.5, label="image only"),
        *(
            study.result(configure("concat", *fields), 1.0, seed=len(fields) + 2)
            for fields in (("age",), ("age", "sex"))
        ),
    ]
    table = {"name": "t", "title": "T", "rows": "metadata.fields", "columns": "loss.name"}
    table |= {"reference": {"fusion.name": "none"}}
    for result, loss in zip(results, ("weighted", "focal", "focal"), strict=True):
        result.configuration["loss"] = {"name": loss}
    part = make_part(study, results, (table,))
    ladder = ladder_info(part.specifications[0], part.results, "mcr")
    assert ladder.series == ("loss focal",)
    assert [step.series for rung in ladder.rungs for step in rung.steps] == [0, 0]
