"""GitHub Markdown: a title, the caption, one pipe table and the notes. Groups of columns go into the column titles."""

import re

from analysis.tables.formatting import cell_text, is_numeric, printable
from analysis.tables.table import Cell, Column, Table


def render(table: Table) -> str:
    """Return the table as Markdown, ending in a newline."""
    lines = [f"### {escape(table.title)}", ""]
    lines += [f"**{escape(stamp)}**\n" for stamp in table.stamps]
    lines += [escape(table.caption), ""]
    lines.append(_line(_title(column) for column in table.columns))
    lines.append(_line("---:" if is_numeric(column) else ":---" for column in table.columns))
    lines += [_line(_cell(cell, column) for cell, column in zip(row, table.columns, strict=True)) for row in table.rows]
    lines += ["", *(f"- {escape(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Return text that GitHub shows as it is: no emphasis, links, HTML, mathematics or table cells, on one line."""
    one_line = " ".join(printable(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~$#])", r"\\\1", one_line)


def _title(column: Column) -> str:
    title = escape(f"{column.group}: {column.title}" if column.group else column.title)
    return f"{title}<br>{escape(column.subtitle)}" if column.subtitle else title


def _cell(cell: Cell, column: Column) -> str:
    text = cell_text(cell, column)
    # numbers are ours: their brackets are no link, and stay readable in the source
    text = escape(text) if cell.text is not None else text.replace("<", "&lt;").replace(">", "&gt;")
    if not text:
        return " "
    text = f"**{text}**" if cell.bold else text
    return f"<ins>{text}</ins>" if cell.underline else text


def _line(cells: object) -> str:
    return f"| {' | '.join(cells)} |"  # type: ignore[arg-type]
