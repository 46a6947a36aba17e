"""Which column of a CSV file is what, under which other names it may stand there, and which of them may be inputs.

A loader declares everything that its data set has; what a file lacks, and what follows from the diagnosis, is left out
here and remembered with the reason, for whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from trainables.cohorts.base import Field, Target
from trainables.cohorts.csvfile import read_csv
from trainables.cohorts.outcomes import outcome_reason
from trainables.settings import Settings

MISSING = ("unknown", "unk", "nan", "na", "n/a")
"""Cells that stand for no value in most data sets, besides blanks and whatever their letter case."""

_SAME_COLUMNS = (
    ("image_id", "image", "image_name", "isic_id"),
    ("sex", "gender"),
    ("age", "age_approx", "age_years"),
    ("localization", "site", "location", "anatom_site_general", "anatom_site_general_challenge"),
)
"""Names under which the data sets, their versions and their copies hold the same column."""


class FolderSettings(Settings):
    """What all cohorts of a CSV file and a folder of images let the user decide."""

    duplicates: Literal["merge", "keep"] = "merge"
    """merge: groups that are known to show the same, or that hold image files of the same bytes, are one group."""
    unexpected_categories: Literal["error", "missing"] = "error"
    """What a metadata cell is that is none of the declared categories."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which column of a table is what; see the loaders."""

    cohort: str
    id_column: str
    image_columns: Mapping[str, str]
    targets: Mapping[str, Target]
    """Targets by column."""
    fields: Mapping[str, Field]
    """Fields by column, those with an `outcome` among them."""
    missing: Mapping[str, tuple[str, ...]]
    """Per field, the cells besides blanks that stand for no value."""
    group_column: str | None
    group_name: str
    synonyms: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Per field or target, other spellings of its categories or classes."""
    aliases: Mapping[str, tuple[str, ...]] | None = None
    """Other names of columns; None when columns are found by their exact names only."""
    shares_images: bool = False
    """Whether one image file may rightly belong to several groups (a clinical picture of two lesions)."""
    known_duplicates: tuple[tuple[str, str], ...] = ()
    """Pairs of sample ids that show the same."""
    official_split: Mapping[str, str] = field(default_factory=dict)
    refused_fields: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def with_target(self, column: str, target: Target, pairs: tuple[tuple[str, str], ...] = ()) -> Layout:
        """The layout with a target that another file gave, and pairs that are known once the ids are."""
        return replace(self, targets={column: target}, known_duplicates=pairs)

    def with_split(self, split: Mapping[str, str], notes: tuple[str, ...]) -> Layout:
        """The layout with the data set's own split, and what is to be said of it."""
        return replace(self, official_split=split, notes=(*self.notes, *notes))


def same_columns(*columns: str) -> dict[str, tuple[str, ...]]:
    """The other names of the columns that data sets call differently.

    >>> same_columns("sex", "dx")
    {'sex': ('gender',), 'dx': ()}
    """
    known = {name: names for names in _SAME_COLUMNS for name in names}
    return {column: tuple(name for name in known.get(column, ()) if name != column) for column in columns}


def is_missing(cell: str, missing: Collection[str] = MISSING) -> bool:
    """Whether a cell stands for no value: blank or, whatever its letter case, one of `missing`.

    >>> is_missing("NaN"), is_missing("HAM_0000001")
    (True, False)
    """
    return not cell or cell.casefold() in {word.casefold() for word in missing}


def outcome_field(name: str, column: str, kind: Literal["number", "category"], **options: object) -> Field:
    """A field that follows from the diagnosis, with the known reason of its column."""
    return Field(name, kind, outcome=outcome_reason(column), **options)  # type: ignore[arg-type]


def insisting(reason: str) -> str:
    """Why an outcome is refused, and how a study gets it nevertheless."""
    return f"{reason}; a study that says allow_outcome_fields: true may use it, and every table then says so"


def read_samples(path: Path, layout: Layout, allow_outcomes: bool) -> tuple[pd.DataFrame, Layout]:
    """The table of a cohort, and its layout with the fields that are there and may be inputs.

    InputError: what is wrong with the file (`read_csv`), a missing column of ids, images, targets or groups included.
    """
    layout = _admit(layout, allow_outcomes)
    group = [layout.group_column] if layout.group_column else []
    needed = [layout.id_column, *layout.image_columns.values(), *layout.targets, *group]
    table = read_csv(path, [*needed, *layout.fields], aliases=layout.aliases, optional=set(layout.fields) - set(needed))
    return table, _with_other_names(_present(layout, table, path))


def _admit(layout: Layout, allow_outcomes: bool) -> Layout:
    """Refuse the fields that are outcomes, by the field's name and its column's, unless they are allowed."""
    if allow_outcomes:
        return layout
    refused = {
        name: insisting(item.outcome)
        for column, item in layout.fields.items()
        for name in (item.name, column)
        if item.outcome
    }
    fields = {column: item for column, item in layout.fields.items() if not item.outcome}
    return replace(layout, fields=fields, refused_fields=(*layout.refused_fields, *refused.items()))


def _present(layout: Layout, table: pd.DataFrame, path: Path) -> Layout:
    """Leave out the fields whose column the file lacks, with a note."""
    absent = {column: item for column, item in layout.fields.items() if column not in table.columns}
    refused = [(item.name, f"{path.name} has no column {column!r}") for column, item in absent.items()]
    notes = [f"field {name!r} is left out: {why}" for name, why in refused]
    fields = {column: item for column, item in layout.fields.items() if column not in absent}
    return replace(
        layout,
        fields=fields,
        refused_fields=(*layout.refused_fields, *refused),
        notes=(*layout.notes, *notes),
    )


def _with_other_names(layout: Layout) -> Layout:
    """Who asks for a column gets the name of its field."""
    taken = {item.name for item in layout.fields.values()} | {name for name, _ in layout.refused_fields}
    others = {
        name: f"the field is called {item.name!r} here"
        for column, item in layout.fields.items()
        for name in (column, *(layout.aliases or {}).get(column, ()))
        if name not in taken
    }
    return replace(layout, refused_fields=(*layout.refused_fields, *others.items()))
