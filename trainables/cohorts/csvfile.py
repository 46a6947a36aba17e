"""Reads a CSV file of samples strictly: what is wrong with the file as a whole is one line that says what to do.

Every cell is kept as text with the blanks around it removed; what a cell means is decided by the cohort's columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.plain_files import read_file
from models.errors import InputError
from models.registry import did_you_mean

LINE = "line number"
"""Name of the index: the line of the file on which the row ends, counted from 1."""

LONGEST_CELL = 80
"""Characters of a cell that a message shows."""


def read_csv(
    path: Path,
    columns: Iterable[str],
    *,
    aliases: Mapping[str, Sequence[str]] | None = None,
    optional: Collection[str] = (),
) -> pd.DataFrame:
    """Text cells of a UTF-8, comma-separated file with a header, one row per sample, indexed by line number.

    Only the wanted `columns` are returned, under these names; those of `optional` that the file lacks are left out.
    With `aliases` a column is also found by its other names, letter case ignored. A file that does not call itself CSV
    (Dataverse's .tab, or no extension) may be separated by tabs. InputError: no such file, not UTF-8, NUL bytes, no
    header, another separator, a missing or repeated column, a line of another length, no rows.
    """
    wanted = list(dict.fromkeys(columns))
    lines = [(number, cells) for number, cells in _parse(path, _text(path)) if any(cell.strip() for cell in cells)]
    if not lines:
        raise InputError(f"{path}: the file is empty; a header line and one line per sample are expected")
    header = [cell.strip() for cell in lines[0][1]]
    found = {column: _places(header, column, aliases) for column in wanted}
    _check_header(path, header, found, optional, aliases or {})
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            raise InputError(
                f"{path}: line {number} has {len(cells)} cells where the header has {len(header)}; correct that line"
            )
    if len(lines) == 1:
        raise InputError(f"{path}: there is a header but no line of data below it")
    present = {column: places[0] for column, places in found.items() if places}
    rows = [[cells[place].strip() for place in present.values()] for _, cells in lines[1:]]
    index = pd.Index([number for number, _ in lines[1:]], name=LINE)
    return pd.DataFrame(rows, columns=pd.Index(list(present)), index=index, dtype=object)


def row_positions(path: Path) -> dict[int, int]:
    """Position of each row below the header, from 0, by line number: as pandas counts them, rows of commas included."""
    lines = _parse(path, _text(path))
    return {number: position for position, (number, _) in enumerate(lines[1:])}


def shown(cell: str) -> str:
    """A cell for a message: quoted, without anything that steers a terminal, and cut where it is too long.

    >>> shown("nevus"), shown("a" * 5000)[-26:]
    ("'nevus'", "aaa'... (5,000 characters)")
    """
    return repr(cell) if len(cell) <= LONGEST_CELL else f"{cell[:LONGEST_CELL]!r}... ({len(cell):,} characters)"


def _places(header: list[str], column: str, aliases: Mapping[str, Sequence[str]] | None) -> list[int]:
    """Where in the header a column stands: by its own name, else by the first of its names that is there."""
    exact = [place for place, cell in enumerate(header) if cell == column]
    if exact or aliases is None:
        return exact
    for name in (column, *aliases.get(column, ())):
        places = [place for place, cell in enumerate(header) if cell.casefold() == name.casefold()]
        if places:
            return places
    return []


def _text(path: Path) -> str:
    try:
        content = read_file(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: the file is UTF-16, not UTF-8; save it as UTF-8")
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise InputError(f"{path}: there is a NUL byte in line {line}; the file is broken or not a CSV file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise InputError(f"{path}: line {line} is not UTF-8 (byte 0x{byte:02x}); save the file as UTF-8") from None


def _parse(path: Path, text: str) -> list[tuple[int, list[str]]]:
    tabs = path.suffix.casefold() in ("", ".tab", ".tsv") and "\t" in text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",", strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if len(cells) > 1 or any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} cannot be read as CSV ({error})") from None


def _check_header(
    path: Path,
    header: list[str],
    places: Mapping[str, list[int]],
    optional: Collection[str],
    aliases: Mapping[str, Sequence[str]],
) -> None:
    absent = [column for column, found in places.items() if not found and column not in optional]
    if len(header) == 1 and absent:
        for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if separator in header[0]:
                raise InputError(f"{path}: the columns are separated by {name}; save the file with commas")
    if absent:
        hint = did_you_mean(absent[0], header)
        names = ", ".join(_all_names(column, aliases.get(column, ())) for column in absent)
        listed = ", ".join(cell[:LONGEST_CELL] for cell in header[:12]) + (", ..." if len(header) > 12 else "")
        raise InputError(f"{path}: no column {names}{hint}; the first line, which must name the columns, has: {listed}")
    repeated = [column for column, found in places.items() if len(found) > 1]
    if repeated:
        column = repeated[0]
        name, times = header[places[column][0]], len(places[column])
        raise InputError(f"{path}: the column {shown(name)} appears {times} times in the header")


def _all_names(column: str, others: Sequence[str]) -> str:
    return f"{column!r} (or {', '.join(map(repr, others))})" if others else repr(column)
