"""Brier score and calibration error: the lowest is the best, in marks, orders, differences, posteriors and verdicts."""

import numpy as np
import pytest

from analysis.ledger.schema import probability_column
from analysis.metrics import LOWER_IS_BETTER
from analysis.scoring import METRICS
from analysis.statistics.comparisons import compare, correlated_t_rope
from analysis.tables import TableSpecification, build_tables


@pytest.fixture
def pair(make_study, configure):
    """Image only, and concat, which is much better: its Brier score is lower."""
    study = make_study()
    results = [
        study.result(configure("none"), 0.5, label="image only"),
        study.result(configure("concat", "age"), 3.0, label="concat age", seed=2),
    ]
    return study, results


def build(study, results, **settings):
    (table,) = build_tables([TableSpecification(name="t", title="T", **settings)], results, study.context(results))
    return table


def test_the_metrics_of_errors_are_known():
    assert LOWER_IS_BETTER.issubset(METRICS)
    assert sorted(LOWER_IS_BETTER) == ["brier", "ece"]


def test_brier_scores_and_their_intervals_may_exceed_one(make_study, configure):
    study = make_study(lesions=(30, 60))
    scores = study.result(configure("none"), -6.0).scores_of("brier")
    assert scores.estimate > 1
    assert scores.bounds == (0.0, 2.0)
    interval = scores.max_se_interval()
    assert interval.low < scores.estimate < interval.high <= 2
    assert scores.clustered_interval().high > scores.estimate


def test_the_lowest_is_bold_and_leads(pair):
    study, results = pair
    table = build(study, results, kind="scores", metrics=("mcr", "brier", "ece"))
    image_only, concat = table.rows
    assert [cell.bold for cell in concat[1:3]] == [True, True]
    assert [cell.underline for cell in image_only[1:3]] == [True, True]
    assert concat[2].value < image_only[2].value
    board = build(study, results, kind="leaderboard", metrics=("brier",))
    assert [row[-1].text for row in board.rows] == [results[1].identifier, results[0].identifier]


def test_a_lower_brier_score_is_supported_better_and_its_difference_negative(pair):
    study, results = pair
    reference = {"fusion.name": "none"}
    table = build(study, results, kind="comparisons", reference=reference, metrics=("brier",))
    record = next(record for record in table.records if not record["is_reference"])
    assert record["difference"] < 0
    assert record["verdict"] == "supported better"
    assert record["p_better"] > 0.99
    backwards = build(study, results, kind="comparisons", reference={"fusion.name": "concat"}, metrics=("brier",))
    record = next(record for record in backwards.records if not record["is_reference"])
    assert (record["difference"] > 0, record["verdict"]) == (True, "supported worse")


def test_the_posterior_of_a_comparison_is_mirrored(pair):
    _, (image_only, concat) = pair
    for metric in ("mcr", "brier"):
        found = compare(image_only.scores_of(metric), concat.scores_of(metric)).rope
        plain = correlated_t_rope(
            concat.scores_of(metric).values - image_only.scores_of(metric).values,
            test_over_train=image_only.scores_of(metric).test_over_train,
        )
        mirrored = (plain.better, plain.worse) if metric == "brier" else (plain.worse, plain.better)
        assert (found.worse, found.better) == pytest.approx(mirrored)


def test_the_estimate_is_the_mean_over_folds_of_the_textbook_formula(pair):
    _, (image_only, _) = pair
    squares = []
    for fold in sorted(image_only.predictions):
        part = image_only.predictions[fold]
        truth = np.eye(3)[part.labels["diagnosis"]]
        squares.append(np.square(part.probabilities["diagnosis"] - truth).sum(axis=1).mean())
    assert image_only.scores_of("brier").estimate == pytest.approx(np.mean(squares))


def test_scores_that_are_no_probabilities_are_dashes_with_a_reason(make_study, configure):
    study = make_study()
    as_before = study.frame
    study.frame = lambda *case: as_before(*case).assign(**{probability_column("diagnosis", "mel"): 7.0})
    table = build(study, [study.result(configure("none"), 0.5, label="image only")], kind="scores", metrics=("brier",))
    assert table.rows[0][1].text == "–"
    assert any("undefined for image only: its scores are no probabilities" in note for note in table.notes)


def test_captions_say_which_way(pair):
    study, results = pair
    table = build(study, results, kind="scores", metrics=("brier", "ece"))
    assert table.caption.count("lower is better") == 2
    assert "biased upwards" in table.caption
