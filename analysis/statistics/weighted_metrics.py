"""The metrics of one fold under many weightings of its groups at once: what a bootstrap replicate scores.

A weighting says how often each group counts; a weighted metric is that of the fold with the samples of each group
repeated so often, scikit-learn's `sample_weight`. A class that a replicate loses is missing there, never 0.

WEIGHTED["auc"](fold, weights)      # (B,), one AUC per replicate
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from analysis.calibration import BINS, sample_brier, top_label
from analysis.metrics import Counts
from analysis.statistics.weighted_ranking import WEIGHT, AreaWalk, PrecisionWalk, adder, quotient


@dataclass(frozen=True)
class WeightedFold:
    """One fold: class numbers (n,), decisions (n,), probabilities (n, C) and each sample's row of G weights (n,).

    What a metric needs to sort or to place is prepared once, for all weights that it is given.
    """

    labels: np.ndarray
    decisions: np.ndarray
    probabilities: np.ndarray
    members: np.ndarray
    n_groups: int

    @property
    def classes(self) -> int:
        """Their number C."""
        return int(self.probabilities.shape[1])

    @cached_property
    def areas(self) -> tuple[AreaWalk, ...]:
        """The one-vs-rest ROC curve of each class."""
        return tuple(AreaWalk.of(*case, self.members, self.n_groups) for case in self._against_rest)

    @cached_property
    def precisions(self) -> tuple[PrecisionWalk, ...]:
        """The one-vs-rest precision-recall curve of each class."""
        return tuple(PrecisionWalk.of(*case, self.members, self.n_groups) for case in self._against_rest)

    @cached_property
    def micro_area(self) -> AreaWalk:
        """The ROC curve of all pairs of a sample and a class; the C pairs of a sample share its weight."""
        positive, members = self.labels[:, None] == np.arange(self.classes), np.repeat(self.members, self.classes)
        return AreaWalk.of(positive.ravel(), self.probabilities.ravel(), members, self.n_groups)

    def sums(
        self, rows: np.ndarray, weights: np.ndarray, *, n_rows: int = 1, values: np.ndarray | None = None
    ) -> np.ndarray:
        """Return sums (n_rows, B): each sample adds its weight, times its value, to its row."""
        return np.asarray(adder(rows, self.members, (n_rows, self.n_groups), values) @ weights, dtype=float)

    def total(self, weights: np.ndarray) -> np.ndarray:
        """Return the weight of all samples (B,)."""
        return self.sums(np.zeros(len(self.members), int), weights)[0]

    @property
    def _against_rest(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(self.labels == number, self.probabilities[:, number]) for number in range(self.classes)]


WeightedMetric = Callable[[WeightedFold, np.ndarray], np.ndarray]
"""Takes a fold and weights (G, B) and returns a value per replicate (B,), NaN where it has none."""


def weighted_counts(fold: WeightedFold, weights: np.ndarray) -> Counts:
    """Return the counts of every replicate, (C, B), with their totals (B,)."""
    right = (fold.labels == fold.decisions).astype(WEIGHT)
    positives = fold.sums(fold.labels, weights, n_rows=fold.classes)
    decided = fold.sums(fold.decisions, weights, n_rows=fold.classes)
    hits = fold.sums(fold.labels, weights, n_rows=fold.classes, values=right)
    return Counts(positives, decided, hits, positives.sum(axis=0))


def weighted_auc(fold: WeightedFold, weights: np.ndarray) -> np.ndarray:
    """Return the macro one-vs-rest AUC of every replicate (B,), over the classes that have both sides in it."""
    return mean_of_defined(np.array([walk.area(weights) for walk in fold.areas]))


def weighted_average_precision(fold: WeightedFold, weights: np.ndarray) -> np.ndarray:
    """Return the macro one-vs-rest average precision of every replicate (B,), over the classes with both sides."""
    return mean_of_defined(np.array([walk.average_precision(weights) for walk in fold.precisions]))


def weighted_micro_auc(fold: WeightedFold, weights: np.ndarray) -> np.ndarray:
    """Return the micro-averaged AUC of every replicate (B,)."""
    return fold.micro_area.area(weights)


def weighted_brier(fold: WeightedFold, weights: np.ndarray) -> np.ndarray:
    """Return the Brier score of every replicate (B,): the weighted mean of that of its samples."""
    losses = sample_brier(fold.labels, fold.probabilities)
    return quotient(fold.sums(np.zeros(len(losses), int), weights, values=losses)[0], fold.total(weights))


def weighted_calibration_error(fold: WeightedFold, weights: np.ndarray) -> np.ndarray:
    """Return the top-label expected calibration error of every replicate (B,); bins are those of the probabilities."""
    confidence, right, bins = top_label(fold.labels, fold.probabilities, BINS)
    gaps = fold.sums(bins, weights, n_rows=BINS, values=right - confidence)
    return quotient(np.abs(gaps).sum(axis=0), fold.total(weights))


def mean_of_defined(values: np.ndarray, shares: np.ndarray | None = None) -> np.ndarray:
    """Return the mean over the first axis of what is defined (B,), by shares (rows,) if given; NaN where nothing is."""
    weights = np.ones(len(values)) if shares is None else shares
    defined = ~np.isnan(values)
    return quotient(
        (weights[:, None] * np.where(defined, values, 0)).sum(axis=0), (weights[:, None] * defined).sum(axis=0)
    )


def _of_counts(value: Callable[[Counts], np.ndarray]) -> WeightedMetric:
    return lambda fold, weights: value(weighted_counts(fold, weights))


def _of_two_classes(number: int) -> WeightedMetric:
    def recall(fold: WeightedFold, weights: np.ndarray) -> np.ndarray:
        if fold.classes != 2:
            return np.full(weights.shape[1], np.nan)
        return np.asarray(weighted_counts(fold, weights).recalls[number])

    return recall


WEIGHTED: dict[str, WeightedMetric] = {
    "mcr": _of_counts(lambda counts: mean_of_defined(counts.recalls)),
    "auc": weighted_auc,
    "accuracy": _of_counts(lambda counts: quotient(counts.hits.sum(axis=0), counts.positives.sum(axis=0))),
    "sensitivity": _of_two_classes(1),
    "specificity": _of_two_classes(0),
    "precision": _of_counts(lambda counts: mean_of_defined(counts.precisions)),
    "f1": _of_counts(lambda counts: mean_of_defined(counts.f1s)),
    "macro_specificity": _of_counts(lambda counts: mean_of_defined(counts.specificities)),
    "ovr_balanced_accuracy": _of_counts(lambda counts: mean_of_defined((counts.recalls + counts.specificities) / 2)),
    "micro_auc": weighted_micro_auc,
    "average_precision": weighted_average_precision,
    "brier": weighted_brier,
    "ece": weighted_calibration_error,
}
"""Every metric of tables (`analysis.scoring.METRICS`), by name."""
