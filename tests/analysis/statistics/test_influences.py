"""Influences of the metrics of decisions: the derivatives of scikit-learn's weighted metrics, and their sums."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    multilabel_confusion_matrix,
    precision_score,
    recall_score,
    roc_auc_score,
)

from analysis.calibration import BINS
from analysis.metrics import decision_counts, fold_metrics
from analysis.scoring import METRICS, OF_PROBABILITIES
from analysis.statistics.clustering import (
    average_precision_influence,
    brier_influence,
    calibration_influence,
    class_average_precision_influence,
    clustered_se,
    micro_auc_influence,
)
from analysis.statistics.influences import DECISION_METRICS, class_influence, decision_influence


def macro(metric):
    return lambda labels, decisions, weights: metric(
        labels, decisions, average="macro", sample_weight=weights, zero_division=0
    )


def specificities(labels, decisions, weights):
    tables = multilabel_confusion_matrix(labels, decisions, sample_weight=weights)
    return tables[:, 0, 0] / tables[:, 0].sum(axis=1)


WEIGHTED = {
    "mcr": macro(recall_score),
    "precision": macro(precision_score),
    "f1": macro(f1_score),
    "accuracy": lambda labels, decisions, weights: accuracy_score(labels, decisions, sample_weight=weights),
    "macro_specificity": lambda *case: specificities(*case).mean(),
    "ovr_balanced_accuracy": lambda *case: (macro(recall_score)(*case) + specificities(*case).mean()) / 2,
    "sensitivity": lambda labels, decisions, weights: recall_score(labels, decisions, sample_weight=weights),
    "specificity": lambda labels, decisions, weights: recall_score(
        labels, decisions, sample_weight=weights, pos_label=0
    ),
}


def derivative(metric, n, step=1e-6):
    """The change of a metric of weights (n,) when the weight of one sample alone grows, for each sample."""
    return np.array([(metric(1 + step * row) - metric(1 - step * row)) / (2 * step) for row in np.eye(n)])


def case_of(classes, seed, n=40):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    return labels, np.where(rng.random(n) < 0.6, labels, rng.integers(0, classes, n))


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("metric", sorted(DECISION_METRICS))
def test_an_influence_is_the_derivative_of_the_metric_by_the_weight_of_the_sample(metric, classes):
    labels, decisions = case_of(classes, seed=classes)
    influence = decision_influence(metric, labels, decisions, classes)
    if metric in ("sensitivity", "specificity") and classes > 2:
        assert np.isnan(influence).all()
        return
    expected = derivative(lambda weights: WEIGHTED[metric](labels, decisions, weights), len(labels))
    assert influence == pytest.approx(expected, abs=1e-8)
    assert influence.sum() == pytest.approx(0, abs=1e-12)


def test_the_influence_on_micro_auc_is_the_derivative_of_scikit_learns():
    labels, _ = case_of(3, seed=5)
    scores = np.random.default_rng(6).integers(0, 6, (len(labels), 3)) / 6  # with ties
    truth = np.eye(3)[labels]
    expected = derivative(
        lambda weights: roc_auc_score(truth.ravel(), scores.ravel(), sample_weight=np.repeat(weights, 3)), len(labels)
    )
    assert micro_auc_influence(labels, scores) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("levels", [4, 1000])
def test_the_influence_on_average_precision_is_the_derivative_of_scikit_learns(levels):
    labels, _ = case_of(3, seed=5)
    scores = np.random.default_rng(8).integers(0, levels, (len(labels), 3)) / levels  # with ties, and without
    positive = labels == 1
    found = class_average_precision_influence(positive, scores[:, 1])
    expected = derivative(
        lambda weights: average_precision_score(positive, scores[:, 1], sample_weight=weights), len(labels)
    )
    assert found == pytest.approx(expected, abs=1e-8)
    macro_influence = average_precision_influence(labels, scores)
    each = [class_average_precision_influence(labels == c, scores[:, c]) for c in range(3)]
    assert macro_influence == pytest.approx(np.mean(each, axis=0))


def weighted_calibration_error(labels, probabilities, weights):
    """The textbook loop over bins."""
    confidence, total = probabilities.max(axis=1), 0.0
    for number in range(BINS):
        inside = (confidence > number / BINS) & (confidence <= (number + 1) / BINS)
        gaps = weights * ((probabilities.argmax(axis=1) == labels) - confidence)
        total += abs(gaps[inside].sum())
    return total / weights.sum()


def test_influences_on_calibration_are_derivatives():
    labels, _ = case_of(3, seed=5)
    probabilities = np.random.default_rng(9).dirichlet(np.ones(3), len(labels))
    squares = np.square(probabilities - np.eye(3)[labels]).sum(axis=1)
    brier = derivative(lambda weights: np.average(squares, weights=weights), len(labels))
    assert brier_influence(labels, probabilities) == pytest.approx(brier, abs=1e-8)
    error = derivative(lambda weights: weighted_calibration_error(labels, probabilities, weights), len(labels))
    assert calibration_influence(labels, probabilities) == pytest.approx(error, abs=1e-8)
    assert np.isnan(brier_influence(labels, 2 * probabilities)).all()
    assert np.isnan(calibration_influence(labels, 2 * probabilities)).all()


def test_the_standard_error_of_a_calibration_error_is_no_smaller_than_its_sampling_sd():
    """Calibrated and not; of 200 samples the first has an ECE above 0 although its probabilities are right."""
    rng = np.random.default_rng(10)
    for sharpened in (1.0, 1.5):
        values, errors = [], []
        for _ in range(80):
            truth = rng.dirichlet(np.ones(3), 200)
            labels = (truth.cumsum(axis=1) > rng.random((200, 1))).argmax(axis=1)
            stated = truth**sharpened / (truth**sharpened).sum(axis=1, keepdims=True)
            values.append(fold_metrics(labels, stated).ece)
            errors.append(clustered_se(calibration_influence(labels, stated), np.arange(200)))
        assert np.mean(values) > 0.03
        assert np.mean(errors) > 0.95 * np.std(values)
        assert np.mean(np.abs(np.array(values) - np.mean(values)) < 1.96 * np.array(errors)) >= 0.93


def test_the_influences_of_one_class_average_to_those_of_all():
    labels, decisions = case_of(3, seed=11)
    for figure, metric in (("recall", "mcr"), ("precision", "precision"), ("f1", "f1")):
        each = [class_influence(figure, labels, decisions, 3, number) for number in range(3)]
        assert np.mean(each, axis=0) == pytest.approx(decision_influence(metric, labels, decisions, 3))
    assert not class_influence("recall", np.zeros(4, dtype=int), np.ones(4, dtype=int), 2, 1).any()


def test_every_metric_of_tables_has_an_influence_and_a_fold_score():
    assert set(METRICS) == DECISION_METRICS | set(OF_PROBABILITIES)
    found = fold_metrics(np.array([0, 1, 1]), np.eye(2)[[0, 1, 0]])
    assert all(np.isfinite(getattr(found, metric)) for metric in METRICS)


def test_a_class_never_decided_on_has_no_influence_on_precision():
    influence = decision_influence("precision", np.array([0, 0, 1]), np.array([0, 0, 0]), 2)
    # class 0: precision 2/3 of three decisions; class 1: precision 0, whatever one sample does
    assert influence == pytest.approx(np.array([1 / 3, 1 / 3, -2 / 3]) / 3 / 2)


AVERAGES = {
    "accuracy": lambda counts: counts.hits.sum() / counts.total,
    "f1": lambda counts: counts.f1s.mean(),
    "precision": lambda counts: counts.precisions.mean(),
    "macro_specificity": lambda counts: counts.specificities.mean(),
}


def test_clustered_errors_agree_with_a_lesion_bootstrap():
    rng = np.random.default_rng(7)
    lesion_class = np.repeat(np.arange(3), (40, 80, 60))
    lesions = np.repeat(np.arange(180), rng.integers(1, 4, 180))
    labels = lesion_class[lesions]
    right = (rng.random(180) < 0.7)[lesions] ^ (rng.random(len(labels)) < 0.1)
    decisions = np.where(right, labels, rng.integers(0, 3, len(labels)))
    images = [np.flatnonzero(lesions == lesion) for lesion in range(180)]
    drawings = [np.concatenate([images[lesion] for lesion in rng.integers(0, 180, 180)]) for _ in range(400)]
    counts = [decision_counts(labels[drawn], decisions[drawn], 3) for drawn in drawings]
    for metric, average in AVERAGES.items():
        se = clustered_se(decision_influence(metric, labels, decisions, 3), lesions)
        # an SD of 400 replicates has a standard error of 3.5 %
        assert se == pytest.approx(np.std([average(one) for one in counts]), rel=0.12)
