"""What is checked when a cohort is opened, cell by cell and group by group.

Every fault is found before any is reported, so that a data set is put right in one go: without `--skip-bad` one message
lists the first ten, with it the faulty samples are left out and recorded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from models.errors import InputError
from trainables.cohorts.base import Field, Problem, Target
from trainables.cohorts.csvfile import LONGEST_CELL, shown

SHOWN = 10
"""Problems that a message lists; the rest are counted."""


LONGEST_NAME = 80
"""Characters of a sample's name that a message shows."""


NO_SPLIT = "no official split: "
"""Begins the note of a cohort that could have a split of its own, and what is missing for it."""


_CHOICE = "take unexpected categories for missing values (cohort: unexpected_categories: missing),"


class Fault(str):
    """A label cell that another file gave and that cannot be used; its text says what is wrong, and where."""


class Findings:
    """Problems by row number, in the order found. `names` is how each row is called in a message."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(_printable(name) for name in names)
        self._found: list[tuple[int, str]] = []
        self._overlooked: dict[str, Counter[str]] = {}
        self._unexpected = False
        self._searched = ""

    def not_found(self, row: int, what: str, searched: str) -> None:
        """Note an image that is not there; the folders that were `searched` are named once, below all problems."""
        self._searched = f"\nImages were looked for in {searched}."
        self.add(row, what)

    def unexpected(self, row: int, what: str) -> None:
        """Note a cell that is none of the declared categories, which the user may choose to overlook."""
        self._unexpected = True
        self.add(row, what)

    def overlook(self, field: str, cell: str) -> None:
        """Count one cell of a field that is none of its categories and is taken for a missing value."""
        self._overlooked.setdefault(field, Counter())[_printable(cell)] += 1

    def overlooked(self) -> list[str]:
        """One note per field with cells that were taken for missing values."""
        return [
            f"{field}: {cells.total():,} cells are none of the declared categories and count as missing: "
            + ", ".join(f"{cell!r} ({times:,})" for cell, times in cells.most_common(SHOWN))
            for field, cells in self._overlooked.items()
        ]

    def add(self, row: int, what: str) -> None:
        """Note one problem of one row."""
        self._found.append((row, what))

    def settle(self, path: Path, skip_bad: bool) -> tuple[list[int], tuple[Problem, ...]]:
        """Row numbers that can be used and the problems of the others; InputError when there are any not to be skipped.

        With `skip_bad` it is an error only when no row is left.
        """
        bad = {row for row, _ in self._found}
        problems = tuple(Problem(self.names[row], what) for row, what in sorted(self._found, key=lambda item: item[0]))
        count = f"{len(bad):,} of {len(self.names):,} samples cannot be used"
        if problems and not skip_bad:
            rest = f"\n  ... and {len(problems) - SHOWN:,} more" if len(problems) > SHOWN else ""
            listed = "".join(f"\n  {problem.sample}: {problem.what}" for problem in problems[:SHOWN])
            choice = f"{_CHOICE} " if self._unexpected else ""
            skip = "" if len(bad) == len(self.names) else "or leave them out with --skip-bad"
            advice = f"Correct them, {choice}{skip}".rstrip(", ") + "."
            raise InputError(f"{path}: {count}{listed}{rest}{self._searched}\n{advice}")
        if len(bad) == len(self.names):
            first = problems[0]
            raise InputError(
                f"{path}: none of {len(bad):,} samples can be used; the first, {first.sample}: {first.what}"
            )
        return [row for row in range(len(self.names)) if row not in bad], problems


def _printable(name: str) -> str:
    """Return a name that fits on a line and cannot steer a terminal."""
    return name if name.isprintable() and len(name) <= LONGEST_NAME else ascii(name)[:LONGEST_NAME] + "..."


def check_ids(ids: Sequence[str], findings: Findings) -> None:
    """Every sample has an id of its own; of a repeated id no row is right, since nothing says which."""
    times = Counter(ids)
    for row, sample in enumerate(ids):
        if not sample:
            findings.add(row, "the sample has no id")
        elif times[sample] > 1:
            findings.add(row, f"the id appears {times[sample]} times")


def read_labels(target: Target, cells: Sequence[str], synonyms: Mapping[str, str], findings: Findings) -> list[str]:
    """Class names as declared: every sample has a label, and one of the classes or of their `synonyms`."""
    vocabulary = Vocabulary(target.classes, synonyms)
    labels = []
    for row, cell in enumerate(cells):
        label = vocabulary.find(cell)
        if isinstance(cell, Fault):
            findings.add(row, f"{target.name}: {cell}")
        elif not cell:
            findings.add(row, f"{target.name} is missing")
        elif label is None:
            findings.add(row, f"{target.name} {shown(cell)} is not one of {', '.join(target.classes)}")
        labels.append(label or cell)
    return labels


class Vocabulary:
    """Declared names, found whatever a cell's letter case and blanks; `synonyms` are other spellings of them."""

    def __init__(self, names: Sequence[str], synonyms: Mapping[str, str]) -> None:
        self._exact = {name: name for name in names}
        others = {_folded(cell): name for cell, name in synonyms.items()}
        self._folded = others | {_folded(name): name for name in reversed(names)}

    def find(self, cell: str) -> str | None:
        """The declared name of a cell, or None."""
        return self._exact.get(cell) or self._folded.get(_folded(cell))


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def read_field(
    field: Field,
    cells: Sequence[str],
    missing: Collection[str],
    findings: Findings,
    *,
    synonyms: Mapping[str, str] | None = None,
    overlook: bool = False,
) -> list[float | str | None]:
    """Values of one field: numbers as float (NaN where missing), categories as declared (None where missing).

    A cell is missing when it is blank or, whatever its letter case, one of `missing`; with `overlook` also when it is
    none of the declared categories, which the findings count.
    """
    absent = {"", *(text.casefold() for text in missing)}
    vocabulary = Vocabulary(field.categories, synonyms or {})
    values: list[float | str | None] = []
    for row, cell in enumerate(cells):
        value: float | str | None = math.nan if field.kind == "number" else None
        try:
            if cell.casefold() not in absent:
                value = _number(field, cell) if field.kind == "number" else vocabulary.find(cell)
                if value is None:
                    _unexpected(field, row, cell, findings, overlook)
        except ValueError as error:
            findings.add(row, str(error))
        values.append(value)
    return values


