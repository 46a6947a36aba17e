"""Every metric under many weightings at once against scikit-learn's sample_weight (1.9.1), one weighting at a time."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    multilabel_confusion_matrix,
    precision_score,
    recall_score,
    roc_auc_score,
)

from analysis.calibration import BINS, top_label
from analysis.scoring import METRICS
from analysis.statistics.weighted_metrics import WEIGHTED, WeightedFold, mean_of_defined
from analysis.statistics.weighted_ranking import WEIGHT, AreaWalk, PrecisionWalk

REPLICATES = 25


def fold_of(classes, *, ties=False, n=90, groups=40, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, n, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    scores = rng.integers(1, 4, (n, classes)).astype(float) if ties else rng.random((n, classes))
    scores[np.arange(n), labels] += 1
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    members = np.concatenate([np.arange(groups), rng.integers(groups, size=n - groups)])
    return WeightedFold(labels, probabilities.argmax(axis=1), probabilities, members, groups)


def weights_for(fold, seed=1):
    return np.random.default_rng(seed).multinomial(40, np.full(40, 1 / 40), REPLICATES).T.astype(WEIGHT)


def macro(score):
    def over_classes(fold, weight):
        present = np.unique(fold.labels[weight > 0])
        return score(
            fold.labels, fold.decisions, labels=present, average="macro", sample_weight=weight, zero_division=0
        )

    return over_classes


def one_against_rest(score):
    def over_classes(fold, weight):
        found = []
        for number in range(fold.classes):
            positive = fold.labels == number
            if weight[positive].any() and weight[~positive].any():
                found.append(score(positive, fold.probabilities[:, number], sample_weight=weight))
        return np.mean(found)

    return over_classes


def specificity(fold, weight):
    present = np.unique(fold.labels[weight > 0])
    tables = multilabel_confusion_matrix(fold.labels, fold.decisions, sample_weight=weight, labels=present)
    return float((tables[:, 0, 0] / tables[:, 0].sum(axis=1)).mean())


def micro(fold, weight):
    truth = np.eye(fold.classes)[fold.labels]
    return roc_auc_score(truth.ravel(), fold.probabilities.ravel(), sample_weight=np.repeat(weight, fold.classes))


def brier(fold, weight):
    return np.average(np.square(np.eye(fold.classes)[fold.labels] - fold.probabilities).sum(axis=1), weights=weight)


def calibration_error(fold, weight):
    confidence, right, bins = top_label(fold.labels, fold.probabilities, BINS)
    parts = [(bins == number) & (weight > 0) for number in range(BINS)]
    gaps = [
        weight[part].sum() * abs(np.average((right - confidence)[part], weights=weight[part]))
        for part in parts
        if part.any()
    ]
    return sum(gaps) / weight.sum()


PEERS = {
    "mcr": macro(recall_score),
    "auc": one_against_rest(roc_auc_score),
    "accuracy": lambda fold, weight: accuracy_score(fold.labels, fold.decisions, sample_weight=weight),
    "sensitivity": lambda fold, weight: recall_score(fold.labels, fold.decisions, sample_weight=weight),
    "specificity": lambda fold, weight: recall_score(fold.labels, fold.decisions, sample_weight=weight, pos_label=0),
    "precision": macro(precision_score),
    "f1": macro(f1_score),
    "macro_specificity": specificity,
    "ovr_balanced_accuracy": lambda *case: (macro(recall_score)(*case) + specificity(*case)) / 2,
    "micro_auc": micro,
    "average_precision": one_against_rest(average_precision_score),
    "brier": brier,
    "ece": calibration_error,
}


def test_every_metric_of_tables_can_be_weighted():
    assert set(WEIGHTED) == set(METRICS)
    assert set(PEERS) == set(WEIGHTED)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("metric", sorted(WEIGHTED))
def test_a_weighted_metric_is_scikit_learns(metric, classes, ties):
    fold = fold_of(classes, ties=ties)
    weights = weights_for(fold)
    found = WEIGHTED[metric](fold, weights)
    assert found.shape == (REPLICATES,)
    if metric in ("sensitivity", "specificity") and classes > 2:
        assert np.isnan(found).all()
        return
    expected = [PEERS[metric](fold, weight) for weight in weights[fold.members].T]
    assert found == pytest.approx(np.array(expected), abs=1e-6)


def test_mean_class_recall_is_balanced_accuracy():
    fold = fold_of(4)
    weights = weights_for(fold)
    expected = [balanced_accuracy_score(fold.labels, fold.decisions, sample_weight=w) for w in weights[fold.members].T]
    assert WEIGHTED["mcr"](fold, weights) == pytest.approx(np.array(expected), abs=1e-6)


@pytest.mark.parametrize("metric", sorted(set(WEIGHTED) - {"sensitivity", "specificity"}))
def test_a_class_without_weight_is_missing_and_a_fold_without_weight_has_no_value(metric):
    fold = fold_of(3)
    lost = np.ones((40, 2), WEIGHT)
    lost[np.unique(fold.members[fold.labels == 0]), 0] = 0
    lost[:, 1] = 0
    found = WEIGHTED[metric](fold, lost)
    assert found[0] == pytest.approx(PEERS[metric](fold, lost[fold.members, 0]), abs=1e-6)
    assert np.isnan(found[1])


@pytest.mark.parametrize("positive", [[True, True, True], [False, False, False]])
def test_one_side_alone_has_no_ranking(positive):
    case = np.array(positive), np.array([0.1, 0.2, 0.3]), np.arange(3), 3
    weights = np.ones((3, 2), WEIGHT)
    assert np.isnan(AreaWalk.of(*case).area(weights)).all()
    assert np.isnan(PrecisionWalk.of(*case).average_precision(weights)).all()


def test_the_area_is_exact_in_single_precision():
    # one pair in a million is ranked wrongly; a sum of a million in single precision would round it away
    scores = np.arange(2000.0)
    scores[[999, 1000]] = scores[[1000, 999]]
    walk = AreaWalk.of(np.repeat([False, True], 1000), scores, np.arange(2000), 2000)
    assert walk.area(np.full((2000, 1), 3, WEIGHT))[0] == 1 - 1e-6


def test_a_mean_by_shares_is_over_what_is_defined():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 3.0, np.nan]])
    found = mean_of_defined(values, np.array([0.75, 0.25]))
    assert found[:2].tolist() == [1.5, 3.0]
    assert np.isnan(found[2])
