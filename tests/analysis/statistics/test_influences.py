"""Influences of the metrics of decisions: the derivatives of scikit-learn's weighted metrics, and their sums."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    multilabel_confusion_matrix,
    precision_score,
    recall_score,
    roc_auc_score,
)

from analysis.metrics import decision_counts, fold_metrics
from analysis.scoring import METRICS, RANKING
from analysis.statistics.clustering import clustered_se, micro_auc_influence
from analysis.statistics.influences import DECISION_METRICS, decision_influence


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


def test_every_metric_of_tables_has_an_influence_and_a_fold_score():
    assert set(METRICS) == DECISION_METRICS | set(RANKING)
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
