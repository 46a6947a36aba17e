"""The class-stratified, group-clustered bootstrap of out-of-fold predictions: intervals and p values of replicates.

It sees the drawing of cases only and is blind to retraining noise (statistics.md section 2). How groups are drawn is in
`analysis.statistics.group_draws`, the metrics of all replicates at once in `analysis.statistics.weighted_metrics`.
Sources: Field & Welsh 2007 (clusters), Davison & Hinkley 1997 (strata), Efron 1987 (BCa), Hall & Wilson 1991 (p).

rng = np.random.default_rng(0)
interval = cluster_bootstrap(statistic, groups, labels, replicates=10_000, rng=rng, method="bca")
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.group_draws import class_strata, draw_groups
from analysis.statistics.intervals import Interval, Size

BootstrapMethod = Literal["percentile", "bca"]
CITATION_OF: dict[BootstrapMethod, str] = {"percentile": "field2007", "bca": "efron1987"}
TIE = 1e-12
"""Differences this close are equal: sums of the same fractions in another order differ in their last bits."""


def percentile_interval(
    replicates: np.ndarray, *, estimate: float, confidence: float = 0.95, size: Size | None = None
) -> Interval:
    """Return the quantiles of the replicates as bounds; `se` is their SD.

    Args:
        replicates: (B,) values of the statistic; NaN where a replicate has none, which are left out.
        estimate: the statistic itself.
        confidence: coverage aimed at.
        size: what the interval is told to carry.

    Raises:
        AnalysisError: no replicate has a value, or a confidence outside (0, 1).
    """
    values, tail = _defined(replicates), (1 - _checked(confidence)) / 2
    return _interval(values, (tail, 1 - tail), "percentile", estimate, confidence, size)


def bca_interval(
    replicates: np.ndarray, *, estimate: float, acceleration: float, confidence: float = 0.95, size: Size | None = None
) -> Interval:
    """Return the bias-corrected and accelerated interval (Efron 1987).

    Replicates that all equal the estimate give an interval of no width.

    Args:
        replicates: as in `percentile_interval`.
        estimate: the statistic itself.
        acceleration: from `jackknife_acceleration`.
        confidence: coverage aimed at.
        size: what the interval is told to carry.

    Raises:
        AnalysisError: as `percentile_interval`.
    """
    values, tail = _defined(replicates), (1 - _checked(confidence)) / 2
    below = ((values < estimate - TIE).mean() + (values <= estimate + TIE).mean()) / 2
    least = 0.5 / len(values)
    bias = float(stats.norm.ppf(np.clip(below, least, 1 - least)))
    shares = tuple(_shifted(float(stats.norm.ppf(share)), bias, acceleration) for share in (tail, 1 - tail))
    return _interval(values, shares, "bca", estimate, confidence, size)


def jackknife_acceleration(left_out: np.ndarray, strata: np.ndarray) -> float:
    """Return the acceleration of BCa from the statistic with each group left out in turn; 0 where nothing varies.

    A group without which there is no value (NaN) is passed over.

    With l = (m - 1) (mean - value) for the m groups of a stratum: sum l^3 / m^3 over 6 (sum l^2 / m^2)^1.5 (Davison &
    Hinkley 1997, section 5.3, for several samples).

    Args:
        left_out: (G,) values of the statistic, each without one group.
        strata: (G,).
    """
    values = np.asarray(left_out, dtype=float)
    defined = ~np.isnan(values)
    values, strata = values[defined], np.asarray(strata)[defined]
    _, members, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    means = np.bincount(members, weights=values) / sizes
    shares = (1 - 1 / sizes[members]) * (means[members] - values)
    spread = float(np.square(shares).sum())
    return float((shares**3).sum() / (6 * spread**1.5)) if spread > TIE**2 else 0.0


def bootstrap_p(replicates: np.ndarray, *, estimate: float) -> float:
    """Return the two-sided p of a difference of 0, (1 + count) / (1 + B); never 0, and 1 where all differences are 0.

    Counted are the replicates that lie at least as far from the estimate, on either side, as the estimate from 0: the
    bootstrap distribution is moved to the null (Hall & Wilson 1991, first guideline).

    Args:
        replicates: (B,) paired differences; NaN where a replicate has none, which are left out.
        estimate: the difference itself.

    Raises:
        AnalysisError: no replicate has a value.
    """
    values = _defined(replicates)
    count = np.count_nonzero(np.abs(values - estimate) >= abs(estimate) - TIE)
    return float((1 + count) / (1 + len(values)))


def cluster_bootstrap(
    statistic: Callable[[np.ndarray], float],
    groups: np.ndarray,
    labels: np.ndarray,
    *,
    replicates: int,
    rng: np.random.Generator,
    method: BootstrapMethod = "percentile",
    confidence: float = 0.95,
) -> Interval:
    """Return the interval of any statistic of weighted samples, one replicate after the other.

    Args:
        statistic: takes the weights (n,) of the samples, counts, and returns its value; weights of 1 give the estimate.
        groups: (n,), the lesion or patient of each sample.
        labels: (n,), the class of each sample; all the same for a bootstrap without strata.
        replicates: B.
        rng: the source of the draws.
        method: `percentile` or `bca`.
        confidence: coverage aimed at.

    Raises:
        AnalysisError: shapes that do not fit, or a statistic that is never defined.
    """
    names, strata = class_strata(groups, labels)
    members = np.searchsorted(names, groups)
    drawn = draw_groups(strata, replicates=replicates, rng=rng)
    values = np.array([statistic(column[members].astype(float)) for column in drawn.T])
    estimate = float(statistic(np.ones(len(members))))
    size = Size(n_samples=len(members), n_groups=len(names))
    if method == "percentile":
        return percentile_interval(values, estimate=estimate, confidence=confidence, size=size)
    left_out = np.array([statistic((members != group).astype(float)) for group in range(len(names))])
    acceleration = jackknife_acceleration(left_out, strata)
    return bca_interval(values, estimate=estimate, acceleration=acceleration, confidence=confidence, size=size)


def _shifted(quantile: float, bias: float, acceleration: float) -> float:
    moved = bias + quantile
    stretch = 1 - acceleration * moved
    if stretch <= 0:  # beyond the pole the share has reached its end
        return float(moved > 0)
    return float(stats.norm.cdf(bias + moved / stretch))


def _interval(
    values: np.ndarray,
    shares: tuple[float, ...],
    method: BootstrapMethod,
    estimate: float,
    confidence: float,
    size: Size | None,
) -> Interval:
    low, high = np.quantile(values, shares)
    name = {"percentile": "percentile", "bca": "BCa"}[method]
    return Interval(
        estimate=estimate,
        low=float(low),
        high=float(high),
        se=float(values.std(ddof=1)) if np.ptp(values) > TIE else 0.0,
        method=f"class-stratified, group-clustered bootstrap, {name}, {len(values):,} replicates",
        confidence=confidence,
        citation=CITATION_OF[method],
        size=size or Size(),
    )


def _defined(replicates: np.ndarray) -> np.ndarray:
    values = np.asarray(replicates, dtype=float)
    values = values[~np.isnan(values)]
    if values.ndim != 1 or not len(values):
        raise AnalysisError("no bootstrap replicate has a value: the metric is defined in none of them")
    return values


def _checked(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise AnalysisError(f"confidence={confidence} must be between 0 and 1, as 0.95")
    return confidence
