"""Scores of one configuration: what counts as a fold, and the mean over targets."""

import numpy as np
import pandas as pd
import pytest

from analysis.scores import MetricScores, mean_over_targets


def scores(by_fold, samples, influence=(0.1, -0.1, 0.05, -0.05), metric="mcr"):
    ids = list("abcd")
    return MetricScores(
        metric=metric,
        by_fold=by_fold,
        samples={fold: frozenset(text) for fold, text in samples.items()},
        influence=pd.Series(influence, ids),
        groups=pd.Series(["g1", "g1", "g2", "g3"], ids),
        folds=len({fold for _, fold in by_fold}),
        test_over_train=1.0,
    )


TWO_FOLDS = scores({(0, 0): 0.5, (0, 1): 0.7}, {(0, 0): "ab", (0, 1): "cd"})


def test_estimate_spread_and_intervals_of_two_folds():
    assert TWO_FOLDS.estimate == pytest.approx(0.6)
    assert TWO_FOLDS.fold_sd == pytest.approx(np.sqrt(0.02))
    # group sums 0, .05, -.05 and three groups
    assert TWO_FOLDS.clustered_se == pytest.approx(np.sqrt(1.5 * 2 * 0.05**2))
    assert TWO_FOLDS.max_se_interval().se == pytest.approx(0.1)  # fold SD / sqrt(2)
    assert TWO_FOLDS.nadeau_bengio_interval().se == pytest.approx(np.sqrt(0.02 * (1 / 2 + 1)))
    assert TWO_FOLDS.evaluated == (4, 3)


def test_one_split_run_with_three_seeds_is_one_split():
    same = {(repeat, 0): "abcd" for repeat in range(3)}
    one = scores({(0, 0): 0.5, (1, 0): 0.6, (2, 0): 0.7}, same)
    assert one.values == pytest.approx([0.6])
    assert one.single_split
    assert one.fold_sd is None
    assert one.nadeau_bengio_interval() is None
    assert one.max_se_interval() == one.clustered_interval()


def test_repeats_over_the_same_folds_are_averaged_before_they_count():
    parts = {(0, 0): "ab", (0, 1): "cd", (1, 0): "cd", (1, 1): "ab"}
    one = scores({(0, 0): 0.5, (0, 1): 0.7, (1, 0): 0.9, (1, 1): 0.6}, parts)
    assert one.values == pytest.approx([0.55, 0.8])


def test_intervals_of_a_metric_stay_within_zero_and_one():
    near = scores({(0, 0): 0.99, (0, 1): 1.0}, {(0, 0): "ab", (0, 1): "cd"})
    assert near.max_se_interval().high == 1.0
    assert near.nadeau_bengio_interval().high == 1.0


def test_mean_over_targets_averages_scores_and_influences():
    other = scores({(0, 0): 0.7, (0, 1): 0.7}, TWO_FOLDS.samples, influence=(0.3, 0.1, -0.05, 0.05))
    both = mean_over_targets([TWO_FOLDS, other])
    assert both.by_fold == pytest.approx({(0, 0): 0.6, (0, 1): 0.7})
    assert both.influence.tolist() == pytest.approx([0.2, 0.0, 0.0, 0.0])
    assert mean_over_targets([TWO_FOLDS]).by_fold == TWO_FOLDS.by_fold
