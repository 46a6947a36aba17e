"""The wide CSV: the table as printed, row by row. The minus is ASCII here, so that a spreadsheet reads a number."""

import csv
import io

from analysis.tables.formatting import MINUS, cell_text, full_titles, printable
from analysis.tables.table import Cell, Column, Table


def render(table: Table) -> str:
    """Return the table as CSV with one header line."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([plain(title) for title in full_titles(table)])
    writer.writerows(
        [[_cell(cell, column) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows]
    )
    return stream.getvalue()


def plain(text: str) -> str:
    """Return printable text on one line that a spreadsheet does not take for a formula."""
    one_line = " ".join(printable(text).split())
    return f"'{one_line}" if one_line.startswith(("=", "+", "-", "@")) else one_line


def _cell(cell: Cell, column: Column) -> str:
    text = cell_text(cell, column)
    return plain(text) if cell.text is not None else text.replace(MINUS, "-")
