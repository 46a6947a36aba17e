"""The model of a table: numbers, not text. Builders fill it, renderers write it, nobody changes it.

A cell holds fractions (0.581); how many digits and whether as percent is the column's `kind` and `digits`, applied by
`analysis.tables.formatting` in the last step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

Kind = Literal["text", "percent", "difference", "interval", "p", "probability", "number"]
"""percent: 58.1; difference: +2.4, signed; interval: [0.6, 4.2], bounds only; p: 0.012 or <0.001; number: as it is."""


@dataclass(frozen=True)
class Cell:
    """One cell: a number with an interval (`low`, `high`) or an SD (`spread`), or `text` in its place.

    `marks` are note signs such as a dagger; `bold` and `underline` stand for best and second best. `digits` are those
    of a figure that was printed with others than its column has. `spoken` is what a screen reader says in place of a
    text that only its neighbours complete.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    text: str | None = None
    bold: bool = False
    underline: bool = False
    marks: str = ""
    digits: int | None = None
    spoken: str = ""


MISSING = Cell(text="–")


@dataclass(frozen=True)
class Column:
    """A column; neighbours of one `group` stand under one heading. `subtitle` is a second line, as class sizes."""

    title: str
    kind: Kind = "text"
    group: str = ""
    subtitle: str = ""
    digits: int = 1


@dataclass(frozen=True, repr=False)
class Table:
    """A finished table. `name` is the stem of its files; `stamps` are warnings in capitals, as INCOMPLETE (3/5 folds).

    `title` says what is shown, `caption` what the numbers estimate, from which data; LaTeX prints both in its caption.

    `records` hold the same results in full precision, one flat mapping per row of the long CSV.
    """

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()
    records: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.name}: a row has {len(row)} cells, the table {len(self.columns)} columns"
                )

    def __repr__(self) -> str:
        """Show the table as text, in Markdown."""
        return self._repr_markdown_().rstrip("\n")

    def frame(self) -> pd.DataFrame:
        """Return the table as printed: text in every cell, the group of a column before its title.

        Numbers in full precision are in `pandas.DataFrame(table.records)`.
        """
        from analysis.tables.formatting import full_titles, text_rows

        return pd.DataFrame(text_rows(self), columns=full_titles(self))

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        from analysis.tables.renderers import html  # the renderers know the model, so the model asks for them late

        return html.fragment(self)

    def _repr_markdown_(self) -> str:
        from analysis.tables.renderers import markdown

        return markdown.render(self)
