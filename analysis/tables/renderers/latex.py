"""LaTeX: booktabs rules, notes by threeparttable, wide tables shrunk to the line or turned on their side. Needs

\\usepackage{booktabs,threeparttable,adjustbox,rotating,amssymb}

The digits are aligned by their number, which is equal down a column, so the columns need no siunitx.
"""

import unicodedata

from analysis.tables.formatting import cell_text, header_groups, is_numeric, text_rows
from analysis.tables.table import Cell, Column, Table

PAGE_WIDTH = 120
"""Characters that still can be read when a table is shrunk to a page that holds about 80."""

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "#": r"\#",
    "$": r"\$",
    "%": r"\%",
    "&": r"\&",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "{''}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # a bracket or star after \\ would be read as its argument
    "]": "{]}",
    "*": "{*}",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "±": r"$\pm$",
    "×": r"$\times$",
    "√": r"$\surd$",
    "Δ": r"$\Delta$",
    "✓": r"$\checkmark$",
    "†": r"$^{\dagger}$",
    "‡": r"$^{\ddagger}$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "…": r"\ldots{}",
}


def render(table: Table) -> str:
    """Return a `table` environment, or a `sidewaystable` where a page is too narrow, ending in a newline."""
    environment = "sidewaystable" if _characters(table) > PAGE_WIDTH else "table"
    stamps = "".join(rf"\textbf{{{escape(stamp)}.}} " for stamp in table.stamps)
    alignment = "".join("r" if is_numeric(column) else "l" for column in table.columns)
    lines = [
        r"% needs \usepackage{booktabs,threeparttable,adjustbox,rotating,amssymb}",
        rf"\begin{{{environment}}}[tbp]",
        r"\centering",
        rf"\caption{{{stamps}{escape(table.title)}. {escape(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        r"\begin{adjustbox}{max width=\linewidth}",
        r"\begin{threeparttable}",
        rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        r"\toprule",
        *_groups(table),
        _line([_title(column) for column in table.columns]),
        *_subtitles(table),
        r"\midrule",
        *(_line([_cell(cell, column) for cell, column in zip(row, table.columns, strict=True)]) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *_notes(table),
        r"\end{threeparttable}",
        r"\end{adjustbox}",
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"


def _characters(table: Table) -> int:
    lines = zip(*([column.title for column in table.columns], *text_rows(table)), strict=True)
    return sum(max(len(text) for text in column) + 2 for column in lines)


def escape(text: str) -> str:
    """Return text that compiles under pdflatex and shows as it is; what it cannot set becomes ASCII or a code point."""
    return "".join(_character(character) for character in " ".join(text.split()))


def _character(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if character.isascii():
        return character if character.isprintable() else ""
    if "À" <= character <= "ÿ" and character not in "÷ÐÞðþ":  # the letters that pdflatex sets in every encoding
        return character
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return "".join(SPECIAL.get(one, one) for one in plain if one.isprintable()) or f"U+{ord(character):04X}"


def _groups(table: Table) -> list[str]:
    groups = header_groups(table)
    if all(not title for title, _ in groups):
        return []
    cells, rules, start = [], [], 1
    for title, width in groups:
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(title)}}}" if title else " & " * (width - 1))
        if title:
            rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    return [_line(cells), " ".join(rules)]


def _title(column: Column) -> str:
    title = escape(column.title)
    return rf"\multicolumn{{1}}{{r}}{{{title}}}" if is_numeric(column) else title


def _subtitles(table: Table) -> list[str]:
    if not any(column.subtitle for column in table.columns):
        return []
    return [_line([rf"\footnotesize {escape(column.subtitle)}" if column.subtitle else "" for column in table.columns])]


def _cell(cell: Cell, column: Column) -> str:
    text = escape(cell_text(cell, column))
    text = rf"\textbf{{{text}}}" if cell.bold else text
    return rf"\underline{{{text}}}" if cell.underline else text


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _notes(table: Table) -> list[str]:
    if not table.notes:
        return []
    return [
        r"\begin{tablenotes}[flushleft]",
        r"\footnotesize",
        *(rf"\item {escape(note)}" for note in table.notes),
        r"\end{tablenotes}",
    ]
