"""The metrics of one set of predictions: labels (n,) against class probabilities (n, C).

A class without samples has no recall, and a class without positives or negatives no AUC: both are NaN and left out of
the mean (statistics.md section 4: other libraries count them as 0). Every metric is a fraction in [0, 1].
"""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from analysis.errors import AnalysisError


@dataclass(frozen=True)
class FoldMetrics:
    """What one fold scored on one target; the tuples run over the classes in declared order, NaN where undefined."""

    mcr: float
    auc: float
    accuracy: float
    recalls: tuple[float, ...]
    aucs: tuple[float, ...]
    class_counts: tuple[int, ...]


def fold_metrics(labels: np.ndarray, probabilities: np.ndarray) -> FoldMetrics:
    """Return every metric of one fold.

    Args:
        labels: class numbers (n,), 0 to C-1.
        probabilities: (n, C).

    Raises:
        AnalysisError: no samples, shapes that do not fit, a label out of range or a probability that is not finite.
    """
    recalls, aucs = per_class_recall(labels, probabilities), per_class_auc(labels, probabilities)
    counts = np.bincount(np.asarray(labels), minlength=len(recalls))
    return FoldMetrics(
        mcr=_mean_of_defined(recalls),
        auc=_mean_of_defined(aucs),
        accuracy=accuracy(labels, probabilities),
        recalls=tuple(recalls.tolist()),
        aucs=tuple(aucs.tolist()),
        class_counts=tuple(counts.tolist()),
    )


def per_class_recall(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the share of each class that is recognised (C,); the prediction is the first largest probability."""
    labels, probabilities = checked(labels, probabilities)
    classes = probabilities.shape[1]
    hits = np.bincount(labels[correct(labels, probabilities)], minlength=classes)
    counts = np.bincount(labels, minlength=classes)
    return np.divide(hits, counts, out=np.full(classes, np.nan), where=counts > 0)


def mean_class_recall(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean class recall (MCR), scikit-learn's balanced accuracy: the mean over the classes present."""
    return _mean_of_defined(per_class_recall(labels, probabilities))


def per_class_auc(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the one-vs-rest area under the ROC curve of each class (C,)."""
    labels, probabilities = checked(labels, probabilities)
    areas = np.full(probabilities.shape[1], np.nan)
    for number in range(len(areas)):
        positive = labels == number
        if 0 < positive.sum() < len(labels):
            areas[number] = roc_auc_score(positive, probabilities[:, number])
    return areas


def macro_auc(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean one-vs-rest AUC over the classes that have one; NaN when none has."""
    return _mean_of_defined(per_class_auc(labels, probabilities))


def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the share of all samples that is recognised."""
    return float(correct(*checked(labels, probabilities)).mean())


def correct(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return whether each sample is recognised (n,), bool."""
    return np.asarray(probabilities.argmax(axis=1) == labels)


def checked(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays of one length.

    Raises:
        AnalysisError: as `fold_metrics`.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    if labels.ndim != 1 or probabilities.ndim != 2 or len(labels) != len(probabilities):
        raise AnalysisError(
            f"labels (n,) and probabilities (n, C) do not fit: shapes {labels.shape} and {probabilities.shape}"
        )
    if not len(labels):
        raise AnalysisError("there are no predictions to score")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise AnalysisError(
            f"labels run from {labels.min()} to {labels.max()}, but there are {probabilities.shape[1]} classes"
        )
    if not np.isfinite(probabilities).all():
        raise AnalysisError(
            f"{int((~np.isfinite(probabilities)).any(axis=1).sum())} predictions hold a probability that is not finite"
        )
    return labels, probabilities


def _mean_of_defined(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
