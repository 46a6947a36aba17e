"""Confidence intervals of a mean over folds, of scores or of paired differences (fractions, not percent).

`nadeau_bengio_interval` sees the folds only: safe and wide. `clustered_interval` sees which samples were evaluated, and
is blind to training. `max_se_interval` takes the larger of two SEs: a group-clustered one that counts what a sample
moves by being evaluated and by being trained on, and fold SD/sqrt(k), which sees the noise of retraining. It is a
heuristic of this project, not from the literature; docs/statistics.md has the simulated coverage of all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.sampling_error import SamplingError

MAX_SE = "max-SE (heuristic of this project)"
NADEAU_BENGIO = "Nadeau-Bengio corrected t"
CLUSTERED = "group-clustered"


@dataclass(frozen=True)
class Size:
    """How much evidence is behind an interval; a number that is not known is None."""

    n_folds: int | None = None
    n_repeats: int | None = None
    n_samples: int | None = None
    n_groups: int | None = None


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval; `se` is the standard error behind it and `citation` a key of `CITATIONS`."""

    estimate: float
    low: float
    high: float
    se: float
    method: str
    confidence: float
    citation: str
    test_over_train: float | None = None
    size: Size = Size()

    @property
    def half_width(self) -> float:
        """Half the distance between the bounds."""
        return (self.high - self.low) / 2


def nadeau_bengio_se(scores: Sequence[float] | np.ndarray, *, test_over_train: float) -> float:
    """Return sqrt(var (1/J + n_test/n_train)) of J scores or differences (Nadeau & Bengio 2003, section 3).

    Raises:
        AnalysisError: fewer than two scores, or a ratio that is not positive.
    """
    values = finite(scores)
    if len(values) < 2:
        raise AnalysisError("the corrected t needs at least two folds; with one split use the clustered interval")
    if not test_over_train > 0:
        raise AnalysisError(
            f"test_over_train={test_over_train} must be positive: evaluation samples over training samples"
        )
    return spread(values) * math.sqrt(1 / len(values) + test_over_train)


def nadeau_bengio_interval(
    scores: Sequence[float] | np.ndarray,
    *,
    test_over_train: float,
    confidence: float = 0.95,
    bounds: tuple[float, float] | None = None,
    size: Size = Size(),
) -> Interval:
    """Return mean -+ t quantile (J-1 degrees of freedom) times the corrected standard error.

    Args:
        scores: (J,) one per fold and repeat.
        test_over_train: n_test / n_train, 1/(k-1) for k folds; derived for random splits, for k folds a heuristic.
        confidence: coverage aimed at.
        bounds: where the quantity lives, (0, 1) for a metric; the interval is cut there. None for differences.
        size: what the interval is told to carry.

    Raises:
        AnalysisError: as `nadeau_bengio_se`.
    """
    se = nadeau_bengio_se(scores, test_over_train=test_over_train)
    quantile = float(stats.t.ppf((1 + _checked_confidence(confidence)) / 2, len(scores) - 1))
    return _interval(
        finite(scores),
        se,
        quantile,
        bounds,
        method=NADEAU_BENGIO,
        confidence=confidence,
        citation="nadeau2003",
        test_over_train=test_over_train,
        size=size,
    )


def max_se_interval(
    scores: Sequence[float] | np.ndarray,
    *,
    clustered_se: float,
    folds: int,
    df: float = math.inf,
    confidence: float = 0.95,
    bounds: tuple[float, float] | None = None,
    size: Size = Size(),
) -> Interval:
    """Return mean -+ t quantile times the larger of `clustered_se` and fold SD / sqrt(k). A heuristic of ours.

    With one score there is no fold SD: the result is the clustered interval and says so.

    Args:
        scores: (J,) one per fold and repeat.
        clustered_se: from `analysis.statistics.sampling_error.sampling_error`, of a sample's influences by evaluation
            and by training together.
        folds: k, the folds of one repeat. Repeats reuse the same samples and divide the noise of retraining only.
        df: degrees of freedom that came with `clustered_se`; infinite: normal quantile where it is the larger.
        confidence: coverage aimed at.
        bounds: as in `nadeau_bengio_interval`.
        size: what the interval is told to carry.
    """
    error = max_se_error(scores, clustered_se=clustered_se, folds=folds, df=df)
    se, quantile = error.se, float(stats.t.ppf((1 + _checked_confidence(confidence)) / 2, error.df))
    method, citation = (CLUSTERED, "ledell2015") if len(scores) == 1 else (MAX_SE, "max_se")
    return _interval(
        finite(scores), se, quantile, bounds, method=method, confidence=confidence, citation=citation, size=size
    )


