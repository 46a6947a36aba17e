"""The comparison table: every configuration against the reference, with both tests, both intervals and the verdict."""

from collections.abc import Mapping, Sequence

from analysis.evaluation import ConfigurationResult
from analysis.scoring import LEADING, METRICS
from analysis.statistics.intervals import Interval
from analysis.tables.caption import (
    LONG_NAMES,
    caption,
    comparison_note,
    interval_note,
    rope_note,
    study_notes,
    undefined_notes,
)
from analysis.tables.completeness import stamps
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import Contrast, chosen, contrasts, references, scored
from analysis.tables.formatting import decimals
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
    return tuple(_table(specification, kept, context, metric) for metric in specification.metrics)


def _table(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext, metric: str
) -> Table:
    target = specification.target
    by_identifier = references(specification, results)
    family = contrasts(specification, results, metric)
    single = is_single_split(results, metric, target)
    several = len(specification.metrics) > 1
    return Table(
        name=f"{specification.name}_{metric}",
        title=f"{specification.title} ({METRICS[metric]})" if several else specification.title,
        caption=caption(context, f"{LONG_NAMES[metric]} against the reference", target),
        columns=_columns(specification, metric, family),
        rows=tuple(_row(result, metric, target, by_identifier, family) for result in results),
        notes=(
            "Δ: configuration minus reference in percentage points, over the same folds. NB: Nadeau-Bengio corrected "
            "t. SD: over folds, a spread, not an interval.",
            interval_note(context, single_split=single),
            comparison_note(specification, context, results, family),
            *([] if single or not family else [rope_note(specification, metric)]),
            *further_note(family, metric),
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


def _columns(specification: TableSpecification, metric: str, family: Mapping[str, Contrast]) -> tuple[Column, ...]:
    digits = decimals(contrast.comparison.max_se.interval.half_width for contrast in family.values())
    difference, rope = f"Δ {METRICS[metric]}, points", f"ROPE ±{100 * specification.rope_of(metric):g} points"
    return (
        Column("configuration"),
        *(Column(f"{METRICS[name]}, %", "percent", digits=digits) for name in _metrics(metric)),
        Column(f"SD of {METRICS[metric]}", "percent", digits=digits),
        Column("Δ", "difference", difference, digits=digits),
        Column("NB 95 %", "interval", difference, digits=digits),
        Column("max-SE 95 %", "interval", difference, digits=digits),
        Column("NB", "p", "p"),
        Column("NB, Holm", "p", "p"),
        Column("max-SE, Holm", "p", "p"),
        Column("naive t", "p", "p"),
        Column("P(worse)", "probability", rope),
        Column("P(equal)", "probability", rope),
        Column("P(better)", "probability", rope),
        Column("verdict"),
    )


def _metrics(metric: str) -> tuple[str, ...]:
    """MCR and AUC, and the metric that is compared where it is another one."""
    return LEADING if metric in LEADING else (*LEADING, metric)


COMPARISON_COLUMNS = 11


def _row(
    result: ConfigurationResult,
    metric: str,
    target: str | None,
    by_identifier: Mapping[str, ConfigurationResult],
    family: Mapping[str, Contrast],
) -> tuple[Cell, ...]:
    levels = [scored(result, name, target) for name in _metrics(metric)]
    scores = scored(result, metric, target)
    heading = (
        Cell(text=result.label),
        *(Cell(one.estimate) if one else blank(result) for one in levels),
        Cell(scores.fold_sd) if scores and scores.fold_sd is not None else MISSING,
    )
    if by_identifier.get(result.identifier) is result:
        return (*heading, *([Cell(text="")] * (COMPARISON_COLUMNS - 1)), Cell(text="reference"))
    contrast = family.get(result.identifier)
    return (*heading, *([MISSING] * COMPARISON_COLUMNS if contrast is None else _contrast_cells(contrast)))


def _contrast_cells(contrast: Contrast) -> list[Cell]:
    test, rope, naive = contrast.comparison.corrected_t, contrast.comparison.rope, contrast.comparison.naive_t
    return [
        Cell(contrast.comparison.estimate),
        _bounds(test.interval) if test else MISSING,
        _bounds(contrast.comparison.max_se.interval),
        Cell(test.p) if test else MISSING,
        Cell(contrast.nb_p_holm) if contrast.nb_p_holm is not None else MISSING,
        Cell(contrast.max_se_p_holm),
        Cell(naive.p) if naive else MISSING,
        *([Cell(rope.worse), Cell(rope.equivalent), Cell(rope.better)] if rope else [MISSING] * 3),
        Cell(text=contrast.verdict.phrase, marks=contrast.verdict.mark),
    ]


def _bounds(interval: Interval) -> Cell:
    return Cell(interval.estimate, interval.low, interval.high)
