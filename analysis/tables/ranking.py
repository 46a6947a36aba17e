"""The ranking table: configurations by their mean rank over folds, each against the first (reports.md T5).

Within a fold the best configuration has rank 1 and ties share their mean rank. The first was picked on the folds that
score it, so differences to it are optimistic in its favour: there is no verdict, only where the ROPE posterior stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from analysis.evaluation import ConfigurationResult
from analysis.scores import MetricScores, refuse_unpaired
from analysis.scoring import METRICS
from analysis.statistics.comparisons import Comparison, compare
from analysis.statistics.families import holm
from analysis.statistics.intervals import NADEAU_BENGIO
from analysis.statistics.verdicts import EQUIVALENCE, standing
from analysis.tables.caption import LONG_NAMES, UNADJUSTED, caption, interval_note, study_notes, undefined_notes
from analysis.tables.completeness import stamps
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import chosen, scored
from analysis.tables.formatting import decimals, plural, score_digits
from analysis.tables.records import record
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell, Column, Table


@dataclass(frozen=True)
class Ranked:
    """One configuration in its place. `comparison` is with the first, None of the first itself; p after Holm."""

    place: int
    result: ConfigurationResult
    scores: MetricScores
    mean_rank: float
    comparison: Comparison | None = None
    nb_p_holm: float | None = None

    @property
    def standing(self) -> str:
        """Better, equivalent, worse or unsure against the first; `first` of itself, empty with a single split."""
        if self.comparison is None:
            return "first"
        if self.comparison.rope is None or self.comparison.constant:
            return "unsure" if self.comparison.rope else ""
        return standing(self.comparison.rope)


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table per metric, named `<name>_<metric>`.

    Raises:
        AnalysisError: an unknown setting or target, or configurations that are not paired.
    """
    kept = tuple(result for result in chosen(specification, results) if result.dropped is None)
    return tuple(
        _table(specification, kept, context, metric, score_digits(results, metric, specification.target))
        for metric in specification.metrics
    )


def ranking(
    specification: TableSpecification, results: Sequence[ConfigurationResult], metric: str
) -> tuple[Ranked, ...]:
    """Return the complete configurations by mean rank, then by mean score, then by identifier; ties are rounded.

    The family of Holm is all others against the first; one whose fold fits are to come counts as p = 1.

    Raises:
        AnalysisError: configurations that are not paired.
    """
    found = [(result, scores) for result in results if (scores := scored(result, metric, specification.target))]
    if not found:
        return ()
    means = mean_ranks([scores for _, scores in found])
    order = sorted(range(len(found)), key=lambda one: (means[one], -found[one][1].merit, found[one][0].identifier))
    best = found[order[0]][1]
    compared = [compare(best, found[one][1], rope=specification.rope_of(metric)) for one in order[1:]]
    known = [comparison.corrected_t.p for comparison in compared if comparison.corrected_t is not None]
    to_come = [1.0] * (len(results) - len(found))
    adjusted = holm([*known, *to_come])[: len(known)] if known else (None,) * len(compared)
    places = [Ranked(1, *found[order[0]], means[order[0]])]
    for place, (one, comparison, p) in enumerate(zip(order[1:], compared, adjusted, strict=True), start=2):
        places.append(Ranked(place, *found[one], means[one], comparison, p))
    return tuple(places)


def mean_ranks(scores: Sequence[MetricScores]) -> tuple[float, ...]:
    """Return the mean over folds of each configuration's rank within the fold, 1 being best and ties sharing ranks.

    Scores that agree to 12 decimals are ties.

    Raises:
        AnalysisError: configurations that are not paired.
    """
    for one in scores[1:]:
        refuse_unpaired(scores[0], one)
    values = np.round([one.values for one in scores], 12)
    ranks = rankdata(-values if scores[0].higher_is_better else values, axis=0)
    return tuple(ranks.mean(axis=1).tolist())


def _table(
    specification: TableSpecification,
    results: Sequence[ConfigurationResult],
    context: StudyContext,
    metric: str,
    digits: int,
) -> Table:
    target = specification.target
    places = ranking(specification, results, metric)
    shown = places[: specification.shown]
    several = len(specification.metrics) > 1
    single = any(one.scores.single_split for one in places)
    return Table(
        name=f"{specification.name}_{metric}",
        title=f"{specification.title} ({METRICS[metric]})" if several else specification.title,
        caption=caption(context, f"Configurations by mean rank of {LONG_NAMES[metric]} over folds", target),
        columns=_columns(specification, metric, shown, digits),
        rows=tuple(_row(one) for one in shown),
        notes=(
            *_ranking_notes(specification, context, results, places, metric),
            *([] if single else ["Brackets of the score: max-SE interval."]),
            interval_note(context, single_split=single),
            *([UNADJUSTED] if any(one.nb_p_holm is not None for one in places) else []),
            *undefined_notes(results, metric, target),
            *study_notes(context, results),
        ),
        stamps=stamps(results),
        records=tuple(_record(one, places[0], metric, target) for one in places),
    )


