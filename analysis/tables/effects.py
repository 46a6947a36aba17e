"""The table of effects: what two factors, and their interaction, do to a metric over all their combinations.

It takes a full grid of `rows` by `columns`. Levels that leave gaps in it, as image only beside fusions by subset, are
left out, the emptiest first, and named. Scores enter fold by fold, folds being blocks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.scores import MetricScores, refuse_unpaired
from analysis.scoring import METRICS
from analysis.statistics.mixed_model import Effect, TwoFactorEffects, two_factor_effects
from analysis.tables.caption import LONG_NAMES, caption, study_notes, undefined_notes
from analysis.tables.completeness import stamps
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import chosen, scored
from analysis.tables.dimensions import Dimension, Level
from analysis.tables.formatting import plural
from analysis.tables.grid import lay_out
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell, Column, Table


@dataclass(frozen=True)
class FullGrid:
    """The full part of a grid: every row level with every column level; `left_out` names the levels that have gaps."""

    rows: Dimension
    columns: Dimension
    row_levels: tuple[Level, ...]
    column_levels: tuple[Level, ...]
    cells: Mapping[tuple[Level, Level], ConfigurationResult]
    left_out: tuple[str, ...]

    @property
    def results(self) -> tuple[ConfigurationResult, ...]:
        """The configurations of the full part, row by row."""
        return tuple(self.cells[row, column] for row in self.row_levels for column in self.column_levels)


class NoFullGrid(AnalysisError):
    """Rows and columns of a table have no two levels each that all stand with each other."""


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table per metric, named `<name>_<metric>`: two main effects and the interaction.

    Without a full grid of two by two, as of a study that was cut down, it has no rows and a note that says so.

    Raises:
        AnalysisError: an unknown setting, or two configurations in one cell.
    """
    try:
        grid = full_grid(specification, chosen(specification, results))
    except NoFullGrid as error:
        return tuple(_without_rows(specification, context, metric, str(error)) for metric in specification.metrics)
    return tuple(_table(specification, grid, context, metric) for metric in specification.metrics)


def full_grid(specification: TableSpecification, results: Sequence[ConfigurationResult]) -> FullGrid:
    """Return the full part of the grid of a table.

    Raises:
        AnalysisError: an unknown setting, or two configurations in one cell.
        NoFullGrid: there is none of two by two.
    """
    grid = lay_out(specification, results)
    assert grid.columns is not None
    rows, columns = list(grid.row_levels), list(grid.column_levels)
    left_out: list[str] = []
    while any((row, column) not in grid.cells for row in rows for column in columns):
        holes = {("row", row): np.mean([(row, column) not in grid.cells for column in columns]) for row in rows}
        holes |= {("column", column): np.mean([(row, column) not in grid.cells for row in rows]) for column in columns}
        axis, level = max(holes, key=lambda place: holes[place])  # the first of equals
        (rows if axis == "row" else columns).remove(level)
        along = grid.rows if axis == "row" else grid.columns
        left_out.append(f"{along.title} {along.text(level)}")
    if len(rows) < 2 or len(columns) < 2:
        raise NoFullGrid(
            f"Effects need at least two levels of {specification.rows} that all stand with two levels of "
            f"{specification.columns}; these configurations have none."
        )
    return FullGrid(grid.rows, grid.columns, tuple(rows), tuple(columns), grid.cells, tuple(left_out))


def effects_of(grid: FullGrid, metric: str, target: str | None) -> TwoFactorEffects | None:
    """Return the effects on one metric, or None where a configuration has no scores or there is one split only.

    Raises:
        AnalysisError: configurations that are not paired.
    """
    found = [scored(result, metric, target) for result in grid.results]
    scores = [one for one in found if one is not None]
    if len(scores) < len(found) or scores[0].single_split:
        return None
    for one in scores[1:]:
        refuse_unpaired(scores[0], one)
    return two_factor_effects(_table_of(scores, grid), test_over_train=scores[0].test_over_train)


def _table_of(scores: Sequence[MetricScores], grid: FullGrid) -> np.ndarray:
    return np.array([one.values for one in scores]).reshape(len(grid.row_levels), len(grid.column_levels), -1)


def _without_rows(specification: TableSpecification, context: StudyContext, metric: str, reason: str) -> Table:
    what = f"Effects of {specification.rows} and {specification.columns} on {LONG_NAMES[metric]}"
    return Table(
        name=f"{specification.name}_{metric}",
        title=_title(specification, metric),
        caption=caption(context, what, specification.target),
        columns=(Column("effect"), Column("F", "number"), Column("p", "p")),
        rows=(),
        notes=(reason,),
    )


