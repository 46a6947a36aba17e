"""Tests by the signs of paired differences: sign flips of the mean, Wilcoxon's signed ranks. Footnotes, no verdicts.

Both ask how the differences would look if each might as well have had the other sign. On n differences neither p can be
below 2/2^n (0.0625 with five folds), so the smallest p that was possible stands beside every p. Training parts overlap,
so differences of folds are not independent; with several repeats even less.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from analysis.errors import AnalysisError
from analysis.statistics.intervals import Size, finite

EXACT_UP_TO = 16
"""Differences up to which all 2^n sign patterns are looked at."""
DECIMALS = 12
"""Differences are rounded to so many decimals: 0.1 + 0.2 - 0.3 is a zero, and equal differences are ties."""


@dataclass(frozen=True)
class SignedTest:
    """A two-sided p, the smallest that was possible with so many differences that are not 0, and where it comes from.

    `estimate` is the mean difference, `statistic` the mean (sign flips) or the sum of the positive ranks (Wilcoxon).
    """

    estimate: float
    statistic: float
    p: float
    smallest_p: float
    method: str
    exact: bool
    citation: str
    size: Size


def sign_flip(
    differences: Sequence[float] | np.ndarray, *, rng: np.random.Generator | None = None, flips: int = 9_999
) -> SignedTest:
    """Test whether the mean of paired differences is 0 by flipping their signs (Fisher 1935, section 21).

    With up to 16 differences that are not 0 all sign patterns are counted. Beyond, `flips` patterns are drawn and
    p = (1 + count) / (1 + flips). Differences that are all 0 give p = 1.

    Args:
        differences: (J,) other minus reference, fractions.
        rng: draws the patterns; needed beyond 16 differences only.
        flips: how many are drawn.

    Raises:
        AnalysisError: no differences, one that is not finite, or too many for all patterns without `rng`.
    """
    values = np.round(finite(differences), DECIMALS)
    moved = values[values != 0]
    observed, n = abs(moved.sum()), len(moved)
    exact = n <= EXACT_UP_TO
    if exact:
        # sums over all patterns, built up one difference at a time: (2^n,)
        sums = np.zeros(1)
        for value in moved:
            sums = np.concatenate([sums + value, sums - value])
        p = float(np.mean(_as_far(sums, observed)))
    else:
        p = _drawn(moved, observed, rng, flips)
    return SignedTest(
        estimate=float(finite(differences).mean()),
        statistic=float(values.mean()),
        p=p,
        smallest_p=smallest_p(n) if exact else max(smallest_p(n), 1 / (1 + flips)),
        method="sign flips, exact" if exact else f"sign flips, {flips:,} drawn",
        exact=exact,
        citation="fisher1935",
        size=Size(n_folds=len(values)),
    )


def wilcoxon_signed_rank(differences: Sequence[float] | np.ndarray) -> SignedTest:
    """Test whether paired differences are symmetric about 0 by their signed ranks (Wilcoxon 1945), always exact.

    Differences of 0 are left out, ties share their mean rank, and p comes from the exact distribution of the ranks at
    hand, so ties do not harm it. Differences that are all 0 give p = 1.

    Args:
        differences: (J,) other minus reference, fractions.

    Raises:
        AnalysisError: no differences, or one that is not finite.
    """
    values = np.round(finite(differences), DECIMALS)
    moved = values[values != 0]
    # twice the ranks, so that the means of ties are whole numbers
    ranks = np.rint(2 * rankdata(np.abs(moved))).astype(int) if len(moved) else np.zeros(0, dtype=int)
    statistic = int(ranks[moved > 0].sum())
    return SignedTest(
        estimate=float(finite(differences).mean()),
        statistic=statistic / 2,
        p=_rank_p(ranks, statistic),
        smallest_p=smallest_p(len(moved)),
        method="Wilcoxon signed rank, exact",
        exact=True,
        citation="wilcoxon1945",
        size=Size(n_folds=len(values)),
    )


def smallest_p(n: int) -> float:
    """Return the smallest two-sided p of a test by signs on n differences that are not 0: 2/2^n, and 1 of none."""
    return min(1.0, 2.0 ** (1 - n))


def _as_far(sums: np.ndarray, observed: float) -> np.ndarray:
    """Which sums lie at least as far from 0 as the observed one; rounding in the last bits does not decide."""
    return np.abs(sums) >= observed - 1e-9 * max(observed, 10.0**-DECIMALS)


def _drawn(moved: np.ndarray, observed: float, rng: np.random.Generator | None, flips: int) -> float:
    if rng is None:
        raise AnalysisError(f"sign flips of {len(moved)} differences are drawn by chance: give rng, a numpy Generator")
    if flips < 1:
        raise AnalysisError(f"flips={flips} must be at least 1")
    count, left = 0, flips
    while left:
        rows = min(left, 10_000)
        signs = rng.integers(0, 2, size=(rows, len(moved)), dtype=np.int8) * 2 - 1
        count += int(_as_far(signs @ moved, observed).sum())
        left -= rows
    return (1 + count) / (1 + flips)


def _rank_p(ranks: np.ndarray, statistic: int) -> float:
    """Twice the smaller tail of the sum of positive ranks, each rank being positive with probability 1/2."""
    chance = np.ones(1)
    for rank in ranks:
        grown = np.zeros(len(chance) + rank)
        grown[: len(chance)] += 0.5 * chance
        grown[rank:] += 0.5 * chance
        chance = grown
    return float(min(1.0, 2 * min(chance[: statistic + 1].sum(), chance[statistic:].sum())))
