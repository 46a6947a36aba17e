"""The leaderboard: who is in it, in which order, with which settings; and the tables that a search may ask for."""

import pytest
from pydantic import ValidationError

from analysis.errors import AnalysisError
from analysis.tables import TableSpecification, build_tables, check_tables, render_all, text_rows
from analysis.tables.renderers import RENDERERS

BEST = {"name": "best", "title": "Best configurations", "kind": "leaderboard"}
FACTORS = ("fusion.name", "fusion.depth", "metadata.fields", "training.learning_rate", "training.weight_decay")


def point(fusion, fields, rate, depth=None):
    return {
        "fusion": {"name": fusion} | ({} if depth is None else {"depth": depth}),
        "metadata": {"fields": list(fields)} if fields else {},
        "training": {"learning_rate": rate, "weight_decay": 0.0},
    }


@pytest.fixture
def search(make_study):
    """Six configurations: three complete, one dropped by each rule, one diverged; tried in no particular order."""
    study = make_study()
    results = [
        study.result(point("multiply", ["age"], 0.00123456, 2), 0.4, label="middling", seed=2),
        study.result(point("concat", ["age", "site"], 0.01, 0), 0.1, dropped="racing", missing=[(0, 3), (0, 4)]),
        study.result(point("concat", ["age"], 0.02, 0), 2.5, label="good", seed=3),
        study.result(point("concat", ["sex"], 0.5, 1), 0.1, dropped="halving", missing=study.planned),
        study.result(point("none", [], 0.001), 0.0, label="bad", seed=4),
        study.result(point("concat", ["sex"], 0.9, 1), 3.0, label="wild", diverged=[(0, 0)]),
    ]
    return study, results


def build(study, results, context=None, **settings):
    context = study.context(results, **{"factors": FACTORS} | (context or {}))
    tables = build_tables([TableSpecification(**BEST | settings)], results, context)
    return tables[0] if len(tables) == 1 else tables


def test_complete_configurations_stand_best_first_with_what_was_varied(search):
    study, results = search
    table = build(study, results)
    assert table.name == "best_mcr"
    titles = [column.title for column in table.columns]
    assert titles[:5] == ["rank", "fusion", "fusion depth", "metadata fields", "learning rate"]
    assert titles[5:] == ["MCR, %", "AUC, %", "folds", "configuration"]  # weight decay is the same everywhere
    rows = text_rows(table)
    assert [row[:5] for row in rows] == [
        ["1", "concat", "0", "age", "0.02"],
        ["2", "multiply", "2", "age", "0.00123"],
        ["3", "none", "–", "none", "0.001"],
    ]
    assert [row[-2] for row in rows] == ["5/5"] * 3
    assert [row[-1] for row in rows] == [results[number].identifier for number in (2, 0, 4)]
    assert "–: the setting has no effect in this configuration." in table.notes


def test_scores_are_those_of_the_configuration(search):
    study, results = search
    cell, area = build(study, results).rows[0][5:7]
    scores = results[2].scores_of("mcr")
    bounds = scores.max_se_interval()
    assert (cell.value, cell.low, cell.high) == (scores.estimate, bounds.low, bounds.high)
    assert area.value == results[2].scores_of("auc").estimate


def test_notes_count_what_was_tried_and_warn_of_the_best(search):
    study, results = search
    table = build(study, results)
    notes = " ".join(table.notes)
    assert "3 of 6 configurations are complete and all of them are shown, 1 diverged." in notes
    assert "2 configurations were dropped before the last fold (halving 1, racing 1) and have no score here." in notes
    assert "6 configurations were tried on these folds; the score of whichever comes out best is optimistic." in notes
    assert table.stamps == ()
    assert not any("incomplete" in note for note in table.notes)


def test_the_limit_cuts_the_table_and_not_the_long_csv(search):
    study, results = search
    table = build(study, results, limit=2)
    assert [row[0].text for row in table.rows] == ["1", "2"]
    assert "3 of 6 configurations are complete and the best 2 are shown, 1 diverged." in table.notes
    assert [record["rank"] for record in table.records] == [1, 2, 3]
    assert table.records[1]["training.learning_rate"] == 0.00123456
    assert table.records[0]["metadata.fields"] == "age"
    assert table.records[2]["fusion.depth"] is None
    assert table.records[0]["estimate"] == results[2].scores_of("mcr").estimate


def test_ten_rows_unless_it_says_otherwise(make_study):
    study = make_study()
    results = [study.result(point("concat", ["age"], 0.001 * (1 + n), 0), 0.2 * n, seed=n) for n in range(12)]
    assert len(build(study, results).rows) == 10
    assert len(build(study, results, limit=100).rows) == 12


def test_each_metric_ranks_its_own_table(search):
    study, results = search
    mcr, auc = build(study, results, metrics=("mcr", "auc"))
    assert (mcr.name, auc.name) == ("best_mcr", "best_auc")
    assert [column.title for column in auc.columns][5:7] == ["AUC, %", "MCR, %"]
    values = [row[5].value for row in auc.rows]
    assert values == sorted(values, reverse=True)
    assert auc.rows[0][5].low is not None
    assert auc.rows[0][6].low is None


