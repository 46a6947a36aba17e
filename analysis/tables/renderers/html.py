"""HTML: one `<table>` with caption, column groups and row headings, its notes below. All text is escaped.

The best number is bold with a star, the second underlined with an open star, so that neither needs colour; numbers are
aligned to the right, with note signs hanging beside them. `fragment` goes into a page, `render` is a page of its own.
"""

from dataclasses import replace
from html import escape as escape_markup

from analysis.tables.formatting import cell_text, header_groups, is_numeric, printable
from analysis.tables.table import Cell, Column, Table

BEST, SECOND = "★", "☆"
WIDE = 10
"""Columns above which a table is set more closely."""
STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem}table{border-collapse:collapse}"
    "caption{text-align:left;font-weight:600}th,td{padding:.2rem .8rem;text-align:left;white-space:nowrap}"
    "thead tr:last-child th{border-bottom:1px solid}.number{text-align:right;font-variant-numeric:tabular-nums}"
    ".second{text-decoration:underline}.unseen{position:absolute;clip-path:inset(50%)}"
)


def render(table: Table) -> str:
    """Return a small page with the table alone, ending in a newline."""
    head = f'<meta charset="utf-8"><title>{escape(table.title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>\n{fragment(table)}</body>\n</html>\n'


def fragment(table: Table, *, elsewhere: str = "") -> str:
    """Return the table and its notes as elements of a page; the id is `table-` and the table's name.

    Args:
        table: the table.
        elsewhere: the id of the place in the page where more notes on it stand.
    """
    identifier = f"table-{escape(table.name)}"
    wide = ' class="wide"' if len(table.columns) > WIDE else ""
    stamps = "".join(f' <strong class="stamp">{escape(stamp)}</strong>' for stamp in table.stamps)
    lines = [
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{identifier}-title">',
        f'<table id="{identifier}"{wide} aria-describedby="{identifier}-notes">',
        f'<caption><span id="{identifier}-title">{escape(table.title)}</span>{stamps}</caption>',
        "<thead>",
        *_groups(table),
        f"<tr>{''.join(_title(column) for column in table.columns)}</tr>",
        "</thead>",
        "<tbody>",
        *(f"<tr>{_row(row, table.columns)}</tr>" for row in table.rows),
        "</tbody>",
        "</table>",
        "</div>",
        f'<div class="notes" id="{identifier}-notes">',
        f"<p>{escape(table.caption)}</p>",
        *_notes(table),
        *([f'<p><a href="#{elsewhere}">How to read this table</a></p>'] if elsewhere else []),
        "</div>",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Return text that a page shows as it is: markup escaped, control and direction characters left out."""
    return escape_markup(printable(text))


def _groups(table: Table) -> list[str]:
    groups = header_groups(table)
    if all(not title for title, _ in groups):
        return []
    cells = [
        f'<th scope="colgroup" colspan="{width}">{escape(title)}</th>' if title else f'<td colspan="{width}"></td>'
        for title, width in groups
    ]
    return [f'<tr class="groups">{"".join(cells)}</tr>']


def _title(column: Column) -> str:
    kind = ' class="number"' if is_numeric(column) else ""
    subtitle = f'<br><span class="subtitle">{escape(column.subtitle)}</span>' if column.subtitle else ""
    title = escape(column.title) or '<span class="unseen">configuration</span>'
    return f'<th scope="col"{kind}>{title}{subtitle}</th>'


def _row(cells: tuple[Cell, ...], columns: tuple[Column, ...]) -> str:
    shown = []
    for place, (cell, column) in enumerate(zip(cells, columns, strict=True)):
        kind = ' class="number"' if is_numeric(column) else ""
        value = "" if cell.value is None else f' data-value="{float(cell.value)!r}"'
        if place == 0 and not is_numeric(column):
            shown.append(f'<th scope="row"><div>{_spoken(cell, _content(cell, column))}</div></th>')
        else:
            shown.append(f"<td{kind}{value}>{_content(cell, column)}</td>")
    return "".join(shown)


def _content(cell: Cell, column: Column) -> str:
    text = escape(cell_text(replace(cell, marks=""), column))
    if cell.text is None:  # a number breaks before its interval and nowhere else
        text = text.replace(" ± ", "\u00a0±\u00a0").replace(", ", ",\u00a0")
    marks = f'<sup class="mark">{escape(cell.marks)}</sup>' if cell.marks else ""
    if cell.bold:
        return f"{_sign(BEST, 'best')}<strong>{text}</strong>{marks}"
    if cell.underline:
        return f'{_sign(SECOND, "second")}<span class="second">{text}</span>{marks}'
    return f"{text}{marks}"


def _spoken(cell: Cell, content: str) -> str:
    if not cell.spoken:
        return content
    return f'<span aria-hidden="true">{content}</span><span class="unseen">{escape(cell.spoken)}</span>'


def _sign(sign: str, meaning: str) -> str:
    return f'<span class="sign" aria-hidden="true">{sign} </span><span class="unseen">{meaning}: </span>'


def _notes(table: Table) -> list[str]:
    cells = [cell for row in table.rows for cell in row]
    stars = [f"{BEST} best"] if any(cell.bold for cell in cells) else []
    stars += [f"{SECOND} second"] if any(cell.underline for cell in cells) else []
    notes = [*table.notes, *([f"{', '.join(stars)}."] if stars else [])]
    return ["<ul>", *(f"<li>{escape(note)}</li>" for note in notes), "</ul>"] if notes else []
