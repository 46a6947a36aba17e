"""Intervals that stay between 0 and 1: Wilson's score interval of a share, and the normal one on the logit scale."""

import math

from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.intervals import Interval, Size

WILSON = "Wilson score"
UNKNOWN = Size()


def wilson_interval(share: float, *, n: float, confidence: float = 0.95, size: Size = UNKNOWN) -> Interval:
    """Return Wilson's score interval (1927) of a share of n independent samples.

    Its centre is not the share, and it is no point at 0 and 1. statsmodels:
    `proportion_confint(share * n, n, method="wilson")`.

    Args:
        share: of all, in [0, 1].
        n: how many; of samples that come in groups `effective_samples`, which need not be whole.
        confidence: coverage aimed at.
        size: what the interval is told to carry.

    Raises:
        AnalysisError: a share outside [0, 1], or no samples.
    """
    if not 0 <= share <= 1:
        raise AnalysisError(f"share={share} must be between 0 and 1")
    if not n > 0:
        raise AnalysisError(f"n={n} must be positive: the samples behind the share")
    z = normal_quantile(confidence)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(
        estimate=share,
        low=max(0.0, centre - half) if share > 0 else 0.0,
        high=min(1.0, centre + half) if share < 1 else 1.0,
        se=math.sqrt(share * (1 - share) / n),
        method=WILSON,
        confidence=confidence,
        citation="wilson1927",
        size=size,
    )


def effective_samples(share: float, *, clustered_se: float, n_samples: int, n_groups: int) -> float:
    """Return how many independent samples would give a share its clustered standard error: share (1 - share) / SE^2.

    Never more than the samples nor fewer than one. A share of 0 or 1, or one without spread, has no such number: then
    groups count once each (Korn & Graubard 1998 use it for shares in surveys).
    """
    if not 0 < share < 1 or clustered_se == 0:
        return float(n_groups)
    return min(float(n_samples), max(1.0, share * (1 - share) / clustered_se**2))


def logit_interval(
    estimate: float,
    *,
    se: float,
    confidence: float = 0.95,
    method: str = "logit",
    citation: str = "delong1988",
    size: Size = UNKNOWN,
) -> Interval:
    """Return the normal interval on the logit scale: expit(logit(a) -+ z se / (a (1 - a))); `se` stays as it was.

    Of an estimate of 0 or 1, which has no logit, it is the Wald interval cut at 0 and 1: a point where `se` is 0, as
    DeLong's is of a perfect ranking.

    Raises:
        AnalysisError: an estimate outside [0, 1] or a negative standard error.
    """
    if not 0 <= estimate <= 1 or not se >= 0:
        raise AnalysisError(f"estimate={estimate} must be between 0 and 1 and se={se} not negative")
    z = normal_quantile(confidence)
    if 0 < estimate < 1:
        logit, half = math.log(estimate / (1 - estimate)), z * se / (estimate * (1 - estimate))
        low, high = (1 / (1 + math.exp(-max(-700.0, min(700.0, logit + way * half)))) for way in (-1, 1))
    else:
        low, high = max(0.0, estimate - z * se), min(1.0, estimate + z * se)
    return Interval(
        estimate=estimate, low=low, high=high, se=se, method=method, confidence=confidence, citation=citation, size=size
    )


def normal_quantile(confidence: float) -> float:
    """Return the two-sided normal quantile, 1.96 for 0.95.

    Raises:
        AnalysisError: not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise AnalysisError(f"confidence={confidence} must be between 0 and 1, as 0.95")
    return float(stats.norm.ppf((1 + confidence) / 2))
