"""The interval of a cross-validated AUC, the mean of fold AUCs, from its influence curve (LeDell et al. 2015).

Within a fold a positive counts (placement - AUC) / share of positives, a negative likewise; the variance is the mean
over folds of the mean square over groups. It is of case sampling alone: retraining noise is not seen.
R: `cvAUC::ci.cvAUC`, and with groups `cvAUC::ci.pooled.cvAUC`, which count ties strictly where they count half here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.inputs import checked
from analysis.ranking import ranked_above
from analysis.statistics.intervals import Interval, Size
from analysis.statistics.proportions import normal_quantile

CVAUC = "cvAUC"
CLUSTERED_CVAUC = "cvAUC, clustered"


@dataclass(frozen=True)
class RankedFold:
    """Labels (n,), class probabilities (n, C) and groups (n,) of the evaluated samples of one fold."""

    labels: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray | None = None


def cross_validated_auc(repeats: Sequence[Sequence[RankedFold]], *, confidence: float = 0.95) -> Interval:
    """Return the mean of fold AUCs with its influence-curve interval, cut at 0 and 1.

    Two classes are the binary AUC of the paper; of more the curve is the mean of the one-vs-rest curves. Repeats use
    the same samples again: the variance is the mean of theirs, which does not shrink with their number.

    Args:
        repeats: the folds of each repeat; groups of all folds or of none, no group in two folds of one repeat.
        confidence: coverage aimed at.

    Raises:
        AnalysisError: no folds, a fold without one of the classes, folds that disagree on the number of classes, or a
            group in two folds of one repeat.
    """
    folds = [fold for repeat in repeats for fold in repeat]
    if not folds or not all(repeats):
        raise AnalysisError("a cross-validated AUC needs at least one fold in every repeat")
    classes = {np.shape(fold.probabilities)[-1] for fold in folds}
    if len(classes) > 1:
        raise AnalysisError(f"folds of {' and '.join(map(str, sorted(classes)))} classes have no common AUC")
    if len({fold.groups is None for fold in folds}) > 1:
        raise AnalysisError("either all folds have groups or none")
    areas, variances = zip(*(_of_repeat(repeat) for repeat in repeats), strict=True)
    counts = [len(repeat) for repeat in repeats]
    estimate = float(np.average(areas, weights=counts))
    se = math.sqrt(float(np.mean(variances)))
    half = normal_quantile(confidence) * se
    return Interval(
        estimate=estimate,
        low=max(0.0, estimate - half),
        high=min(1.0, estimate + half),
        se=se,
        method=CVAUC if folds[0].groups is None else CLUSTERED_CVAUC,
        confidence=confidence,
        citation="ledell2015",
        size=_size(repeats),
    )


def _of_repeat(folds: Sequence[RankedFold]) -> tuple[float, float]:
    """The mean AUC over the folds of one repeat and its variance."""
    groups = [np.arange(len(fold.labels)) if fold.groups is None else np.asarray(fold.groups) for fold in folds]
    members = [np.unique(one, return_inverse=True) for one in groups]
    n_groups = sum(len(names) for names, _ in members)
    if folds[0].groups is not None and len(np.unique(np.concatenate([names for names, _ in members]))) < n_groups:
        raise AnalysisError("a group stands in two folds of a repeat: their AUCs are not independent")
    labels = np.concatenate([fold.labels for fold in folds])
    shares = np.array([np.mean(labels == number) for number in range(np.shape(folds[0].probabilities)[1])])
    areas, squares = [], []
    for fold, (_, numbers) in zip(folds, members, strict=True):
        area, curve = _curve(fold, shares)
        areas.append(area)
        squares.append(np.square(np.bincount(numbers, weights=curve) * n_groups / len(labels)).mean())
    return float(np.mean(areas)), float(np.mean(squares)) / n_groups


def _curve(fold: RankedFold, shares: np.ndarray) -> tuple[float, np.ndarray]:
    """The AUC of one fold and the influence curve of its samples (n,), given the shares (C,) of all folds' classes."""
    labels, probabilities = checked(fold.labels, fold.probabilities)
    counts = np.bincount(labels, minlength=len(shares))
    if len(shares) < 2 or (counts == 0).any():
        raise AnalysisError(f"a fold holds {counts.tolist()} samples of the classes: its AUC needs all of them")
    areas, total = [], np.zeros(len(labels))
    for number in range(len(shares)):
        positive = labels == number
        above = ranked_above(positive, probabilities[:, number])
        area = float(above[positive].mean() / (~positive).sum())
        total[positive] += (above[positive] / (~positive).sum() - area) / shares[number]
        total[~positive] += (1 - above[~positive] / positive.sum() - area) / (1 - shares[number])
        areas.append(area)
    return float(np.mean(areas)), total / len(areas)


def _size(repeats: Sequence[Sequence[RankedFold]]) -> Size:
    first = repeats[0]
    known = [fold.groups for fold in first if fold.groups is not None]
    return Size(
        n_folds=sum(len(repeat) for repeat in repeats),
        n_repeats=len(repeats),
        n_samples=sum(len(fold.labels) for fold in first),
        n_groups=len(np.unique(np.concatenate(known))) if known else None,
    )
