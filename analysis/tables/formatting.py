"""From numbers to text, the last step: one set of rules for every renderer and for the terminal.

58.1 [56.2, 60.0]   percent, with two significant digits of the interval's half-width, one or two decimals
+2.4 [0.6, 4.2]     differences are signed, with a real minus
0.012, <0.001       p values and probabilities

A score has the same digits in every table and figure of a part: `score_digits` takes all its configurations. A
difference has those of its own intervals, `difference_digits`.
"""

import math
from collections.abc import Iterable
from itertools import groupby
from statistics import median

from analysis.evaluation import ConfigurationResult
from analysis.tables.contrasts import Contrast, scored
from analysis.tables.table import Cell, Column, Table

MINUS = "−"


def decimals(half_widths: Iterable[float]) -> int:
    """Return the decimals, in percent, that show two digits of the median half-width (fractions): 1, or 2 below 1 %."""
    widths = [width for width in half_widths if width > 0]
    return 2 if widths and round(100 * median(widths), 6) < 1 else 1


def score_digits(results: Iterable[ConfigurationResult], metric: str, target: str | None) -> int:
    """Return the decimals of a metric's scores, in percent, from the intervals that tables print.

    Args:
        results: all configurations of a part, whichever of them are shown, so that a score reads the same everywhere.
        metric: whose scores.
        target: whose scores; None: mean over targets.

    Raises:
        AnalysisError: an unknown metric or target.
    """
    found = [scores for result in results if (scores := scored(result, metric, target)) is not None]
    return decimals(scores.max_se_interval().half_width for scores in found)


def difference_digits(family: Iterable[Contrast]) -> int:
    """Return the decimals of the differences of one table, in percentage points, from their max-SE intervals."""
    return decimals(contrast.comparison.max_se.interval.half_width for contrast in family)


def significant_decimals(values: Iterable[float]) -> int:
    """Return the decimals, 0 to 4, that show three digits of the median of positive values; 0 of none."""
    positive = [value for value in values if value > 0]
    return min(4, max(0, 2 - math.floor(math.log10(median(positive))))) if positive else 0


def cell_text(cell: Cell, column: Column) -> str:
    """Return a cell as plain text, with its marks."""
    value, uncertainty, marks = cell_parts(cell, column)
    return f"{value} {uncertainty}".strip() + marks


def cell_parts(cell: Cell, column: Column) -> tuple[str, str, str]:
    """Return a cell in its three parts: the number (or the text in its place), its interval or SD, and its marks."""
    if cell.text is not None:
        return cell.text, "", cell.marks
    return _number(cell, column), _uncertainty(cell, column), cell.marks


def header_groups(table: Table) -> list[tuple[str, int]]:
    """Return the headings above the column titles with the number of columns each spans; empty where there is none."""
    return [(group, len(list(columns))) for group, columns in groupby(table.columns, key=lambda column: column.group)]


def column_titles(table: Table) -> list[str]:
    """Return one title per column, with its subtitle in a second line."""
    return [f"{column.title}\n{column.subtitle}" if column.subtitle else column.title for column in table.columns]


def full_titles(table: Table) -> list[str]:
    """Return one title per column on one line: `fusion concat: MCR, %`, `nv (6,705 / 5,403)`."""
    return [
        (f"{column.group}: " if column.group else "")
        + column.title
        + (f" ({column.subtitle})" if column.subtitle else "")
        for column in table.columns
    ]


def text_rows(table: Table) -> list[list[str]]:
    """Return the rows as text, ready to print."""
    return [[cell_text(cell, column) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]


def plural(count: int, word: str) -> str:
    """Return `1 lesion`, `7,470 lesions`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def was(count: int) -> str:
    """Return the verb that goes with a count."""
    return "was" if count == 1 else "were"


def printable(text: str) -> str:
    """Return text without control characters, lone surrogates and marks that turn the direction of what follows."""
    return "".join(character for character in text if character.isprintable() or character.isspace())


def is_numeric(column: Column) -> bool:
    """Whether a column holds numbers and is aligned to the right."""
    return column.kind != "text"


def _number(cell: Cell, column: Column) -> str:
    if cell.value is None or column.kind == "interval":
        return ""
    if column.kind in ("p", "probability"):
        return _probability(cell.value)
    if column.kind == "number":
        return f"{cell.value:.{_digits(cell, column)}f}".replace("-", MINUS)
    return _percent(cell.value, _digits(cell, column), signed=column.kind == "difference")


def _uncertainty(cell: Cell, column: Column) -> str:
    if column.kind in ("p", "probability", "number"):
        return ""
    digits = _digits(cell, column)
    interval = (
        f"[{_percent(cell.low, digits)}, {_percent(cell.high, digits)}]"
        if cell.low is not None and cell.high is not None
        else ""
    )
    return f"{interval} ± {_percent(cell.spread, digits)}".lstrip() if cell.spread is not None else interval


def _digits(cell: Cell, column: Column) -> int:
    return column.digits if cell.digits is None else cell.digits


def _percent(fraction: float, digits: int, *, signed: bool = False) -> str:
    rounded = round(100 * fraction, digits) + 0.0  # no negative zero
    text = f"{rounded:+.{digits}f}" if signed and rounded else f"{rounded:.{digits}f}"
    return text.replace("-", MINUS)


def _probability(value: float) -> str:
    return "<0.001" if value < 0.001 else ">0.999" if 0.999 < value < 1 else f"{value:.3f}"
