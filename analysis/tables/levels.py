"""The cells that hold the scores of configurations, and the order in which these stand."""

from collections.abc import Mapping, Sequence

from analysis.evaluation import ConfigurationResult
from analysis.tables.contrasts import Contrast, chosen, scored
from analysis.tables.dimensions import dimension, ordered
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell


def in_order(
    specification: TableSpecification, results: Sequence[ConfigurationResult]
) -> tuple[ConfigurationResult, ...]:
    """Return the configurations of a table with configurations down, those that a search dropped left out.

    Raises:
        AnalysisError: an unknown setting, or no configuration matches `where`.
    """
    kept = sort_by_rows(specification, chosen(specification, results))
    return tuple(result for result in kept if result.dropped is None)


def sort_by_rows(
    specification: TableSpecification, results: Sequence[ConfigurationResult]
) -> tuple[ConfigurationResult, ...]:
    """Return the configurations in the order of `rows` and `row_order`; without `rows` as they come."""
    if specification.rows is None:
        return tuple(results)
    rows = dimension(specification.rows, results)
    levels = ordered((rows.level_of(result) for result in results), specification.row_order, rows)
    return tuple(sorted(results, key=lambda result: levels.index(rows.level_of(result))))


def level_cells(results: Sequence[ConfigurationResult], metric: str, target: str | None) -> dict[str, Cell]:
    """Return a score with its interval for each configuration by identifier; best and second best are marked."""
    scores = {result.identifier: scored(result, metric, target) for result in results}
    ranked = sorted({one.merit for one in scores.values() if one is not None}, reverse=True)
    cells = {}
    for result in results:
        one = scores[result.identifier]
        if one is None:
            cells[result.identifier] = blank(result)
        else:
            bounds = one.max_se_interval()
            several = len(ranked) > 1 or len(results) == 1  # equal scores are no winners
            best, second = several and one.merit == ranked[0], len(ranked) > 1 and one.merit == ranked[1]
            cells[result.identifier] = Cell(one.estimate, bounds.low, bounds.high, bold=best, underline=second)
    return cells


def difference_cell(
    result: ConfigurationResult, references: Mapping[str, ConfigurationResult], family: Mapping[str, Contrast]
) -> Cell:
    """Return the difference of a configuration to its reference with the mark of its verdict."""
    if references.get(result.identifier) is result:
        return Cell(text="reference")
    if (contrast := family.get(result.identifier)) is None:
        return MISSING
    bounds = contrast.comparison.max_se.interval
    return Cell(bounds.estimate, bounds.low, bounds.high, marks=contrast.verdict.mark)


def blank(result: ConfigurationResult) -> Cell:
    """Return what stands where a configuration has no score: a dash, with its progress where it is incomplete."""
    return MISSING if result.complete else Cell(text=f"– ({result.progress})")


def is_single_split(results: Sequence[ConfigurationResult], metric: str, target: str | None) -> bool:
    """Whether there is one evaluation part only, behind any of the scores."""
    return any(scores.single_split for result in results if (scores := scored(result, metric, target)) is not None)