def _columns(
    specification: TableSpecification, metric: str, shown: Sequence[Ranked], digits: int
) -> tuple[Column, ...]:
    compared = [one.comparison for one in shown if one.comparison is not None]
    apart = decimals(comparison.max_se.interval.half_width for comparison in compared)
    difference = f"Δ {METRICS[metric]} to the first, points"
    rope = f"ROPE ±{100 * specification.rope_of(metric):g} points"
    return (
        Column("place"),
        Column("configuration"),
        Column("mean rank", "number", digits=2),
        Column(f"{METRICS[metric]}, %", "percent", digits=digits),
        Column("Δ", "difference", difference, digits=apart),
        Column("NB 95 %", "interval", difference, digits=apart),
        Column("NB, Holm", "p", "p"),
        Column("P(equal)", "probability", rope),
        Column("to the first", "text", rope),
    )


def _row(one: Ranked) -> tuple[Cell, ...]:
    bounds = one.scores.max_se_interval()
    heading = (
        Cell(text=str(one.place)),
        Cell(text=one.result.label),
        Cell(one.mean_rank),
        Cell(bounds.estimate, bounds.low, bounds.high),
    )
    if one.comparison is None:
        return (*heading, *([Cell(text="")] * 4), Cell(text=one.standing))
    test, rope = one.comparison.corrected_t, one.comparison.rope
    return (
        *heading,
        Cell(one.comparison.estimate),
        Cell(test.interval.estimate, test.interval.low, test.interval.high) if test else MISSING,
        Cell(one.nb_p_holm) if one.nb_p_holm is not None else MISSING,
        Cell(rope.equivalent) if rope else MISSING,
        Cell(text=one.standing) if one.standing else MISSING,
    )


def _ranking_notes(
    specification: TableSpecification,
    context: StudyContext,
    results: Sequence[ConfigurationResult],
    places: Sequence[Ranked],
    metric: str,
) -> tuple[str, ...]:
    if not places:
        return (f"None of {plural(len(results), 'configuration')} is complete.",)
    lower = "" if places[0].scores.higher_is_better else " The lower score has the better rank."
    ranks = (
        f"Mean rank: over folds, 1 is best, ties share their mean rank.{lower} The first was picked on the folds that "
        "score it, which favours it in every difference: this is an order and no evidence for the first."
    )
    if places[0].scores.single_split or len(places) < 2:
        return (ranks,)
    return (
        ranks,
        f"NB: {NADEAU_BENGIO} (Nadeau and Bengio 2003), n_test/n_train = {context.folds.test_over_train:.3g}; p after "
        f"Holm over {plural(len(results) - 1, 'comparison')} with the first. Against the first: better, equivalent or "
        f"worse where more than {EQUIVALENCE:g} of the Bayesian correlated t (Benavoli et al. 2017) lies above, within "
        f"or below ±{100 * specification.rope_of(metric):g} points; else unsure. Folds share training data: mean ranks "
        "are described, not tested.",
    )


def _record(one: Ranked, first: Ranked, metric: str, target: str | None) -> dict[str, object]:
    comparison = one.comparison
    test, rope = (comparison.corrected_t, comparison.rope) if comparison else (None, None)
    return {
        "place": one.place,
        "mean_rank": one.mean_rank,
        **record(one.result, metric, target, None, is_reference=one is first),
        "reference": first.result.identifier if comparison else None,
        "difference": comparison.estimate if comparison else None,
        "difference_max_se_low": comparison.max_se.interval.low if comparison else None,
        "difference_max_se_high": comparison.max_se.interval.high if comparison else None,
        "difference_nb_low": test.interval.low if test else None,
        "difference_nb_high": test.interval.high if test else None,
        "p_max_se": comparison.max_se.p if comparison else None,
        "p_nb": test.p if test else None,
        "p_nb_holm": one.nb_p_holm,
        "rope": rope.rope if rope else None,
        "p_worse": rope.worse if rope else None,
        "p_equivalent": rope.equivalent if rope else None,
        "p_better": rope.better if rope else None,
        "standing": one.standing or None,
    }