def _unexpected(field: Field, row: int, cell: str, findings: Findings, overlook: bool) -> None:
    if overlook:
        findings.overlook(field.name, cell)
    else:
        findings.unexpected(row, f"{field.name} {shown(cell)} is not one of {', '.join(field.categories)}")


def _number(field: Field, cell: str) -> float:
    try:
        value = float(cell.replace("_", "x"))  # Python reads 1_0 as ten; in a table it is a slip
    except ValueError:
        raise ValueError(f"{field.name} {shown(cell)} is not a number") from None
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{field.name} {cell[:LONGEST_CELL]} is outside {low:g} to {high:g}")
    return value


def notes(
    samples: pd.DataFrame, targets: Sequence[Target], group_name: str, digests: Sequence[Sequence[str]]
) -> tuple[str, ...]:
    """What is odd but no error: one class only, classes without samples, groups with several labels or shared files."""
    found = [note for target in targets for note in _empty_classes(samples, target)]
    if group_name != "patient":  # a patient has many lesions, a lesion one diagnosis
        found += [note for target in targets for note in _conflicts(samples, target, group_name)]
    return (*found, *_shared_images(samples, group_name, digests))


def _empty_classes(samples: pd.DataFrame, target: Target) -> list[str]:
    present = set(samples[f"target:{target.name}"])
    if len(present) == 1:
        return [f"{target.name}: every sample is of class {present.pop()!r}; nothing can be told apart"]
    return [f"{target.name}: class {name!r} has no sample" for name in target.classes if name not in present]


def _conflicts(samples: pd.DataFrame, target: Target, group_name: str) -> list[str]:
    pairs = samples[["group", f"target:{target.name}"]].drop_duplicates()
    times = pairs["group"].value_counts()
    several = sorted(str(group) for group in times.index[times > 1])
    if not several:
        return []
    labels = sorted(pairs.loc[pairs["group"] == several[0], f"target:{target.name}"])
    example = f"{several[0]} ({', '.join(labels)})"
    return [f"{target.name}: {group_name}s with more than one label: {len(several):,}, the first is {example}"]


def _shared_images(samples: pd.DataFrame, group_name: str, digests: Sequence[Sequence[str]]) -> list[str]:
    rows_of: dict[str, list[int]] = {}
    for row, row_digests in enumerate(digests):
        for digest in row_digests:
            rows_of.setdefault(digest, []).append(row)
    groups = samples["group"].tolist()
    shared = [rows for rows in rows_of.values() if len({groups[row] for row in rows}) > 1]
    if not shared:
        return []
    first = shared[0][0]
    other = next(row for row in shared[0] if groups[row] != groups[first])
    example = " and ".join(f"{samples.index[row]} ({group_name} {groups[row]})" for row in (first, other))
    return [
        f"identical image files in different {group_name}s, which grouped folds cannot keep together: "
        f"{len(shared):,}, the first is {example}"
    ]
