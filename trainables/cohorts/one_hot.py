"""Ground truth as the ISIC challenges publish it: one column per class, 1.0 in the column of the diagnosis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainables.cohorts.csvfile import read_csv
from trainables.cohorts.layout import same_columns

_MARKED = frozenset({"1", "1.0"})


def read_one_hot(path: Path, id_column: str, classes: Sequence[str], optional: Sequence[str] = ()) -> dict[str, str]:
    """Class by image id; blank where none is marked, `A + B` where several are, both for the cohort to complain about.

    Columns are found whatever their letter case; those of `optional` need not be there. InputError: see `read_csv`.
    """
    wanted = [*classes, *optional]
    table = read_csv(path, [id_column, *wanted], aliases=same_columns(id_column, *wanted), optional=optional)
    present = [name for name in wanted if name in table]
    labels: dict[str, str] = {}
    for image, *cells in table[[id_column, *present]].itertuples(index=False, name=None):
        marked = [name for name, cell in zip(present, cells, strict=True) if cell in _MARKED]
        labels[image] = " + ".join(marked) if image not in labels else f"{labels[image]} + {' + '.join(marked)}"
    return labels


def is_one_hot(path: Path, classes: Sequence[str]) -> bool:
    """Whether the file has a column of each class."""
    found = read_csv(path, classes, aliases=same_columns(*classes), optional=classes)
    return len(found.columns) == len(classes)
