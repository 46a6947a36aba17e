"""Several configurations over several cohorts: Friedman's test, and Wilcoxon's for each pair (Demsar 2006).

Cohorts are the blocks. Folds of one cohort are none, for their training parts overlap, and one cohort more or less is
what the question is about: fewer than three are refused.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.families import holm
from analysis.statistics.signed_tests import wilcoxon_signed_rank

FEWEST = 3
"""Cohorts below which nothing is tested across them."""


@dataclass(frozen=True)
class FriedmanTest:
    """Mean ranks (1 is best), Friedman's chi-squared, and Iman and Davenport's F with its p, the one to read."""

    mean_ranks: tuple[float, ...]
    chi_squared: float
    chi_squared_p: float
    f: float
    df: tuple[int, int]
    p: float
    n_cohorts: int
    method: str
    citation: str


@dataclass(frozen=True)
class PairwiseWilcoxon:
    """One pair, by position: the mean difference second minus first over cohorts, p, its floor, and p after Holm."""

    first: int
    second: int
    estimate: float
    p: float
    p_holm: float
    smallest_p: float
    n_cohorts: int
    method: str = "Wilcoxon signed rank over cohorts, exact"
    citation: str = "benavoli2016"


def friedman(scores: np.ndarray, *, higher_is_better: bool = True, correct_ties: bool = True) -> FriedmanTest:
    """Test whether all configurations rank alike (Friedman 1937; F by Iman and Davenport 1980).

    Ties share their mean rank. Scores that are all equal give p = 1. Where all
    cohorts rank alike F is infinite and p is the chance of that, (1/k!)^(N-1), never 0.

    Args:
        scores: (cohorts, configurations), one mean score each.
        higher_is_better: whether rank 1 goes to the highest score.
        correct_ties: whether chi-squared is corrected for ties, as in R and scipy; Demsar's Table 6 is not.

    Raises:
        AnalysisError: fewer than three cohorts or two configurations, or a score that is not finite.
    """
    values = _checked(scores)
    n, k = values.shape
    ranks = np.array([stats.rankdata(-row if higher_is_better else row) for row in np.round(values, 12)])
    expected = (k + 1) / 2
    # what is there to be explained; ties make it smaller than it is of the ranks 1 to k
    spread = float(np.square(ranks - expected).sum()) if correct_ties else n * k * (k**2 - 1) / 12
    between = n * float(np.square(ranks.mean(axis=0) - expected).sum())
    chi_squared = n * (k - 1) * between / spread if spread else 0.0
    left = n * (k - 1) - chi_squared
    agreed = spread > 0 and left <= 1e-9 * n * (k - 1)
    f = float("inf") if agreed else (n - 1) * chi_squared / left
    df = (k - 1, (k - 1) * (n - 1))
    return FriedmanTest(
        mean_ranks=tuple(ranks.mean(axis=0).tolist()),
        chi_squared=chi_squared,
        chi_squared_p=float(stats.chi2.sf(chi_squared, k - 1)),
        f=f,
        df=df,
        p=float(np.prod(np.arange(1, k + 1, dtype=float)) ** -(n - 1)) if agreed else float(stats.f.sf(f, *df)),
        n_cohorts=n,
        method="Friedman with Iman and Davenport's F",
        citation="demsar2006",
    )


def pairwise_wilcoxon(scores: np.ndarray) -> tuple[PairwiseWilcoxon, ...]:
    """Compare every pair over cohorts by the exact signed-rank test, with Holm over all pairs.

    Unlike Nemenyi's test on mean ranks, a pair does not depend on who else is in the table (Benavoli et al. 2016).

    Args:
        scores: (cohorts, configurations), one mean score each.

    Raises:
        AnalysisError: as `friedman`.
    """
    values = _checked(scores)
    pairs = list(combinations(range(values.shape[1]), 2))
    tests = [wilcoxon_signed_rank(values[:, second] - values[:, first]) for first, second in pairs]
    adjusted = holm([test.p for test in tests])
    return tuple(
        PairwiseWilcoxon(first, second, test.estimate, test.p, p_holm, test.smallest_p, len(values))
        for (first, second), test, p_holm in zip(pairs, tests, adjusted, strict=True)
    )


def nemenyi_critical_difference(configurations: int, cohorts: int, *, alpha: float = 0.05) -> float:
    """Return by how much two mean ranks must differ: q_alpha sqrt(k (k + 1) / (6 N)) (Demsar 2006, section 3.2.2).

    q_alpha is the quantile of the studentised range with infinite degrees of freedom over sqrt 2. It is offered for
    diagrams of critical differences; `pairwise_wilcoxon` is the test to prefer.

    Raises:
        AnalysisError: fewer than three cohorts or two configurations, or an alpha outside (0, 1).
    """
    _refuse_few(cohorts, configurations)
    if not 0 < alpha < 1:
        raise AnalysisError(f"alpha={alpha} must be between 0 and 1, as 0.05")
    quantile = float(stats.studentized_range.ppf(1 - alpha, configurations, np.inf)) / np.sqrt(2)
    return float(quantile * np.sqrt(configurations * (configurations + 1) / (6 * cohorts)))


def _checked(scores: np.ndarray) -> np.ndarray:
    values = np.asarray(scores, dtype=float)
    if values.ndim != 2:
        raise AnalysisError(f"scores across cohorts are (cohorts, configurations), got shape {values.shape}")
    _refuse_few(*values.shape)
    if not np.isfinite(values).all():
        raise AnalysisError("scores across cohorts: one is not finite")
    return values


def _refuse_few(cohorts: int, configurations: int) -> None:
    if cohorts < FEWEST:
        raise AnalysisError(
            f"a test across cohorts needs at least {FEWEST}, there is {cohorts}: folds of one cohort are no substitute"
            if cohorts == 1
            else f"a test across cohorts needs at least {FEWEST}, there are {cohorts}"
        )
    if configurations < 2:
        raise AnalysisError("a test across cohorts needs at least two configurations")
