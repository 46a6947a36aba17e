"""The ablation table: one dimension down, another across, each cell a score with its interval and the difference to the
reference. Shapes of MetaNet's Tables 1, 3 and 4 (backbone, metadata subset or depth, by fusion).

A subset dimension (metadata.fields) is shown as ticks. A reference that shares neither row nor column with others, as
image only, stands in a first row of its own and is repeated in every column. Where the specification names a published
table, its figure stands beside ours.
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
from analysis.tables.completeness import stamps
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import chosen, contrasts
from analysis.tables.dimensions import Level
from analysis.tables.formatting import difference_digits, score_digits
from analysis.tables.grid import Grid, lay_out
from analysis.tables.levels import difference_cell, is_single_split, level_cells
from analysis.tables.published import Published, published_beside
from analysis.tables.records import record
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell, Column, Table

TICK = "✓"


@dataclass(frozen=True)
class Body:
    """The cells of every configuration, by identifier; `published` is empty where no paper stands beside."""

    levels: Mapping[str, Cell]
    differences: Mapping[str, Cell]
    published: Mapping[str, Cell]


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table per metric, named `<name>_<metric>`.

    Raises:
        AnalysisError: an unknown setting or level, two configurations in one cell, or a reference that is not clear.
    """
    kept = chosen(specification, results)
    grid = lay_out(specification, kept)
    digits = {metric: score_digits(results, metric, specification.target) for metric in specification.metrics}
    return tuple(_table(specification, kept, context, grid, metric, digits[metric]) for metric in specification.metrics)


def _table(
    specification: TableSpecification,
    results: Sequence[ConfigurationResult],
    context: StudyContext,
    grid: Grid,
    metric: str,
    digits: int,
) -> Table:
    target = specification.target
    family = contrasts(specification, results, metric)
    published = published_beside(specification, context, (metric,))
    beside = published.beside(results) if published else None
    body = Body(
        levels=level_cells(results, metric, target),
        differences={result.identifier: difference_cell(result, grid.references, family) for result in results},
        published={result.identifier: beside.cell(result) for result in results} if beside else {},
    )
    several, single_split = len(specification.metrics) > 1, is_single_split(results, metric, target)
    return Table(
        name=f"{specification.name}_{metric}",
        title=f"{specification.title} ({METRICS[metric]})" if several else specification.title,
        caption=caption(context, LONG_NAMES[metric], target),
        columns=_columns(grid, metric, beside, (digits, difference_digits(family.values()))),
        rows=_rows(grid, body),
        notes=(
            "Δ: difference to the reference in percentage points, over the same folds. "
            + marks_note(single_split=single_split),
            interval_note(context, single_split=single_split),
            comparison_note(specification, context, results, family),
            *unadjusted_note(family),
            *_gap_note(grid),
            *undefined_notes(results, metric, target),
            *(published.notes(results) if published else ()),
            *study_notes(context, results),
        ),
        stamps=stamps(results),
        records=tuple(
            record(
                result,
                metric,
                target,
                family.get(result.identifier),
                is_reference=grid.references.get(result.identifier) is result,
            )
            | (published.fields(result) if published else {})
            for result in results
        ),
    )


def _columns(grid: Grid, metric: str, published: Published | None, digits: tuple[int, int]) -> tuple[Column, ...]:
    """The columns; `digits` are those of scores and of differences."""
    columns = [Column("inputs" if grid.rows.is_subset else grid.rows.title)]
    columns += [Column(member) for member in grid.rows.members]
    for level in grid.column_levels:
        group = grid.columns.heading(level) if grid.columns else ""
        columns.append(Column(f"{METRICS[metric]}, %", "percent", group, digits=digits[0]))
        if grid.has_difference(level):
            columns.append(Column("Δ", "difference", group, digits=digits[1]))
        if published:
            columns.append(Column("published", "percent", group, subtitle=published.stamp, digits=published.digits))
    return tuple(columns)


def _rows(grid: Grid, body: Body) -> tuple[tuple[Cell, ...], ...]:
    rows = []
    if grid.spanning is not None:
        everywhere = dict.fromkeys(grid.column_levels, grid.spanning)
        rows.append(_row(grid, _heading(grid, (), grid.spanning.label), everywhere, body))
    for row in grid.row_levels:
        standing = {column: grid.cells[row, column] for column in grid.column_levels if (row, column) in grid.cells}
        rows.append(_row(grid, _heading(grid, row, None), standing, body))
    return tuple(rows)


def _heading(grid: Grid, level: Level, label: str | None) -> tuple[Cell, ...]:
    if not grid.rows.is_subset:
        return (Cell(text=grid.rows.text(level) if label is None else label),)
    text = label or ("image +" if level else "image only")
    spoken = f"image + {grid.rows.text(level)}" if level and label is None else ""
    return (
        Cell(text=text, spoken=spoken),
        *(Cell(text=TICK if member in level else "") for member in grid.rows.members),
    )


def _row(
    grid: Grid, heading: tuple[Cell, ...], standing: Mapping[Level, ConfigurationResult], body: Body
) -> tuple[Cell, ...]:
    cells = list(heading)
    for column in grid.column_levels:
        name = standing[column].identifier if column in standing else ""
        cells.append(body.levels.get(name, MISSING))
        if grid.has_difference(column):
            cells.append(body.differences.get(name, MISSING))
        if body.published:
            cells.append(body.published.get(name, MISSING))
    return tuple(cells)


def _gap_note(grid: Grid) -> tuple[str, ...]:
    full = len(grid.row_levels) * len(grid.column_levels) == len(grid.cells)
    return () if full else ("–: this combination is not part of the study.",)
