"""Metrics of how samples are ranked, one class against the rest: area under the ROC curve, average precision.

Both are of one set of predictions, labels (n,) against class probabilities (n, C); scores of different folds are never
ranked together. A class without positives or without negatives has neither: NaN, and left out of the mean.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from analysis.inputs import checked, mean_of_defined


def per_class_auc(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the one-vs-rest area under the ROC curve of each class (C,)."""
    return _one_against_the_rest(roc_auc_score, labels, probabilities)


def macro_auc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean one-vs-rest AUC over the classes that have one; NaN when none has."""
    return mean_of_defined(per_class_auc(labels, probabilities))


def ranked_above(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return above how many samples of the other side each sample is ranked (n,), ties counting half.

    Args:
        positive: (n,) booleans; both sides occur.
        scores: (n,), higher for positives.
    """
    order = np.argsort(scores, kind="stable")
    truth, scores = positive[order], scores[order]
    first = np.append(0, np.flatnonzero(np.diff(scores)) + 1)  # of those with one score
    last = np.append(first[1:], len(scores))
    hits = np.append(0, np.cumsum(truth))
    # those before the first, and half of those from the first to the last, is the mean of both
    positives, negatives = (hits[first] + hits[last]) / 2, (first - hits[first] + last - hits[last]) / 2
    level = np.repeat(np.arange(len(first)), last - first)
    found = np.empty(len(scores))
    found[order] = np.where(truth, negatives[level], positives[level])
    return found


def micro_auc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the area under one ROC curve over all n C pairs of a sample and a class; scikit-learn's micro average.

    It weighs classes by their samples and ranks probabilities of different classes together: with one large class it is
    far above the macro average.
    """
    labels, probabilities = checked(labels, probabilities)
    ranks = rankdata(probabilities).reshape(probabilities.shape)
    n, classes = probabilities.shape
    if classes < 2:
        return float("nan")
    below = ranks[np.arange(n), labels].sum() - n * (n + 1) / 2
    return float(below / (n * n * (classes - 1)))


def per_class_average_precision(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the one-vs-rest average precision of each class (C,), as scikit-learn's `average_precision_score`.

    The sum over distinct thresholds of (R_k - R_(k-1)) P_k, without interpolation. Chance is the share of the class, so
    values of different classes, and of folds that differ in their shares, are not on one scale.
    """
    return _one_against_the_rest(_average_precision, labels, probabilities)


def _one_against_the_rest(
    measure: Callable[[np.ndarray, np.ndarray], float], labels: np.ndarray, probabilities: np.ndarray
) -> np.ndarray:
    """Measure each class that has samples on both sides (C,); NaN for the others."""
    labels, probabilities = checked(labels, probabilities)
    found = np.full(probabilities.shape[1], np.nan)
    for number in range(len(found)):
        positive = labels == number
        if 0 < positive.sum() < len(labels):
            found[number] = measure(positive, probabilities[:, number])
    return found


def _average_precision(positive: np.ndarray, scores: np.ndarray) -> float:
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of those with one score
    hits = np.cumsum(positive[order])[last]
    return float((np.diff(hits, prepend=0) * hits / (last + 1)).sum() / hits[-1])
