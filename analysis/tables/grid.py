"""Where the configurations of an ablation table stand: the levels of two dimensions, and who is in which cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.tables.contrasts import references
from analysis.tables.dimensions import Dimension, Level, differing, dimension, ordered
from analysis.tables.specification import TableSpecification


@dataclass(frozen=True)
class Grid:
    """Who stands where; the column level of a table without columns is None. `spanning` stands in a row of its own."""

    rows: Dimension
    columns: Dimension | None
    row_levels: tuple[Level, ...]
    column_levels: tuple[Level, ...]
    cells: Mapping[tuple[Level, Level], ConfigurationResult]
    references: Mapping[str, ConfigurationResult]
    spanning: ConfigurationResult | None

    def has_difference(self, column: Level) -> bool:
        """Whether a column holds anything but references."""
        standing = [result for (_, level), result in self.cells.items() if level == column]
        return any(self.references.get(result.identifier, result) is not result for result in standing)


def lay_out(specification: TableSpecification, results: Sequence[ConfigurationResult]) -> Grid:
    """Place the configurations of a table.

    Raises:
        AnalysisError: an unknown setting or level, two configurations in one cell, or a reference that is not clear.
    """
    assert specification.rows is not None
    rows = dimension(specification.rows, results)
    columns = dimension(specification.columns, results) if specification.columns else None
    by_identifier = references(specification, results)
    place = {
        result.identifier: (rows.level_of(result), columns.level_of(result) if columns else None) for result in results
    }
    spanning = _spanning(results, place, by_identifier) if columns else None
    gridded = [result for result in results if result is not spanning]
    cells: dict[tuple[Level, Level], ConfigurationResult] = {}
    for result in gridded:
        if (there := cells.setdefault(place[result.identifier], result)) is not result:
            raise AnalysisError(
                f"table {specification.name}: {there.label!r} and {result.label!r} fall into one cell, they differ in "
                f"{', '.join(differing(there, result))}; make that rows or columns, or fix it with where"
            )
    placed = [place[result.identifier] for result in gridded]
    return Grid(
        rows=rows,
        columns=columns,
        row_levels=_levels(placed, 0, specification.row_order, rows, place, spanning),
        column_levels=_levels(placed, 1, specification.column_order, columns, place, spanning) if columns else (None,),
        cells=cells,
        references=by_identifier,
        spanning=spanning,
    )


def _levels(
    placed: Sequence[tuple[Level, Level]],
    axis: int,
    order: Sequence[object],
    along: Dimension,
    place: Mapping[str, tuple[Level, Level]],
    spanning: ConfigurationResult | None,
) -> tuple[Level, ...]:
    """The levels in order; an order may name the level of the spanning reference too, which has a row of its own."""
    own = place[spanning.identifier][axis] if spanning else None
    kept = [value for value in order if spanning is None or along.level(value) != own]
    return ordered([levels[axis] for levels in placed], kept, along)


def _spanning(
    results: Sequence[ConfigurationResult],
    place: Mapping[str, tuple[Level, Level]],
    by_identifier: Mapping[str, ConfigurationResult],
) -> ConfigurationResult | None:
    picked = {reference.identifier: reference for reference in by_identifier.values()}
    if len(picked) != 1 or len(results) < 2:
        return None
    reference = next(iter(picked.values()))
    row, column = place[reference.identifier]
    others = [place[result.identifier] for result in results if result is not reference]
    alone = all(other_row != row and other_column != column for other_row, other_column in others)
    return reference if alone else None
