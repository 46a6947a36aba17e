"""The influence of each sample on a metric that counts decisions: how far it alone moves the metric.

All of them are means over classes of ratios of counts; the ratio A / B has influence (a_i - (A / B) b_i) / B. Samples
are those of all folds of one repeat together, each with the class that its own fold decided on. Clustered standard
errors add them up by group (`analysis.statistics.clustering`), which has the influences of rank metrics, AUC, too.
"""

from collections.abc import Callable

import numpy as np

from analysis.metrics import Counts, decision_counts


def decision_influence(metric: str, labels: np.ndarray, decisions: np.ndarray, classes: int) -> np.ndarray:
    """Return the influence of each sample on a metric of labels and decisions, both class numbers (n,).

    Args:
        metric: one of `DECISION_METRICS`.
        labels: true classes.
        decisions: the classes decided on.
        classes: their number C. `sensitivity` and `specificity` are NaN unless it is 2.
    """
    counts = decision_counts(labels, decisions, classes)
    if metric == "accuracy":
        return ((decisions == labels) - counts.hits.sum() / len(labels)) / len(labels)
    if metric in BINARY_CLASS:
        if classes != 2:
            return np.full(len(labels), np.nan)
        return _recall(labels, decisions, counts, BINARY_CLASS[metric])
    present = np.flatnonzero(counts.positives)
    total = sum((OF_CLASS[metric](labels, decisions, counts, int(c)) for c in present), np.zeros(len(labels)))
    return total / len(present)


def class_influence(figure: str, labels: np.ndarray, decisions: np.ndarray, classes: int, number: int) -> np.ndarray:
    """Return the influence of each sample (n,) on the recall, precision or F1 of one class; 0 where it is undefined.

    Args:
        figure: `recall`, `precision` or `f1`.
        labels: true classes.
        decisions: the classes decided on.
        classes: their number C.
        number: the class.
    """
    counts = decision_counts(labels, decisions, classes)
    if not counts.positives[number]:
        return np.zeros(len(labels))
    return OF_CLASS["mcr" if figure == "recall" else figure](labels, decisions, counts, number)


def _recall(labels: np.ndarray, decisions: np.ndarray, counts: Counts, c: int) -> np.ndarray:
    positive = labels == c
    return positive * ((decisions == c) - counts.recalls[c]) / max(counts.positives[c], 1)


def _precision(labels: np.ndarray, decisions: np.ndarray, counts: Counts, c: int) -> np.ndarray:
    decided = decisions == c
    return decided * ((labels == c) - counts.precisions[c]) / max(counts.decided[c], 1)


def _f1(labels: np.ndarray, decisions: np.ndarray, counts: Counts, c: int) -> np.ndarray:
    positive, decided = (labels == c).astype(float), (decisions == c).astype(float)
    return (2 * positive * decided - counts.f1s[c] * (positive + decided)) / (counts.positives[c] + counts.decided[c])


def _specificity(labels: np.ndarray, decisions: np.ndarray, counts: Counts, c: int) -> np.ndarray:
    negative = labels != c
    return negative * ((decisions != c) - counts.specificities[c]) / max(counts.total - counts.positives[c], 1)


def _balanced(labels: np.ndarray, decisions: np.ndarray, counts: Counts, c: int) -> np.ndarray:
    return (_recall(labels, decisions, counts, c) + _specificity(labels, decisions, counts, c)) / 2


OF_CLASS: dict[str, Callable[[np.ndarray, np.ndarray, Counts, int], np.ndarray]] = {
    "mcr": _recall,
    "precision": _precision,
    "f1": _f1,
    "macro_specificity": _specificity,
    "ovr_balanced_accuracy": _balanced,
}
BINARY_CLASS = {"sensitivity": 1, "specificity": 0}
"""Metrics of a two-class target with the class whose recall they are."""
DECISION_METRICS = frozenset({"accuracy", *BINARY_CLASS, *OF_CLASS})
