"""Two factors crossed, as heat map and interaction plot draw them: the cells of an ablation table, in percent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.evaluation import ConfigurationResult
from analysis.figures.selection import printed_interval, tables_of
from analysis.metrics import LOWER_IS_BETTER
from analysis.run import Part, Run
from analysis.tables import Table, TableSpecification
from analysis.tables.contrasts import chosen, contrasts, scored
from analysis.tables.formatting import score_digits
from analysis.tables.grid import lay_out

MOST_ROWS, MOST_COLUMNS = 24, 10
"""Levels that one figure shows; of more, those with the best cell."""


@dataclass(frozen=True)
class CrossedCell:
    """The score of one combination, in percent, with the interval that tables print and the sign of its verdict."""

    value: float
    low: float
    high: float
    mark: str = ""


@dataclass(frozen=True)
class Crossing:
    """Levels down and across, and a cell for each (row, column) that is complete.

    `spanning` is a reference that belongs to no row and no column, as image only, with its label; `left_out` counts
    the levels (rows, columns) beyond what one figure shows, `interval` names the method. `of_subsets`: one of the two
    factors is a subset of metadata. `better` is 1 where a higher
    score is better and -1 where a lower one is, `digits` the decimals of its scores in the tables.
    """

    row_title: str
    column_title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[int, int], CrossedCell]
    spanning: tuple[str, CrossedCell] | None
    left_out: tuple[int, int]
    interval: str
    better: int = 1
    digits: int = 1
    of_subsets: bool = False

    @property
    def best(self) -> tuple[tuple[int, int], CrossedCell]:
        """The best cell with its place."""
        return max(self.cells.items(), key=lambda item: self.better * item[1].value)

    @property
    def values(self) -> list[float]:
        """All scores."""
        return [cell.value for cell in self.cells.values()] + ([self.spanning[1].value] if self.spanning else [])


def crossing_info(
    specification: TableSpecification, results: Sequence[ConfigurationResult], metric: str
) -> Crossing | None:
    """Return the cells of an ablation table with columns; None without a complete one.

    Raises:
        AnalysisError: a specification that does not fit the configurations.
    """
    kept = chosen(specification, results)
    grid = lay_out(specification, kept)
    family, target = contrasts(specification, kept, metric), specification.target
    assert grid.columns is not None
    found, method = {}, ""
    for result in kept:
        if (scores := scored(result, metric, target)) is not None:
            low, high, method = printed_interval(scores)
            mark = family[result.identifier].verdict.mark if result.identifier in family else ""
            found[result.identifier] = CrossedCell(100 * scores.estimate, low, high, mark)
    cells = {place: found[one.identifier] for place, one in grid.cells.items() if one.identifier in found}
    if not cells:
        return None
    better = -1 if metric in LOWER_IS_BETTER else 1
    rows = _best(grid.row_levels, 0, cells, better, MOST_ROWS)
    columns = _best(grid.column_levels, 1, cells, better, MOST_COLUMNS)
    spanning = grid.spanning
    return Crossing(
        row_title=grid.rows.title,
        column_title=grid.columns.title,
        rows=tuple(grid.rows.text(level) for level in rows),
        columns=tuple(grid.columns.text(level) for level in columns),
        cells={
            (rows.index(row), columns.index(column)): cell
            for (row, column), cell in cells.items()
            if row in rows and column in columns
        },
        spanning=(spanning.label, found[spanning.identifier]) if spanning and spanning.identifier in found else None,
        left_out=(len(grid.row_levels) - len(rows), len(grid.column_levels) - len(columns)),
        interval=method,
        better=better,
        digits=score_digits(results, metric, target),
        of_subsets=grid.rows.is_subset or grid.columns.is_subset,
    )


def crossings(run: Run) -> Iterator[tuple[Part, TableSpecification, str, Table, Crossing]]:
    """Give the ablation tables of a run that have columns: part, specification, metric, table, cells."""
    for part in run.parts:
        for specification, metric, table in tables_of(part, ("ablation",)):
            if specification.columns is not None:
                crossing = crossing_info(specification, part.results, metric)
                if crossing is not None:
                    yield part, specification, metric, table, crossing


def left_out_sentence(crossing: Crossing) -> str:
    """Return the sentence that says which levels are not shown; empty where all are."""
    if not any(crossing.left_out):
        return ""
    rows, columns = crossing.left_out
    return (
        f" Not shown are the {rows} levels of {crossing.row_title} and {columns} of {crossing.column_title} whose "
        "best cell is worst."
    )


def _best(
    levels: Sequence[object], axis: int, cells: dict[tuple[object, object], CrossedCell], better: int, most: int
) -> list[object]:
    """The levels with the best cells, in their order; those without any complete cell stay as long as there is room."""
    highest = {
        level: max(
            (better * cell.value for place, cell in cells.items() if place[axis] == level), default=float("-inf")
        )
        for level in levels
    }
    kept = sorted(levels, key=lambda level: -highest[level])[:most]
    return [level for level in levels if level in kept]
