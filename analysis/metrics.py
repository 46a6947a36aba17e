"""The metrics of one set of predictions: labels (n,) against class probabilities (n, C).

A class without samples has no recall, precision or F1, and a class without positives or negatives no AUC: they are NaN
and left out of the mean (statistics.md section 4: other libraries count them as 0). A class with samples that is never
predicted has precision 0, as in scikit-learn. Every metric is a fraction; all but the Brier score lie in [0, 1].

`threshold`: the second class of a two-class target is decided on from this probability on; without one the first
largest probability decides. Averages over classes ("macro") are over the classes that have samples.
"""

from dataclasses import dataclass

import numpy as np

from analysis.calibration import brier_score, expected_calibration_error
from analysis.errors import AnalysisError
from analysis.inputs import checked, mean_of_defined
from analysis.ranking import micro_auc, per_class_auc, per_class_average_precision

LOWER_IS_BETTER = frozenset({"brier", "ece"})
"""Metrics that count errors: their best is the smallest, and a negative difference is the better one."""
BOUNDS = {"brier": (0.0, 2.0)}
"""Where a metric lives, if not between 0 and 1."""


@dataclass(frozen=True)
class FoldMetrics:
    """What one fold scored on one target; the tuples run over the classes in declared order, NaN where undefined.

    `sensitivity` and `specificity` are the recalls of the second and of the first class of a two-class target, else
    NaN. `precision`, `f1` and `macro_specificity` are means over classes; `ovr_balanced_accuracy` is the mean over
    classes of (sensitivity + specificity) / 2, one class against the rest, which one paper calls balanced accuracy.
    `auc` is the macro, `micro_auc` the micro average of the one-vs-rest AUC, `average_precision` the macro average of
    the one-vs-rest average precision. `brier` and `ece` are of calibration: `analysis.calibration` says which.
    """

    mcr: float
    auc: float
    accuracy: float
    recalls: tuple[float, ...]
    aucs: tuple[float, ...]
    class_counts: tuple[int, ...]
    sensitivity: float = float("nan")
    specificity: float = float("nan")
    precision: float = float("nan")
    f1: float = float("nan")
    macro_specificity: float = float("nan")
    ovr_balanced_accuracy: float = float("nan")
    micro_auc: float = float("nan")
    average_precision: float = float("nan")
    brier: float = float("nan")
    ece: float = float("nan")
    f1s: tuple[float, ...] = ()
    precisions: tuple[float, ...] = ()
    average_precisions: tuple[float, ...] = ()


@dataclass(frozen=True)
class Counts:
    """Samples of each class, samples decided for it, and those of both (C,), with the number of samples.

    Of B weightings of the samples at once: sums of weights (C, B), with their totals (B,).
    """

    positives: np.ndarray
    decided: np.ndarray
    hits: np.ndarray
    total: int | np.ndarray

    @property
    def recalls(self) -> np.ndarray:
        """The share of each class that is recognised."""
        return _ratio(self.hits, self.positives, self.positives > 0)

    @property
    def precisions(self) -> np.ndarray:
        """The share of what is decided for a class that belongs to it; 0 where nothing is."""
        return _ratio(self.hits, np.maximum(self.decided, 1), self.positives > 0)

    @property
    def f1s(self) -> np.ndarray:
        """2 hits / (positives + decided), the harmonic mean of precision and recall."""
        return _ratio(2 * self.hits, self.positives + self.decided, self.positives > 0)

    @property
    def specificities(self) -> np.ndarray:
        """The share of the other classes that is not decided for a class."""
        negatives = self.total - self.positives
        return _ratio(negatives - (self.decided - self.hits), negatives, (self.positives > 0) & (negatives > 0))


def fold_metrics(labels: np.ndarray, probabilities: np.ndarray, threshold: float | None = None) -> FoldMetrics:
    """Return every metric of one fold.

    Args:
        labels: class numbers (n,), 0 to C-1.
        probabilities: (n, C).
        threshold: of a two-class target.

    Raises:
        AnalysisError: no samples, shapes that do not fit, a label out of range, a probability that is not finite, or a
            threshold for more than two classes.
    """
    labels, probabilities = checked(labels, probabilities)
    counts = decision_counts(labels, decide(probabilities, threshold), probabilities.shape[1])
    recalls, specificities, aucs = counts.recalls, counts.specificities, per_class_auc(labels, probabilities)
    average_precisions = per_class_average_precision(labels, probabilities)
    binary = probabilities.shape[1] == 2
    return FoldMetrics(
        mcr=mean_of_defined(recalls),
        auc=mean_of_defined(aucs),
        accuracy=float(counts.hits.sum() / len(labels)),
        recalls=tuple(recalls.tolist()),
        aucs=tuple(aucs.tolist()),
        class_counts=tuple(counts.positives.tolist()),
        sensitivity=float(recalls[1]) if binary else float("nan"),
        specificity=float(recalls[0]) if binary else float("nan"),
        precision=mean_of_defined(counts.precisions),
        f1=mean_of_defined(counts.f1s),
        macro_specificity=mean_of_defined(specificities),
        ovr_balanced_accuracy=mean_of_defined((recalls + specificities) / 2),
        micro_auc=micro_auc(labels, probabilities),
        average_precision=mean_of_defined(average_precisions),
        brier=brier_score(labels, probabilities),
        ece=expected_calibration_error(labels, probabilities),
        f1s=tuple(counts.f1s.tolist()),
        precisions=tuple(counts.precisions.tolist()),
        average_precisions=tuple(average_precisions.tolist()),
    )


def decide(probabilities: np.ndarray, threshold: float | None = None) -> np.ndarray:
    """Return the class that is decided on for each sample (n,).

    Raises:
        AnalysisError: a threshold, but not two classes.
    """
    if threshold is None:
        return np.asarray(probabilities.argmax(axis=1))
    if probabilities.shape[1] != 2:
        raise AnalysisError(f"threshold={threshold} belongs to two classes, there are {probabilities.shape[1]}")
    return (probabilities[:, 1] >= threshold).astype(int)


def decision_counts(labels: np.ndarray, decisions: np.ndarray, classes: int) -> Counts:
    """Count labels and decisions, both class numbers (n,), by class."""
    hits = np.bincount(labels[decisions == labels], minlength=classes)
    return Counts(np.bincount(labels, minlength=classes), np.bincount(decisions, minlength=classes), hits, len(labels))


def per_class_recall(labels: np.ndarray, probabilities: np.ndarray, threshold: float | None = None) -> np.ndarray:
    """Return the share of each class that is recognised (C,)."""
    labels, probabilities = checked(labels, probabilities)
    return decision_counts(labels, decide(probabilities, threshold), probabilities.shape[1]).recalls


def mean_class_recall(labels: np.ndarray, probabilities: np.ndarray, threshold: float | None = None) -> float:
    """Return the mean class recall (MCR), scikit-learn's balanced accuracy: the mean over the classes present."""
    return mean_of_defined(per_class_recall(labels, probabilities, threshold))


def accuracy(labels: np.ndarray, probabilities: np.ndarray, threshold: float | None = None) -> float:
    """Return the share of all samples that is recognised."""
    labels, probabilities = checked(labels, probabilities)
    return float((decide(probabilities, threshold) == labels).mean())


def _ratio(counts: np.ndarray, of: np.ndarray, defined: np.ndarray) -> np.ndarray:
    return np.divide(counts, of, out=np.full(np.shape(counts), np.nan), where=defined)