def _title(specification: TableSpecification, metric: str) -> str:
    several = len(specification.metrics) > 1
    return f"{specification.title} ({METRICS[metric]})" if several else specification.title


def _table(specification: TableSpecification, grid: FullGrid, context: StudyContext, metric: str) -> Table:
    target = specification.target
    effects = effects_of(grid, metric, target)
    named, ranges = _named(grid, effects), _ranges(grid, metric, target)
    what = f"Effects of {grid.rows.title} and {grid.columns.title} on {LONG_NAMES[metric]}"
    return Table(
        name=f"{specification.name}_{metric}",
        title=_title(specification, metric),
        caption=caption(context, what, target),
        columns=(
            Column("effect"),
            Column("range, points", "percent"),
            Column("share", "probability"),
            Column("df"),
            Column("F", "number", "folds as independent", digits=2),
            Column("p", "p", "folds as independent"),
            Column("F", "number", "corrected", digits=2),
            Column("p", "p", "corrected"),
        ),
        rows=tuple(_row(name, effect, width) for (name, effect), width in zip(named, ranges, strict=True)),
        notes=(
            *_effect_notes(grid, effects),
            *undefined_notes(grid.results, metric, target),
            *study_notes(context, grid.results),
        ),
        stamps=stamps(grid.results),
        records=tuple(
            _record(name, effect, effects, metric) | {"range": width}
            for (name, effect), width in zip(named, ranges, strict=True)
        ),
    )


def _named(grid: FullGrid, effects: TwoFactorEffects | None) -> list[tuple[str, Effect | None]]:
    rows, columns = grid.rows.title, grid.columns.title
    if effects is None:
        return [(rows, None), (columns, None), (f"{rows} × {columns}", None)]
    return [(rows, effects.rows), (columns, effects.columns), (f"{rows} × {columns}", effects.interaction)]


def _ranges(grid: FullGrid, metric: str, target: str | None) -> tuple[float | None, float | None, None]:
    """How far the means of the levels of each factor lie apart; an interaction has no such range."""
    scores = [scored(result, metric, target) for result in grid.results]
    known = [one for one in scores if one is not None]
    if len(known) < len(scores):
        return None, None, None
    means = _table_of(known, grid).mean(axis=2)
    return float(np.ptp(means.mean(axis=1))), float(np.ptp(means.mean(axis=0))), None


def _row(name: str, effect: Effect | None, width: float | None) -> tuple[Cell, ...]:
    heading = (Cell(text=name), MISSING if width is None else Cell(width))
    if effect is None:
        return (*heading, *([MISSING] * 6))
    return (
        *heading,
        Cell(effect.share),
        Cell(text=f"{effect.df}, {effect.df_error}"),
        _f(effect.f),
        Cell(effect.p),
        _f(effect.corrected_f),
        Cell(effect.corrected_p),
    )


def _f(value: float) -> Cell:
    return Cell(value) if np.isfinite(value) else Cell(text="infinite")


def _effect_notes(grid: FullGrid, effects: TwoFactorEffects | None) -> tuple[str, ...]:
    left_out = f" Left out, for they do not stand with all others: {'; '.join(grid.left_out)}." if grid.left_out else ""
    table = f"{plural(len(grid.row_levels), 'level')} of {grid.rows.title} by {len(grid.column_levels)} of "
    counts = f"{table}{grid.columns.title}.{left_out}"
    if effects is None:
        return (f"{counts} No test: it takes scores of all of them on several folds.",)
    return (
        f"{counts} Range: between the means of the best and the worst level. Share: of the sum of squares in folds.",
        "F tests of the mixed model score ~ row * column + (1 | fold), p values not adjusted. Folds share training "
        "data, so they are not independent; corrected divides F by 1 + J n_test/n_train with "
        f"J = {effects.size.n_folds} and n_test/n_train = {effects.test_over_train:.3g}, the correction of Nadeau and "
        "Bengio (2003) carried over to F, a heuristic of this project. SD of folds "
        f"{100 * effects.fold_sd:.2f} points, residual SD {100 * effects.residual_sd:.2f}.",
    )


def _record(name: str, effect: Effect | None, effects: TwoFactorEffects | None, metric: str) -> dict[str, object]:
    return {
        "effect": name,
        "metric": metric,
        **{
            field: getattr(effect, field) if effect else None
            for field in ("df", "df_error", "f", "p", "corrected_f", "corrected_p", "share")
        },
        "fold_sd": effects.fold_sd if effects else None,
        "residual_sd": effects.residual_sd if effects else None,
        "n_folds": effects.size.n_folds if effects else None,
        "test_over_train": effects.test_over_train if effects else None,
    }
