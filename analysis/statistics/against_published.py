"""A mean and SD that a paper printed against our fold scores: unpaired, with the same correction on both sides.

Other folds, often other data and another training: what comes out says how far two printed numbers lie apart given
their spread over folds, and is no verdict of ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.intervals import Interval, Size, finite, nadeau_bengio_interval


@dataclass(frozen=True)
class UnpairedTest:
    """Ours minus published: Welch's t with corrected variances, Satterthwaite's degrees of freedom, two-sided p."""

    t: float
    df: float
    p: float
    interval: Interval


def against_published(
    scores: Sequence[float] | np.ndarray,
    *,
    test_over_train: float,
    published: float,
    published_sd: float,
    published_folds: int,
    confidence: float = 0.95,
) -> UnpairedTest:
    """Compare our fold scores with a printed mean and SD over k folds.

    Each side has the variance SD^2 (1/k + n_test/n_train) of Nadeau and Bengio (2003); the published side took k-fold
    cross-validation, so its ratio is 1/(k-1). Degrees of freedom by Welch (1947) and Satterthwaite. Two equal means
    without spread give p = 1.

    Args:
        scores: (J,) ours, fractions.
        test_over_train: n_test / n_train of ours.
        published: the printed mean, a fraction.
        published_sd: its sample SD over folds, a fraction.
        published_folds: the folds behind it.
        confidence: of the interval.

    Raises:
        AnalysisError: fewer than two folds on a side, a negative or missing SD, or a ratio or confidence out of range.
    """
    values = finite(scores)
    ours = nadeau_bengio_interval(values, test_over_train=test_over_train, confidence=confidence).se
    theirs = _published_se(published, published_sd, published_folds)
    se = math.hypot(ours, theirs)
    difference = float(values.mean()) - published
    df = _satterthwaite(ours, len(values) - 1, theirs, published_folds - 1)
    t = _ratio(difference, se)
    half = float(stats.t.ppf((1 + confidence) / 2, df)) * se
    interval = Interval(
        estimate=difference,
        low=difference - half,
        high=difference + half,
        se=se,
        method="unpaired corrected t (Welch)",
        confidence=confidence,
        citation="welch1947",
        test_over_train=test_over_train,
        size=Size(n_folds=len(values)),
    )
    return UnpairedTest(t=t, df=df, p=float(2 * stats.t.sf(abs(t), df)), interval=interval)


def _published_se(mean: float, sd: float, folds: int) -> float:
    if folds < 2:
        raise AnalysisError(f"published_folds={folds}: an SD over folds takes at least two")
    if not (math.isfinite(mean) and sd >= 0):
        raise AnalysisError(f"published {mean} with SD {sd}: a comparison takes a mean and an SD, as fractions")
    return sd * math.sqrt(1 / folds + 1 / (folds - 1))


def _ratio(difference: float, se: float) -> float:
    if se > 0:
        return difference / se
    return 0.0 if abs(difference) < 1e-12 else math.copysign(math.inf, difference)


def _satterthwaite(one: float, df_one: int, other: float, df_other: int) -> float:
    total = one**2 + other**2
    if not total:
        return float(df_one + df_other)
    return total**2 / (one**4 / df_one + other**4 / df_other)
