"""Brier score and calibration error against scikit-learn 1.9.1, torchmetrics 1.9.0 and hand work."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from analysis.calibration import brier_score, expected_calibration_error, reliability
from analysis.errors import AnalysisError
from analysis.metrics import fold_metrics

PROBABILITIES = np.array(
    [
        [0.70, 0.20, 0.10],
        [0.52, 0.30, 0.18],
        [0.10, 0.62, 0.28],
        [0.25, 0.35, 0.40],
        [0.05, 0.91, 0.04],
        [0.33, 0.33, 0.34],
        [0.80, 0.15, 0.05],
        [0.42, 0.48, 0.10],
    ]
)
LABELS = np.array([0, 1, 1, 2, 1, 0, 2, 1])


def test_the_brier_score_sums_over_classes_as_scikit_learns_unscaled():
    # scikit-learn 1.9.1: brier_score_loss(LABELS, PROBABILITIES, scale_by_half=False)
    assert brier_score(LABELS, PROBABILITIES) == pytest.approx(0.55225)
    assert brier_score(np.array([0, 1]), np.eye(2)) == 0
    assert brier_score(np.array([1, 0]), np.eye(2)) == 2


def test_of_two_classes_the_brier_score_is_twice_the_binary_one():
    rng = np.random.default_rng(0)
    labels, positive = rng.integers(0, 2, 50), rng.random(50)
    assert brier_score(labels, np.column_stack([1 - positive, positive])) == pytest.approx(
        2 * brier_score_loss(labels, positive)
    )


def test_the_calibration_error_is_torchmetrics():
    # torchmetrics 1.9.0: multiclass_calibration_error(probabilities, labels, C, n_bins=15, norm="l1"), in float32
    assert expected_calibration_error(LABELS, PROBABILITIES) == pytest.approx(0.22874999, abs=1e-6)
    rng = np.random.default_rng(7)
    probabilities = rng.dirichlet(np.ones(4), 500).round(3)
    probabilities[:, 0] = 1 - probabilities[:, 1:].sum(axis=1)
    assert expected_calibration_error(rng.integers(0, 4, 500), probabilities) == pytest.approx(0.29013002, abs=1e-6)


def test_the_reliability_diagram_by_hand():
    # five bins (low, high]: .34 and .40 (one right of two), .48 and .52 (one), .62, .70 and .80 (two), .91 (right)
    found = reliability(LABELS, PROBABILITIES, bins=5)
    assert found.counts.tolist() == [0, 2, 2, 3, 1]
    assert found.accuracy[1:] == pytest.approx([0.5, 0.5, 2 / 3, 1])
    assert found.confidence[1:] == pytest.approx([0.37, 0.5, 2.12 / 3, 0.91])
    assert np.isnan(found.accuracy[0])
    assert found.error == pytest.approx((0.26 + 0.0 + 0.12 + 0.09) / 8)
    assert (found.low[1], found.high[1]) == (0.2, 0.4)


def test_certain_predictions_are_as_wrong_as_they_are_false():
    labels, decided = np.array([0, 1, 2, 2]), np.eye(3)[[0, 1, 2, 0]]
    assert expected_calibration_error(labels, decided) == 0.25
    assert reliability(labels, decided).counts[-1] == 4


def test_scores_that_are_no_probabilities_have_no_calibration():
    found = fold_metrics(np.array([0, 1]), np.array([[3.0, 1.0], [0.0, 2.0]]))
    assert np.isnan(found.brier)
    assert np.isnan(found.ece)
    assert found.auc == 1.0  # ranks need none
    single = PROBABILITIES.astype(np.float32)  # as they are stored
    assert brier_score(LABELS, single) == pytest.approx(0.55225, abs=1e-6)


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(AnalysisError, match="do not fit"):
        reliability(LABELS[:3], PROBABILITIES)
