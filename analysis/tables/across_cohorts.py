"""Configurations over the cohorts of a study's arms: mean scores, ranks, Friedman's test and each pair.

Arms on the same cohort, as two fold plans, count once, the first of them. Only configurations with a score in every
cohort take part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.statistics.across_cohorts import (
    FEWEST,
    FriedmanTest,
    PairwiseWilcoxon,
    friedman,
    nemenyi_critical_difference,
    pairwise_wilcoxon,
)
from analysis.statistics.signed_tests import smallest_p
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import scored

Row = Mapping[str, ConfigurationResult]
"""One configuration by arm."""


@dataclass(frozen=True)
class AcrossCohorts:
    """`scores` (cohorts, configurations) with their names in order, and the tests over the cohorts.

    `critical_difference` is Nemenyi's of mean ranks at `alpha`.
    """

    cohorts: tuple[str, ...]
    labels: tuple[str, ...]
    identifiers: tuple[str, ...]
    scores: np.ndarray
    friedman: FriedmanTest
    pairs: tuple[PairwiseWilcoxon, ...]
    critical_difference: float
    alpha: float


def cohort_arms(contexts: Mapping[str, StudyContext]) -> tuple[str, ...]:
    """Return the first arm on each cohort."""
    first: dict[str, str] = {}
    for arm, context in contexts.items():
        first.setdefault(context.cohort.name, arm)
    return tuple(first.values())


def across_cohorts(
    rows: Sequence[Row],
    contexts: Mapping[str, StudyContext],
    metric: str,
    target: str | None,
    *,
    alpha: float = 0.05,
) -> AcrossCohorts:
    """Test the configurations of all arms over their cohorts.

    Args:
        rows: the configurations of all arms, from `analysis.tables.arms.matched`.
        contexts: by arm; arms without one are left out.
        metric: compared by its mean over folds.
        target: of several.
        alpha: of the critical difference.

    Raises:
        AnalysisError: fewer than three cohorts, or fewer than two configurations with a score in each.
    """
    arms = cohort_arms(contexts)
    if len(arms) < FEWEST:
        raise AnalysisError(f"a test across cohorts needs at least {FEWEST}, the arms of this study have {len(arms)}")
    everywhere = [row for row in rows if all(arm in row for arm in arms)]
    found = [(row, [scored(row[arm], metric, target) for arm in arms]) for row in everywhere]
    kept = [(row, [one for one in scores if one is not None]) for row, scores in found]
    kept = [(row, scores) for row, scores in kept if len(scores) == len(arms)]
    if len(kept) < 2:
        raise AnalysisError(
            f"a test across cohorts needs two configurations with a score in all of {', '.join(arms)}; "
            f"there {'is' if len(kept) == 1 else 'are'} {len(kept)}"
        )
    values = np.array([[one.estimate for one in scores] for _, scores in kept]).T
    higher = kept[0][1][0].higher_is_better
    return AcrossCohorts(
        cohorts=tuple(contexts[arm].cohort.name for arm in arms),
        labels=tuple(row[arms[0]].label for row, _ in kept),
        identifiers=tuple(row[arms[0]].identifier for row, _ in kept),
        scores=values,
        friedman=friedman(values, higher_is_better=higher),
        pairs=pairwise_wilcoxon(values),
        critical_difference=nemenyi_critical_difference(values.shape[1], len(arms), alpha=alpha),
        alpha=alpha,
    )


def across_note(
    rows: Sequence[Row], contexts: Mapping[str, StudyContext], metric: str, target: str | None, *, alpha: float
) -> tuple[str, ...]:
    """Return Friedman's test and the pairs in words, or why there is none; nothing where all arms share a cohort."""
    if len(cohort_arms(contexts)) < 2:
        return ()
    try:
        found = across_cohorts(rows, contexts, metric, target, alpha=alpha)
    except AnalysisError as error:
        return (f"Nothing is tested across cohorts: {error}.",)
    test = found.friedman
    ranks = "; ".join(
        f"{label} {rank:.2f}"
        for rank, label in sorted(zip(test.mean_ranks, found.labels, strict=True), key=lambda pair: pair[0])
    )
    apart = [pair for pair in found.pairs if pair.p_holm < alpha]
    named = "; ".join(f"{found.labels[pair.first]} and {found.labels[pair.second]}" for pair in apart) or "none"
    return (
        f"Across {len(found.cohorts)} cohorts (Demsar 2006): mean ranks {ranks}. Friedman with Iman and Davenport's F: "
        f"F({test.df[0]}, {test.df[1]}) = {test.f:.2f}, p = {test.p:.3g}. Pairs apart below {alpha:g} by exact "
        f"Wilcoxon after Holm over {len(found.pairs)}: {named}; with so many cohorts its p before Holm cannot be below "
        f"{smallest_p(test.n_cohorts):.3g}.",
    )


def across_fields(
    rows: Sequence[Row], contexts: Mapping[str, StudyContext], metric: str, target: str | None
) -> tuple[dict[str, Any], ...]:
    """Return what the long CSV holds of the test for each row in order; nothing where there is no test."""
    try:
        found = across_cohorts(rows, contexts, metric, target)
    except AnalysisError:
        return ({},) * len(rows)
    ranks = dict(zip(found.identifiers, found.friedman.mean_ranks, strict=True))
    arm, test = cohort_arms(contexts)[0], found.friedman
    return tuple(
        {
            "mean_rank_over_cohorts": ranks.get(row[arm].identifier) if arm in row else None,
            "friedman_f": test.f,
            "friedman_p": test.p,
            "n_cohorts": test.n_cohorts,
        }
        for row in rows
    )