def test_equal_scores_stand_in_a_fixed_order(make_study):
    study = make_study()
    results = [study.result(point("concat", ["age"], rate, 0), 1.0) for rate in (0.1, 0.2, 0.3)]
    tables = [build(study, order) for order in (results, results[::-1])]
    assert text_rows(tables[0]) == text_rows(tables[1])


def test_without_named_factors_every_setting_that_differs_is_a_column(search):
    study, results = search
    titles = [column.title for column in build(study, results, {"factors": ()}).columns]
    assert titles[1:-4] == ["fusion", "fusion depth", "metadata fields", "learning rate"]
    named = build(study, results, {"factors": ("loss.name", "fusion.name")})  # a factor may have no effect anywhere
    assert [column.title for column in named.columns][1:-4] == ["fusion"]


def test_a_search_without_a_complete_configuration_still_gives_every_file(make_study):
    study = make_study()
    results = [
        study.result(point("concat", ["age"], 0.1, 0), 1.0, missing=[(0, 0)]),
        study.result(point("concat", ["age"], 0.2, 0), 1.0, dropped="racing", missing=[(0, 0)]),
    ]
    table = build(study, results)
    assert table.rows == ()
    assert table.notes[0] == "None of 2 configurations is complete, 1 not finished."
    recall = {"name": "recall", "title": "Recall", "kind": "per-class-recall", "limit": 3}
    (recalls,) = build_tables([TableSpecification(**recall)], results, study.context(results))
    assert recalls.rows == ()
    assert len(render_all([table, recalls])) == 2 * len(RENDERERS)


def test_recalls_of_the_best_and_without_the_dropped(search):
    study, results = search
    context = study.context(results)
    recall = {"name": "recall", "title": "Recall", "kind": "per-class-recall"}
    (best,) = build_tables([TableSpecification(**recall, limit=2)], results, context)
    assert [row[0].text for row in best.rows] == ["good", "middling"]
    assert "Shown are the best 2 by MCR of 3 complete configurations." in best.notes
    assert best.stamps == ()
    (every,) = build_tables([TableSpecification(**recall)], results, context)
    assert [row[0].text for row in every.rows] == ["middling", "good", "bad", "wild"]
    assert every.stamps == ("INCOMPLETE (1 of 4 configurations; 4/5 folds)",)
    for table in (best, every):
        assert any(note.startswith("2 configurations were dropped before the last fold") for note in table.notes)


def test_a_dropped_configuration_is_no_reason_for_an_incomplete_stamp(make_study, configure):
    study = make_study()
    results = [
        study.result(configure("none"), 1.0, label="image only"),
        study.result(configure("concat", "age"), 1.0, label="concat age", dropped="racing", missing=[(0, 4)]),
    ]
    ablation = {"name": "a", "title": "A", "rows": "metadata.fields", "reference": {"fusion.name": "none"}}
    (table,) = build_tables([TableSpecification(**ablation)], results, study.context(results))
    assert table.stamps == ()
    assert text_rows(table)[1][2] == "– (4/5)"
    assert "1 configuration was dropped before the last fold (racing 1) and has no score here." in table.notes


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reference": {"fusion.name": "none"}}, "takes no reference"),
        ({"rows": "fusion.name"}, "takes no rows"),
        ({"where": {"fusion.name": "none"}}, "takes no where"),
        ({"limit": 0}, "greater than or equal to 1"),
        ({"kind": "comparisons", "reference": {"fusion.name": "none"}, "limit": 3}, "limit=3 belongs to a leaderboard"),
    ],
)
def test_settings_without_effect_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        TableSpecification(**BEST | settings)


def test_a_search_is_checked_without_its_configurations():
    recall = {"name": "recall", "title": "Recall", "kind": "per-class-recall"}
    good = [TableSpecification(**BEST, metrics=("mcr", "auc")), TableSpecification(**recall, limit=10)]
    check_tables(good, [], ["diagnosis"], search=True)
    with pytest.raises(AnalysisError, match=r"two tables would write best_auc\.md"):
        check_tables([good[0], good[0]], [], ["diagnosis"], search=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "ablation", "rows": "fusion.name", "reference": {"fusion.name": "none"}}, "ablation needs a grid"),
        ({"kind": "comparisons", "reference": {"fusion.name": "none"}}, "comparisons needs a grid, use leaderboard"),
        ({"kind": "per-class-recall", "where": {"fusion.name": "none"}}, "not known beforehand; leave where out"),
    ],
)
def test_tables_that_need_certain_configurations_are_refused_in_a_search(settings, message):
    with pytest.raises(AnalysisError, match=message):
        check_tables([TableSpecification(**BEST | settings)], [], ["diagnosis"], search=True)


def test_a_grid_may_have_a_leaderboard_too(search):
    check_tables([TableSpecification(**BEST)], search[1], ["diagnosis"])
