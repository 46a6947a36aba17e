"""The ranking table: mean ranks over folds, and where each configuration stands against the first."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import rankdata

from analysis.statistics.comparisons import compare
from analysis.statistics.families import holm
from analysis.tables import TableSpecification, build_tables, text_rows
from analysis.tables.ranking import mean_ranks, ranking

RANKING = {"name": "ranks", "title": "Ranks", "kind": "ranking"}


def build(study, results, **settings):
    tables = build_tables([TableSpecification(**RANKING | settings)], results, study.context(results))
    return tables[0] if len(tables) == 1 else tables


def test_configurations_stand_by_their_mean_rank_over_folds(metadata_study):
    study, results = metadata_study
    table = build(study, results)
    values = np.array([result.scores_of("mcr").values for result in results])
    expected = np.mean([rankdata(-fold) for fold in values.T], axis=0)
    order = np.argsort(expected, kind="stable")
    assert [row[1].text for row in table.rows] == [results[place].label for place in order]
    assert [row[2].value for row in table.rows] == pytest.approx(expected[order])
    assert sum(record["mean_rank"] for record in table.records) == pytest.approx(5 * 3)
    assert [row[0] for row in text_rows(table)] == ["1", "2", "3", "4", "5"]


def test_all_are_compared_with_the_first_in_one_holm_family(metadata_study):
    study, results = metadata_study
    table = build(study, results)
    by_label = {result.label: result for result in results}
    first = by_label[table.rows[0][1].text]
    expected = [compare(first.scores_of("mcr"), by_label[row[1].text].scores_of("mcr")) for row in table.rows[1:]]
    adjusted = holm([one.corrected_t.p for one in expected])
    for row, record, one, p in zip(table.rows[1:], table.records[1:], expected, adjusted, strict=True):
        assert row[4].value == record["difference"] == one.estimate
        assert (row[5].low, row[5].high) == (one.corrected_t.interval.low, one.corrected_t.interval.high)
        assert row[6].value == record["p_nb_holm"] == p
        assert row[7].value == one.rope.equivalent
        assert record["reference"] == first.identifier
        assert (record["p_max_se"], record["difference_max_se_low"]) == (one.max_se.p, one.max_se.interval.low)
    assert text_rows(table)[0][4:] == ["", "", "", "", "first"]
    assert text_rows(table)[-1][-1] == "worse"
    assert any("favours it in every difference" in note for note in table.notes)
    assert any("4 comparisons with the first" in note for note in table.notes)


def test_ties_share_their_mean_rank_and_identical_configurations_are_unsure(make_study, configure):
    study = make_study()
    results = [
        study.result(configure("none"), 1.0, label="one"),
        study.result(configure("concat", "age"), 1.0, label="the same"),
        study.result(configure("film", "age"), 0.2, label="behind"),
    ]
    assert mean_ranks([result.scores_of("mcr") for result in results]) == (1.5, 1.5, 3.0)
    table = build(study, results)
    assert sorted(row[2].value for row in table.rows) == [1.5, 1.5, 3.0]
    assert text_rows(table)[1][-1] == "unsure"  # the same in every fold: nothing is known of its spread


def test_where_lower_is_better_the_lowest_is_first(metadata_study):
    study, results = metadata_study
    table = build(study, results, metrics=("brier",))
    best = min(results, key=lambda result: result.scores_of("brier").estimate)
    assert table.rows[0][1].text == best.label
    assert text_rows(table)[-1][-1] == "worse"
    assert table.rows[-1][4].value > 0
    assert any("The lower score has the better rank." in note for note in table.notes)


def test_a_limit_cuts_the_rows_but_not_the_family_nor_the_long_csv(metadata_study):
    study, results = metadata_study
    short, full = build(study, results, limit=2), build(study, results)
    assert short.rows == full.rows[:2]
    assert short.records == full.records


def test_incomplete_configurations_have_no_place_and_count_as_comparisons_to_come(metadata_study, configure):
    study, results = metadata_study
    late = study.result(configure("late", "age"), 1.0, label="late", missing=[(0, 1)])
    dropped = study.result(configure("dropped", "age"), 0.1, label="dropped", missing=[(0, 1)], dropped="racing")
    specification = TableSpecification(**RANKING)
    alone, beside = ranking(specification, results, "mcr"), ranking(specification, [*results, late], "mcr")
    assert [one.result.label for one in beside] == [one.result.label for one in alone]
    assert all(a.nb_p_holm <= b.nb_p_holm for a, b in zip(alone[1:], beside[1:], strict=True))
    table = build(study, [*results, late, dropped])
    assert table.stamps
    assert len(table.rows) == 5
    assert any("5 comparisons with the first" in note for note in table.notes)
    nothing = build(study, [late])
    assert nothing.rows == ()
    assert nothing.notes[0] == "None of 1 configuration is complete."


def test_one_split_orders_and_compares_without_a_test(make_study, configure):
    study = make_study(plan="holdout", folds=1)
    results = [study.result(configure("none"), 0.2, label="image only"), study.result(configure("concat", "age"), 4.0)]
    rows = text_rows(build(study, results))
    assert rows[1][1] == "image only"
    assert rows[1][5:] == ["–"] * 4
    assert rows[1][4].startswith("−")


@pytest.mark.parametrize("setting", ["rows", "columns", "reference", "published"])
def test_a_ranking_has_no_layout(setting):
    value = {"reference": {"fusion.name": "none"}, "published": "metanet-table1"}.get(setting, "fusion.name")
    with pytest.raises(ValidationError, match=f"kind ranking takes no {setting}|belongs to a table of kind"):
        TableSpecification(**RANKING, **{setting: value})
