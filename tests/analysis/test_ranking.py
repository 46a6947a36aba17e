"""Average precision and ranks against scikit-learn and hand work; AUC is in test_metrics.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from analysis.metrics import fold_metrics
from analysis.ranking import per_class_average_precision, ranked_above


@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(2, 6))
def test_average_precision_equals_scikit_learns_with_ties(seed, classes, levels):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, classes, 20), rng.integers(0, levels, (20, classes)) / levels
    found = per_class_average_precision(labels, scores)
    for number in range(classes):
        positive = labels == number
        if 0 < positive.sum() < 20:
            assert found[number] == pytest.approx(average_precision_score(positive, scores[:, number]))
        else:
            assert np.isnan(found[number])


def test_average_precision_by_hand_leaves_an_absent_class_out_of_the_mean():
    # class 0 by its scores: its own, not, its own, not: (1/1 + 2/3) / 2; class 1 from .9 down the same
    labels = np.array([0, 1, 0, 1])
    scores = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.7, 0.3, 0.0], [0.1, 0.9, 0.0]])
    found = fold_metrics(labels, scores)
    assert found.average_precisions[:2] == pytest.approx([5 / 6, 5 / 6])
    assert np.isnan(found.average_precisions[2])
    assert found.average_precision == pytest.approx(5 / 6)


def test_of_equal_scores_average_precision_is_the_share_of_the_class():
    labels = np.array([0, 0, 0, 1])
    assert per_class_average_precision(labels, np.full((4, 2), 0.5)) == pytest.approx([0.75, 0.25])


def test_each_sample_is_ranked_above_the_other_side_ties_half():
    positive = np.array([True, False, True, False])
    assert ranked_above(positive, np.array([0.5, 0.5, 0.9, 0.1])).tolist() == [1.5, 0.5, 2.0, 0.0]
