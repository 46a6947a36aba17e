"""The table of scores: configurations down, any metrics across, each with its interval and a paper's figure beside.

With a reference each metric has a column of differences, and each metric is a Holm family of its own. Printed rows that
have no configuration of ours stand below. Shapes of ZooME's Tables I and II and of the Soft-Attention paper's Table 8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.evaluation import ConfigurationResult
from analysis.scoring import METRICS
from analysis.tables.caption import (
    LONG_NAMES,
    caption,
    comparison_note,
    interval_note,
    marks_note,
    study_notes,
    unadjusted_note,
    undefined_notes,
)
from analysis.tables.completeness import dropped_note, stamps
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import Contrast, contrasts, references
from analysis.tables.formatting import difference_digits, score_digits
from analysis.tables.levels import difference_cell, in_order, is_single_split, level_cells
from analysis.tables.published import Published, published_beside
from analysis.tables.records import record
from analysis.tables.specification import TableSpecification
from analysis.tables.table import Cell, Column, Table


@dataclass(frozen=True)
class MetricColumns:
    """What one metric shows: cells by identifier, differences where there is a reference, and figures of a paper."""

    metric: str
    levels: Mapping[str, Cell]
    differences: Mapping[str, Cell]
    family: Mapping[str, Contrast]
    published: Published | None
    digits: int

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns; under a heading of their own when they are several."""
        digits, name = self.digits, METRICS[self.metric]
        if not self.differences and not self.published:
            return (Column(f"{name}, %", "percent", digits=digits),)
        found = [Column("ours, %", "percent", name, digits=digits)]
        if self.differences:
            found.append(Column("Δ", "difference", name, digits=difference_digits(self.family.values())))
        if self.published:
            found.append(Column("published", "percent", name, subtitle=self.published.stamp, digits=digits))
        return tuple(found)

    def cells(self, result: ConfigurationResult) -> tuple[Cell, ...]:
        """What one configuration shows."""
        return (
            self.levels[result.identifier],
            *([self.differences[result.identifier]] if self.differences else []),
            *([self.published.cell(result, metric=self.metric)] if self.published else []),
        )

    @property
    def keys(self) -> tuple[str | None, ...]:
        """For each column the published metric that stands in it."""
        return (
            None,
            *([None] if self.differences else []),
            *([self.metric] if self.published else []),
        )


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table, `<name>`, with all metrics.

    Raises:
        AnalysisError: an unknown setting or target, a reference that is not clear, or configurations not paired.
    """
    shown, target = in_order(specification, results), specification.target
    single_split = is_single_split(shown, specification.metrics[0], target)
    blocks = [metric_columns(specification, results, shown, context, metric) for metric in specification.metrics]
    published = published_beside(specification, context, specification.metrics)
    metrics = ", ".join(LONG_NAMES[metric] for metric in specification.metrics)
    return (
        Table(
            name=specification.name,
            title=specification.title,
            caption=caption(context, metrics, target),
            columns=(Column("configuration"), *(column for block in blocks for column in block.columns)),
            rows=(
                *((Cell(text=one.label), *(cell for block in blocks for cell in block.cells(one))) for one in shown),
                *(published.free_rows([key for block in blocks for key in block.keys]) if published else ()),
            ),
            notes=(
                marks_note(single_split=single_split),
                interval_note(context, single_split=single_split),
                *_comparison_notes(specification, context, shown, blocks),
                *(note for metric in specification.metrics for note in undefined_notes(shown, metric, target)),
                *(published.notes(shown) if published else ()),
                *study_notes(context, shown),
                *dropped_note(results),
            ),
            stamps=stamps(shown),
            records=(
                *score_records(specification, shown, blocks),
                *(published.free_records() if published else ()),
            ),
        ),
    )


def metric_columns(
    specification: TableSpecification,
    results: Sequence[ConfigurationResult],
    shown: Sequence[ConfigurationResult],
    context: StudyContext,
    metric: str,
) -> MetricColumns:
    """Return the columns of one metric; `shown` are those of all `results` that stand in the table.

    Raises:
        AnalysisError: as `build`.
    """
    by_identifier = references(specification, shown)
    family = contrasts(specification, shown, metric)
    found = published_beside(specification, context, (metric,))
    return MetricColumns(
        metric=metric,
        levels=level_cells(shown, metric, specification.target),
        differences={one.identifier: difference_cell(one, by_identifier, family) for one in shown}
        if by_identifier
        else {},
        family=family,
        published=found.beside(shown) if found else None,
        digits=score_digits(results, metric, specification.target),
    )


def score_records(
    specification: TableSpecification, shown: Sequence[ConfigurationResult], blocks: Sequence[MetricColumns]
) -> list[dict[str, object]]:
    """Return the rows of the long CSV: one per configuration and metric."""
    by_identifier = references(specification, shown)
    return [
        record(
            result,
            block.metric,
            specification.target,
            block.family.get(result.identifier),
            is_reference=by_identifier.get(result.identifier) is result,
        )
        | (block.published.fields(result, metric=block.metric) if block.published else {})
        for result in shown
        for block in blocks
    ]


def _comparison_notes(
    specification: TableSpecification,
    context: StudyContext,
    shown: Sequence[ConfigurationResult],
    blocks: Sequence[MetricColumns],
) -> tuple[str, ...]:
    if not specification.reference:
        return ()
    several = ("Each metric is a family of its own.",) if len(blocks) > 1 else ()
    return (
        "Δ: difference to the reference in percentage points, over the same folds.",
        comparison_note(specification, context, shown, blocks[0].family),
        *unadjusted_note(blocks[0].family),
        *several,
    )
