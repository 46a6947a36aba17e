"""McNemar's test of two classifiers' accuracy on the same samples, plain and clustered by group. Not for MCR.

Only samples that one classifier decides rightly and the other wrongly count. The plain test takes samples as
independent, which images of one lesion are not; the clustered one takes groups as independent.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.intervals import Size

EXACT_BELOW = 25
"""Discordant samples below which p is binomial."""


@dataclass(frozen=True)
class McNemarTest:
    """A two-sided p with the discordant counts behind it; `estimate` is other minus reference in accuracy.

    `only_reference` and `only_other`: samples that only this one decides rightly. `statistic` is chi-squared on one
    degree of freedom, for the binomial test the smaller of the two counts.
    """

    estimate: float
    only_reference: int
    only_other: int
    statistic: float
    p: float
    method: str
    citation: str
    size: Size


def mcnemar(reference_right: np.ndarray, other_right: np.ndarray) -> McNemarTest:
    """Test whether two classifiers are right equally often (McNemar 1947), samples taken as independent.

    Exact binomial with fewer than 25 discordant samples, else chi-squared with Edwards' continuity correction.
    Classifiers that never disagree give p = 1.

    Args:
        reference_right: (n,) whether the reference decides each sample rightly.
        other_right: (n,) the same of the other, in the same order.

    Raises:
        AnalysisError: no samples, or two lengths.
    """
    reference, other = _paired(reference_right, other_right)
    b, c = int((reference & ~other).sum()), int((other & ~reference).sum())
    if b + c < EXACT_BELOW:
        statistic, method = float(min(b, c)), "McNemar, exact binomial"
        p = float(stats.binomtest(b, b + c, 0.5).pvalue) if b + c else 1.0
    else:
        statistic, method = max(0, abs(b - c) - 1) ** 2 / (b + c), "McNemar, continuity-corrected"
        p = float(stats.chi2.sf(statistic, 1))
    return McNemarTest((c - b) / len(other), b, c, statistic, p, method, "mcnemar1947", Size(n_samples=len(other)))


def clustered_mcnemar(reference_right: np.ndarray, other_right: np.ndarray, *, groups: np.ndarray) -> McNemarTest:
    """Test the same with groups as the independent units: (G-1)/G (sum of d_g)^2 / sum of d_g^2 (Obuchowski 1998).

    d_g is how many samples of group g only the other decides rightly, less those that only the reference does. Groups
    of one sample give McNemar's test without continuity correction, but for (G-1)/G. A sample may come several times,
    from repeats.

    Args:
        reference_right: (n,) whether the reference decides each sample rightly.
        other_right: (n,) the same of the other, in the same order.
        groups: (n,) the lesion or patient of each sample.

    Raises:
        AnalysisError: no samples, or lengths that differ.
    """
    reference, other = _paired(reference_right, other_right)
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    if len(members) != len(other):
        raise AnalysisError(f"{len(members)} groups for {len(other)} samples: give the group of every sample")
    moved = np.bincount(members, weights=other.astype(float) - reference.astype(float))
    spread = float(np.square(moved).sum())
    statistic = float((len(moved) - 1) / len(moved) * moved.sum() ** 2 / spread) if spread else 0.0
    return McNemarTest(
        estimate=float(moved.sum() / len(other)),
        only_reference=int((reference & ~other).sum()),
        only_other=int((other & ~reference).sum()),
        statistic=statistic,
        p=float(stats.chi2.sf(statistic, 1)),
        method="McNemar, group-clustered",
        citation="obuchowski1998",
        size=Size(n_samples=len(other), n_groups=len(moved)),
    )


def _paired(reference_right: np.ndarray, other_right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    reference, other = np.asarray(reference_right, dtype=bool), np.asarray(other_right, dtype=bool)
    if reference.ndim != 1 or reference.shape != other.shape:
        raise AnalysisError(f"unpaired: {reference.shape} decisions of the reference, {other.shape} of the other")
    if not len(reference):
        raise AnalysisError("there are no decisions to compare")
    return reference, other
