"""Ground truth as the ISIC challenges publish it: one column per class, 1.0 in the column of the diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from trainables.cohorts.checks import Fault
from trainables.cohorts.csvfile import read_csv, shown
from trainables.cohorts.layout import same_columns

_WORDS = {"true": 1.0, "false": 0.0}


def read_one_hot(path: Path, id_column: str, classes: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    """One row per row of the file, by line number: the image id under `id_column` and its class under `label`.

    The label is a `Fault` where a cell is neither 0 nor 1, where none or several are 1, and where the 1 is in a column
    of `optional`, which are no classes and need not be there. Columns are found whatever their letter case. InputError:
    see `read_csv`.
    """
    wanted = [*classes, *optional]
    table = read_csv(path, [id_column, *wanted], aliases=same_columns(id_column, *wanted), optional=optional)
    present = [name for name in wanted if name in table]
    rows = zip(table.index, table[present].itertuples(index=False, name=None), strict=True)
    labels = [_label(f"{path.name} line {line}", present, cells, classes) for line, cells in rows]
    return table[[id_column]].assign(label=pd.Series(labels, index=table.index, dtype=object))


def is_one_hot(path: Path, classes: Sequence[str], instead: str) -> bool:
    """Whether the file has columns of classes, not all of them perhaps, and none called `instead`."""
    wanted = [*classes, instead]
    found = read_csv(path, wanted, aliases=same_columns(*wanted), optional=wanted)
    return instead not in found and len(found.columns) > 0


def _label(where: str, names: Sequence[str], cells: Sequence[str], classes: Sequence[str]) -> str:
    """The marked one of the columns `names`, or what is wrong with the row `where`."""
    values = [_truth(cell) for cell in cells]
    if None in values:
        place = values.index(None)
        return Fault(f"{where}: {names[place]} is {shown(cells[place])}, neither 0 nor 1")
    marked = [name for name, value in zip(names, values, strict=True) if value]
    if not marked:
        return Fault(f"{where}: no class is marked")
    if len(marked) > 1:
        return Fault(f"{where}: several classes are marked, {', '.join(marked)}")
    if marked[0] not in classes:
        return Fault(f"{where}: {marked[0]} is marked, which is not one of {', '.join(classes)}")
    return marked[0]


def _truth(cell: str) -> float | None:
    """0 or 1, however it is written; None for anything else."""
    try:
        value = _WORDS.get(cell.casefold())
        value = float(cell.replace("_", "x")) if value is None else value
    except ValueError:
        return None
    return value if value in (0.0, 1.0) else None