def clustered_interval(
    scores: Sequence[float] | np.ndarray,
    *,
    clustered_se: float,
    confidence: float = 0.95,
    bounds: tuple[float, float] | None = None,
    size: Size = Size(),
) -> Interval:
    """Return mean -+ normal quantile times the group-clustered standard error: case sampling only."""
    quantile = float(stats.norm.ppf((1 + _checked_confidence(confidence)) / 2))
    return _interval(
        finite(scores),
        clustered_se,
        quantile,
        bounds,
        method=CLUSTERED,
        confidence=confidence,
        citation="ledell2015",
        size=size,
    )


def max_se_error(
    scores: Sequence[float] | np.ndarray, *, clustered_se: float, folds: int, df: float = math.inf
) -> SamplingError:
    """Return the larger of `clustered_se` and fold SD / sqrt(k), with degrees of freedom. Arguments: `max_se_interval`.

    With R = J/k repeats, what the variance of the folds has above the clustered one, the noise of retraining, is
    averaged over them: v = c + max(0, s/k - c) / R, with c the clustered variance and s that of the J scores. Degrees
    of freedom as Satterthwaite's, v^2 / (c^2 / df + (v - c) v / (J-1)): `df` where the clustered one is the larger,
    going to the J-1 of the fold SD where that is much larger.

    Raises:
        AnalysisError: no finite scores, a negative standard error, or degrees of freedom that are not positive.
    """
    values = finite(scores)
    if not clustered_se >= 0:
        raise AnalysisError(f"clustered_se={clustered_se} is not a standard error")
    if not df > 0:
        raise AnalysisError(f"df={df} must be positive: the degrees of freedom of clustered_se")
    by_folds = spread(values) / math.sqrt(folds) if len(values) > 1 else 0.0
    if by_folds <= clustered_se:
        return SamplingError(se=clustered_se, df=df)
    repeats = max(1.0, len(values) / folds)
    variance = clustered_se**2 + (by_folds**2 - clustered_se**2) / repeats
    share = clustered_se**2 / variance
    return SamplingError(se=math.sqrt(variance), df=1 / (share**2 / df + (1 - share) / (len(values) - 1)))


def spread(values: np.ndarray) -> float:
    """Return the sample SD; equal values give exactly 0 where rounding would leave 1e-17."""
    if np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return 0.0
    return float(values.std(ddof=1))


def finite(scores: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the scores as an array (J,).

    Raises:
        AnalysisError: none, or one that is not a finite number.
    """
    values = np.asarray(scores, dtype=float)
    if values.ndim != 1 or not len(values):
        raise AnalysisError("there are no fold scores")
    if not np.isfinite(values).all():
        raise AnalysisError(f"fold scores {values.tolist()} hold a value that is not finite")
    return values


def _checked_confidence(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise AnalysisError(f"confidence={confidence} must be between 0 and 1, as 0.95")
    return confidence


def _interval(
    values: np.ndarray, se: float, quantile: float, bounds: tuple[float, float] | None, **rest: object
) -> Interval:
    estimate = float(values.mean())
    low, high = estimate - quantile * se, estimate + quantile * se
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return Interval(estimate=estimate, low=low, high=high, se=se, **rest)  # type: ignore[arg-type]
