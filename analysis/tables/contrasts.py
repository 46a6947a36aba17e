"""The comparisons of a table: who is compared with whom, one Holm family per table and metric, and the verdicts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.scores import MetricScores
from analysis.statistics.comparisons import Comparison, compare
from analysis.statistics.families import benjamini_hochberg, holm
from analysis.statistics.verdicts import EQUIVALENCE, Verdict, verdict
from analysis.tables.dimensions import dimension, matching, values_there
from analysis.tables.specification import TableSpecification


@dataclass(frozen=True)
class Contrast:
    """One configuration against its reference, with the p values adjusted in the table's family.

    Verdicts go by Holm; what Benjamini and Hochberg's adjustment gives is kept for exploring.
    """

    reference: ConfigurationResult
    comparison: Comparison
    nb_p_holm: float | None
    max_se_p_holm: float
    verdict: Verdict
    nb_p_bh: float | None = None
    max_se_p_bh: float | None = None

    @property
    def negligible(self) -> bool:
        """Whether the verdict is of a difference and the ROPE posterior puts it within practical equivalence."""
        rope = self.comparison.rope
        within = rope is not None and not self.comparison.constant and rope.equivalent > EQUIVALENCE
        return within and self.verdict.word in ("supported", "suggested")


def chosen(
    specification: TableSpecification, results: Sequence[ConfigurationResult]
) -> tuple[ConfigurationResult, ...]:
    """Return the configurations of a table, in order: those that match `where`, and the reference.

    Raises:
        AnalysisError: none is left, two share an identifier, or a setting is unknown.
    """
    identifiers = [result.identifier for result in results]
    if len(set(identifiers)) != len(identifiers):
        raise AnalysisError(f"table {specification.name}: a configuration is given twice")
    wanted = {result.identifier for result in matching(results, specification.where)}
    if not wanted:
        raise _no_match(specification, "where", specification.where, results)
    if specification.reference:
        picked = {result.identifier for result in matching(results, specification.reference)}
        wanted |= picked & wanted or picked  # a reference that `where` leaves out is added
    kept = tuple(result for result in results if result.identifier in wanted)
    if not kept:
        raise _no_match(specification, "where", specification.where, results)
    return kept


def references(
    specification: TableSpecification, results: Sequence[ConfigurationResult]
) -> dict[str, ConfigurationResult]:
    """Return the reference of each configuration, by identifier.

    `reference` picks one configuration for all, or at most one in every row, or at most one in every column; what
    stands in a row or column without one has no reference, and is not in the mapping.

    Raises:
        AnalysisError: it picks none, or several that are neither one per row nor one per column.
    """
    if not specification.reference:
        return {}
    picked = matching(results, specification.reference)
    if not picked:
        raise _no_match(specification, "reference", specification.reference, results)
    if len(picked) == 1:
        return {result.identifier: picked[0] for result in results}
    for axis in (specification.rows, specification.columns):
        if axis is not None and (found := _one_per_level(axis, picked, results)):
            return found
    raise AnalysisError(
        f"table {specification.name}: reference={_shown(specification.reference)} matches {len(picked)} configurations "
        f"({picked[0].label!r}, {picked[1].label!r}, ...); add settings until it picks one, or one per row or column"
    )


def _one_per_level(
    axis: str, picked: Sequence[ConfigurationResult], results: Sequence[ConfigurationResult]
) -> dict[str, ConfigurationResult] | None:
    along = dimension(axis, results)
    by_level: dict[object, list[ConfigurationResult]] = defaultdict(list)
    for result in picked:
        by_level[along.level_of(result)].append(result)
    if len(by_level) < 2 or any(len(found) > 1 for found in by_level.values()):
        return None
    levels = {result.identifier: along.level_of(result) for result in results}
    return {name: by_level[level][0] for name, level in levels.items() if level in by_level}


def scored(result: ConfigurationResult, metric: str, target: str | None) -> MetricScores | None:
    """Return the scores of a configuration; None when it is incomplete, or a fold of one class has no such metric."""
    if not result.complete:
        return None
    scores = result.scores_of(metric, target)
    return scores if np.isfinite(scores.values).all() else None


def contrasts(
    specification: TableSpecification, results: Sequence[ConfigurationResult], metric: str
) -> dict[str, Contrast]:
    """Compare each configuration that has scores with its reference; by identifier, references left out.

    Raises:
        AnalysisError: as `references`, or configurations that are not paired.
    """
    found: dict[str, tuple[ConfigurationResult, Comparison]] = {}
    for identifier, reference in references(specification, results).items():
        other = next(result for result in results if result.identifier == identifier)
        ours, theirs = (scored(result, metric, specification.target) for result in (other, reference))
        if other is not reference and ours is not None and theirs is not None:
            found[identifier] = reference, compare(theirs, ours, rope=specification.rope_of(metric))
    return _adjusted(found, specification.alpha, family_size(specification, results))


def family_size(specification: TableSpecification, results: Sequence[ConfigurationResult]) -> int:
    """Return how many comparisons the finished table makes, whether or not their fold fits are done."""
    return sum(
        identifier != reference.identifier for identifier, reference in references(specification, results).items()
    )


def _adjusted(found: dict[str, tuple[ConfigurationResult, Comparison]], alpha: float, size: int) -> dict[str, Contrast]:
    tests = [comparison.corrected_t for _, comparison in found.values()]
    # A comparison that is still to come counts as p = 1, so that a partial table never says more than the finished one.
    to_come = [1.0] * (size - len(found))
    # pairing is checked, so either all comparisons have a corrected t or none has
    known = [test.p for test in tests if test is not None]
    ours = [comparison.max_se.p for _, comparison in found.values()]
    unknown: Sequence[float | None] = [None] * len(tests)
    nb_holm, nb_bh = (adjust(known + to_come) if known else unknown for adjust in (holm, benjamini_hochberg))
    max_holm, max_bh = (adjust(ours + to_come) for adjust in (holm, benjamini_hochberg))
    return {
        identifier: Contrast(
            reference=reference,
            comparison=comparison,
            nb_p_holm=nb_p,
            max_se_p_holm=max_p,
            verdict=verdict(
                estimate=comparison.gain,
                nb_p=nb_p,
                max_se_p=max_p,
                equivalent=comparison.rope.equivalent if comparison.rope and not comparison.constant else None,
                alpha=alpha,
            ),
            nb_p_bh=nb_q,
            max_se_p_bh=max_q,
        )
        # the adjusted values of comparisons to come stand at the end and fall away
        for (identifier, (reference, comparison)), nb_p, max_p, nb_q, max_q in zip(
            found.items(), nb_holm, max_holm, nb_bh, max_bh, strict=False
        )
    }


def _no_match(
    specification: TableSpecification, name: str, wanted: dict[str, object], results: Sequence[ConfigurationResult]
) -> AnalysisError:
    there = values_there(results, wanted)
    return AnalysisError(f"table {specification.name}: no configuration matches {name}={_shown(wanted)}{there}")


def _shown(settings: dict[str, object]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in settings.items()) + "}"
