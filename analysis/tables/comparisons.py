"""The comparison table: every configuration against its reference, with the verdict, both intervals and both tests."""

from collections.abc import Mapping, Sequence

from analysis.evaluation import ConfigurationResult
from analysis.scoring import LEADING, METRICS
from analysis.statistics.intervals import Interval
from analysis.tables.caption import (
    LONG_NAMES,
    caption,
    comparison_note,
    interval_note,
    negligible_note,
    rope_note,
    study_notes,
    unadjusted_note,
    undefined_notes,
)
from analysis.tables.completeness import stamps
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import Contrast, chosen, contrasts, references, scored
from analysis.tables.formatting import difference_digits, score_digits
from analysis.tables.further_tests import further_fields, further_note
from analysis.tables.levels import blank, is_single_split, sort_by_rows
from analysis.tables.records import record
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell, Column, Table


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table per metric that is compared, named `<name>_<metric>`; MCR and AUC stand beside it.

    Raises:
        AnalysisError: an unknown setting, a reference that is not clear, or configurations that are not paired.
    """
    kept = sort_by_rows(specification, chosen(specification, results))
    return tuple(_table(specification, results, kept, context, metric) for metric in specification.metrics)


def _table(
    specification: TableSpecification,
    everything: Sequence[ConfigurationResult],
    kept: Sequence[ConfigurationResult],
    context: StudyContext,
    metric: str,
) -> Table:
    target = specification.target
    by_identifier = references(specification, kept)
    results = tuple(result for result in kept if result.identifier in by_identifier)
    family = contrasts(specification, results, metric)
    digits = {name: score_digits(everything, name, target) for name in _metrics(metric)}
    single = is_single_split(results, metric, target)
    several = len(specification.metrics) > 1
    return Table(
        name=f"{specification.name}_{metric}",
        title=f"{specification.title} ({METRICS[metric]})" if several else specification.title,
        caption=caption(context, f"{LONG_NAMES[metric]} against the reference", target),
        columns=_columns(specification, metric, family, digits),
        rows=tuple(_row(result, metric, target, by_identifier, family) for result in results),
        notes=(
            "Δ: configuration minus reference in percentage points, over the same folds.",
            interval_note(context, single_split=single),
            comparison_note(specification, context, results, family),
            *unadjusted_note(family),
            *([] if single or not family else [rope_note(specification, metric)]),
            *negligible_note(results, family),
            *further_note(family, metric),
            *_without_reference(kept, by_identifier),
            *undefined_notes(results, metric, target),
            *study_notes(context, results),
        ),
        stamps=stamps(results),
        records=tuple(
            record(
                result,
                metric,
                target,
                family.get(result.identifier),
                is_reference=by_identifier.get(result.identifier) is result,
            )
            | further_fields(result, family.get(result.identifier), metric, target)
            for result in results
        ),
    )


def _columns(
    specification: TableSpecification, metric: str, family: Mapping[str, Contrast], digits: Mapping[str, int]
) -> tuple[Column, ...]:
    """What a reader needs first comes first: a narrow screen shows no more."""
    apart = difference_digits(family.values())
    difference, rope = f"Δ {METRICS[metric]}, points", f"ROPE ±{100 * specification.rope_of(metric):g} points"
    return (
        Column("configuration"),
        *(Column(f"{METRICS[name]}, %", "percent", digits=digits[name]) for name in _metrics(metric)),
        Column("Δ", "difference", difference, digits=apart),
        Column("max-SE 95 %", "interval", difference, digits=apart),
        Column("verdict"),
        Column("95 %", "interval", "Nadeau-Bengio", digits=apart),
        Column("p", "p", "Nadeau-Bengio"),
        Column("p, Holm", "p", "Nadeau-Bengio"),
        Column("p", "p", "max-SE"),
        Column("p, Holm", "p", "max-SE"),
        Column("P(worse)", "probability", rope),
        Column("P(equal)", "probability", rope),
        Column("P(better)", "probability", rope),
    )


def _metrics(metric: str) -> tuple[str, ...]:
    """MCR and AUC, and the metric that is compared where it is another one."""
    return LEADING if metric in LEADING else (*LEADING, metric)


COMPARISON_COLUMNS = 11
"""From Δ on; the verdict is the third of them."""


def _row(
    result: ConfigurationResult,
    metric: str,
    target: str | None,
    by_identifier: Mapping[str, ConfigurationResult],
    family: Mapping[str, Contrast],
) -> tuple[Cell, ...]:
    levels = [scored(result, name, target) for name in _metrics(metric)]
    heading = (Cell(text=result.label), *(Cell(one.estimate) if one else blank(result) for one in levels))
    if by_identifier[result.identifier] is result:
        empty = [Cell(text="")] * (COMPARISON_COLUMNS - 1)
        return (*heading, *empty[:2], Cell(text="reference"), *empty[2:])
    contrast = family.get(result.identifier)
    return (*heading, *([MISSING] * COMPARISON_COLUMNS if contrast is None else _contrast_cells(contrast)))


def _contrast_cells(contrast: Contrast) -> list[Cell]:
    test, rope, ours = contrast.comparison.corrected_t, contrast.comparison.rope, contrast.comparison.max_se
    return [
        Cell(contrast.comparison.estimate),
        _bounds(ours.interval),
        Cell(text=contrast.verdict.phrase, marks=contrast.verdict.mark),
        _bounds(test.interval) if test else MISSING,
        Cell(test.p) if test else MISSING,
        Cell(contrast.nb_p_holm) if contrast.nb_p_holm is not None else MISSING,
        Cell(ours.p),
        Cell(contrast.max_se_p_holm),
        *([Cell(rope.worse), Cell(rope.equivalent), Cell(rope.better)] if rope else [MISSING] * 3),
    ]


def _without_reference(
    kept: Sequence[ConfigurationResult], by_identifier: Mapping[str, ConfigurationResult]
) -> tuple[str, ...]:
    """Name who does not stand in the table, having nothing to be compared with."""
    names = [result.label for result in kept if result.identifier not in by_identifier]
    return (f"Not in this table, for the study names no reference for it: {', '.join(names)}.",) if names else ()


def _bounds(interval: Interval) -> Cell:
    return Cell(interval.estimate, interval.low, interval.high)
