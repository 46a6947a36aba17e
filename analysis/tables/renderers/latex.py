"""LaTeX: booktabs rules, numbers aligned at the decimal point by siunitx, notes by threeparttable.

Wide tables take the whole page of a two-column paper, are shrunk to the line or turned on their side; their notes keep
the size of notes. A column of numbers with intervals becomes two: the number,
then its interval and marks. Needs

\\usepackage{booktabs,siunitx,threeparttable,adjustbox,rotating,amssymb}
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from analysis.tables.formatting import MINUS, cell_parts, is_numeric, text_rows
from analysis.tables.table import Cell, Column, Table

ALIGNED = ("percent", "difference", "number")
"""Kinds of column whose numbers siunitx aligns."""

NUMBER = re.compile(rf"(?P<sign>[+{MINUS}]?)(?P<whole>\d+)(?:\.(?P<decimals>\d+))?")
SETUP = r"\sisetup{detect-weight=true,retain-explicit-plus=true,group-digits=false}"
COLUMN_WIDTH, PAGE_WIDTH = 60, 120
"""Characters that still can be read when a table is shrunk to a column of about 45, or to a page of about 80."""

ABOUT_LONG_CSV = re.compile(r"(For contrast t|T)he long CSV ")
CLAUSE_ON_LONG_CSV = re.compile(r"; the [^;.]*\blong CSV\b[^;.]*(?=\.)")
SENTENCE_ON_LONG_CSV = re.compile(r"(?<=\.) [A-Z][^;.]*\blong CSV\.")

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


@dataclass(frozen=True)
class Layout:
    """How one column is set: `number` is the format of its aligned numbers, or empty; `beside` adds a second column."""

    column: Column
    number: str
    beside: bool

    @property
    def width(self) -> int:
        """The columns it takes in LaTeX."""
        return 2 if self.beside else 1

    @property
    def specification(self) -> str:
        """Its part of the tabular's argument."""
        if not self.number:
            return "r" if is_numeric(self.column) else "l"
        return f"S[table-format={self.number}]" + (r"@{\,}l" if self.beside else "")


def render(table: Table) -> str:
    """Return the table's environment, ending in a newline.

    It is a `table`; over both columns of a paper that has two a `table*`; where a page is too narrow a
    `sidewaystable*`. The outer tabular of one cell gives threeparttable the width that the table is shrunk to.
    """
    environment = _environment(table)
    stamps = "".join(rf"\textbf{{{escape(stamp)}.}} " for stamp in table.stamps)
    layouts = [_layout(column, [row[place] for row in table.rows]) for place, column in enumerate(table.columns)]
    lines = [
        r"% needs \usepackage{booktabs,siunitx,threeparttable,adjustbox,rotating,amssymb}",
        rf"\begin{{{environment}}}[tbp]",
        r"\centering",
        SETUP,
        rf"\caption{{{stamps}{escape(table.title)}. {escape(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        r"\begin{threeparttable}",
        r"\begin{tabular}{@{}c@{}}",
        r"\begin{adjustbox}{max width=\linewidth}",
        rf"\begin{{tabular}}{{@{{}}{''.join(layout.specification for layout in layouts)}@{{}}}}",
        r"\toprule",
        *_groups(layouts),
        _line([_title(layout) for layout in layouts]),
        *_subtitles(layouts),
        r"\midrule",
        *(_line([_cell(cell, layout) for cell, layout in zip(row, layouts, strict=True)]) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{adjustbox}",
        r"\end{tabular}",
        *_notes(table),
        r"\end{threeparttable}",
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"


def without_long_csv(note: str) -> str:
    """Return a note without what it says of the long CSV, which no reader of a paper has; empty if that is all."""
    if ABOUT_LONG_CSV.match(note):
        return ""
    return SENTENCE_ON_LONG_CSV.sub("", CLAUSE_ON_LONG_CSV.sub("", note))


def _layout(column: Column, cells: Sequence[Cell]) -> Layout:
    """Return how a column is set: aligned where it holds numbers, with room for the longest on both sides."""
    parts = [cell_parts(cell, column) for cell in cells if cell.text is None]
    numbers = [NUMBER.fullmatch(value) for value, _, _ in parts if value]
    found = [match for match in numbers if match is not None]
    if column.kind not in ALIGNED or not found or len(found) < len(numbers):
        return Layout(column, "", False)
    sign = "+" if any(match["sign"] for match in found) else ""
    whole = max(len(match["whole"]) for match in found)
    decimals = max(len(match["decimals"] or "") for match in found)
    beside = any(uncertainty or marks for _, uncertainty, marks in parts)
    return Layout(column, f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}", beside)


def _environment(table: Table) -> str:
    """Return the environment that a table fits; the starred ones are the plain ones in a paper of one column."""
    characters = _characters(table)
    return "sidewaystable*" if characters > PAGE_WIDTH else "table*" if characters > COLUMN_WIDTH else "table"


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


def _groups(layouts: Sequence[Layout]) -> list[str]:
    if not any(layout.column.group for layout in layouts):
        return []
    cells, rules, start = [], [], 1
    for title, members in groupby(layouts, key=lambda layout: layout.column.group):
        width = sum(layout.width for layout in members)
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{escape(title)}}}" if title else " & " * (width - 1))
        if title:
            rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    return [_line(cells), " ".join(rules)]


def _title(layout: Layout) -> str:
    title = escape(layout.column.title)
    return _across(title, layout) if is_numeric(layout.column) else title


def _across(text: str, layout: Layout) -> str:
    """Return text over all of a column, centred over two and at the right over one."""
    return rf"\multicolumn{{{layout.width}}}{{{'c' if layout.beside else 'r'}}}{{{text}}}"


def _subtitles(layouts: Sequence[Layout]) -> list[str]:
    if not any(layout.column.subtitle for layout in layouts):
        return []
    return [_line([_subtitle(layout) for layout in layouts])]


def _subtitle(layout: Layout) -> str:
    text = escape(layout.column.subtitle)
    small = rf"\footnotesize {text}" if text else ""
    return _across(small, layout) if layout.number else small


def _cell(cell: Cell, layout: Layout) -> str:
    value, uncertainty, marks = cell_parts(cell, layout.column)
    if layout.number and cell.text is None and value:
        number = _number(value, cell, layout)
        return f"{number} & {_emphasised(escape(uncertainty), cell)}{escape(marks)}" if layout.beside else number
    text = _emphasised(escape(f"{value} {uncertainty}".strip()), cell) + escape(marks)
    return _across(text, layout) if layout.number else text


def _number(value: str, cell: Cell, layout: Layout) -> str:
    """Return an aligned number; siunitx follows bold, while an underlined one is set by hand in the same place."""
    digits = value.replace(MINUS, "-")
    if cell.underline:
        bold = r"\bfseries " if cell.bold else ""
        return rf"{{{bold}\underline{{\tablenum[table-format={layout.number}]{{{digits}}}}}}}"
    return rf"\bfseries {digits}" if cell.bold else digits


def _emphasised(text: str, cell: Cell) -> str:
    return rf"\textbf{{{text}}}" if cell.bold and text else text


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _notes(table: Table) -> list[str]:
    notes = [note for note in map(without_long_csv, table.notes) if note]
    if not notes:
        return []
    return [
        r"\begin{tablenotes}[flushleft]",
        r"\footnotesize",
        *(rf"\item {escape(note)}" for note in notes),
        r"\end{tablenotes}",
    ]
