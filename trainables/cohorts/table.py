"""Any CSV file with a folder of images: which column is what is said in the settings.

One row is one sample; a sample may have several images (derm7pt: clinical and dermoscopy), several targets and any
number of fields. Example, for ISIC 2020:

    cohort: {name: table, csv: train.csv, id: image_name, image_folder: images, images: {dermoscopy: image_name},
             targets: {melanoma: {column: target}}, group: {column: patient_id, name: patient},
             fields: {age: {column: age_approx, kind: number, scale: 90}, sex: {column: sex, kind: category}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import ConfigDict, StringConstraints, model_validator
from pydantic import Field as Setting

from models.errors import InputError
from trainables.cohorts.base import COHORTS, Cohort, Field, Opening, Target
from trainables.cohorts.csvfile import read_csv
from trainables.cohorts.finding import ImageFinder, data_folder, inside
from trainables.cohorts.folder import open_folder
from trainables.cohorts.layout import MISSING, FolderSettings, Layout, insisting, is_missing, read_samples
from trainables.cohorts.outcomes import outcome_reason
from trainables.settings import Settings

_DECLARED = "the study's `outcome: true` says that it follows from the diagnosis"

Name = Annotated[str, StringConstraints(pattern=r"^\w[\w .-]*$")]
"""A name given to a field, target or image; it becomes part of column names of the ledger, which use the colon."""


_NUMBERS_AS_TEXT = ConfigDict(coerce_numbers_to_str=True)  # classes: [0, 1] in YAML are the cells "0" and "1"


class TableField(Settings):
    """One metadata field of a table."""

    model_config = _NUMBERS_AS_TEXT
    column: str
    kind: Literal["number", "category"]
    categories: tuple[str, ...] | None = None
    """Vocabulary in order; without it, every value of the whole column, sorted."""
    minimum: float | None = None
    maximum: float | None = None
    scale: float = Setting(default=1.0, gt=0.0)
    """A number is encoded as value / scale."""
    missing: tuple[str, ...] | None = None
    """Cells that stand for no value, besides blanks and whatever their letter case; `MISSING` when not given."""
    outcome: bool = False
    """Whether the field follows from the diagnosis; columns that are known to (`outcome_reason`) need not be marked."""

    @property
    def outcome_reason(self) -> str:
        """Why the field follows from the diagnosis; empty when it does not."""
        return outcome_reason(self.column) or (_DECLARED if self.outcome else "")

    @model_validator(mode="after")
    def _check(self) -> TableField:
        numeric = {"minimum", "maximum", "scale"} & self.model_fields_set
        if self.kind == "number" and self.categories is not None:
            raise ValueError("a number has no categories; use kind: category, or leave them out")
        if self.kind == "category" and numeric:
            raise ValueError(f"a category has no {', '.join(sorted(numeric))}; use kind: number, or leave it out")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is above maximum {self.maximum:g}")
        _check_distinct("categories", self.categories)
        both = {text.casefold() for text in self.categories or ()} & {text.casefold() for text in self.missing or ()}
        if both:
            raise ValueError(f"{sorted(both)[0]!r} cannot be both a category and a missing value")
        return self


class TableTarget(Settings):
    """One target of a table: its column and its classes in order.

    Without classes, every value of the column, sorted; `nan`, `unknown` and the like are then a missing label.
    """

    model_config = _NUMBERS_AS_TEXT
    column: str
    classes: tuple[str, ...] | None = Setting(default=None, min_length=2)

    @model_validator(mode="after")
    def _check(self) -> TableTarget:
        _check_distinct("classes", self.classes)
        return self


class TableGroup(Settings):
    """What folds keep together: its column, and what it is called in reports (lesion, patient)."""

    column: str
    name: Name = "group"


class TableSettings(FolderSettings):
    """How a CSV file and a folder of images are opened; paths are relative to the data folder."""

    model_config = _NUMBERS_AS_TEXT
    name: Literal["table"] = "table"
    label: Name = "table"
    """What the cohort is called in reports."""
    csv: str
    id: str
    """Column of the sample ids."""
    images: dict[Name, str] = Setting(min_length=1)
    """Column per image name; its cells are file names, relative paths or ids, with or without extension."""
    image_folder: str = "."
    targets: dict[Name, TableTarget] = Setting(min_length=1)
    group: TableGroup | None = None
    """Without it every sample is a group of its own."""
    fields: dict[Name, TableField] = Setting(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> TableSettings:
        taken = {target.column: f"target {name!r}" for name, target in self.targets.items()}
        if len(taken) < len(self.targets):
            raise ValueError("two targets read the same column")
        if len(set(self.images.values())) < len(self.images):
            raise ValueError("two images read the same column")
        taken |= {column: f"image {name!r}" for name, column in self.images.items() if column != self.id}
        taken |= {self.id: "the sample id"} | ({self.group.column: "the group"} if self.group else {})
        for name, field in self.fields.items():
            if field.column in taken:
                raise ValueError(f"field {name!r} reads column {field.column!r}, which is {taken[field.column]}")
            taken[field.column] = f"field {name!r}"
        return self


@COHORTS.register("table")
def open_table(settings: TableSettings, opening: Opening) -> Cohort:
    """Open a CSV file and its images. InputError: what is wrong with the folder, the file or the samples."""
    root = data_folder(settings.name, opening.data)
    path = inside(root, settings.csv, "the CSV file")
    if not inside(root, settings.image_folder, "the image folder").is_dir():
        raise InputError(f"image_folder {settings.image_folder!r} is not a folder in {root}")
    table, layout = read_samples(path, _layout(settings, path, opening.allow_outcomes), opening.allow_outcomes)
    finder = ImageFinder(root, [settings.image_folder])
    return open_folder(table, layout, finder, path, skip_bad=opening.skip_bad, settings=settings)


def _layout(settings: TableSettings, path: Path, allow_outcomes: bool) -> Layout:
    """What the settings say, with the vocabularies that they leave to the file."""
    used = {name: item for name, item in settings.fields.items() if allow_outcomes or not item.outcome_reason}
    columns = [target.column for target in settings.targets.values()] + [item.column for item in used.values()]
    table = read_csv(path, columns)
    return Layout(
        cohort=settings.label,
        id_column=settings.id,
        image_columns=dict(settings.images),
        targets={target.column: _target(name, target, table, path) for name, target in settings.targets.items()},
        fields={item.column: _field(name, item, table, path) for name, item in used.items()},
        missing={name: _missing(item) for name, item in used.items()},
        group_column=settings.group.column if settings.group else None,
        group_name=settings.group.name if settings.group else "sample",
        refused_fields=_refused({name: item for name, item in settings.fields.items() if name not in used}),
    )


def _refused(fields: Mapping[str, TableField]) -> tuple[tuple[str, str], ...]:
    """Why each of these fields is refused, by its name and by its column's."""
    reasons = {name: f"it reads column {item.column!r}: {item.outcome_reason}" for name, item in fields.items()}
    by_column = {item.column: item.outcome_reason for item in fields.values() if item.column not in fields}
    return tuple((name, insisting(reason)) for name, reason in (reasons | by_column).items())


def _target(name: str, target: TableTarget, table: pd.DataFrame, path: Path) -> Target:
    classes = target.classes or _values(table, target.column, MISSING)
    if len(classes) < 2:
        found = f"only the class {classes[0]!r}" if classes else "no label at all"
        raise InputError(
            f"{path}: target {name!r} (column {target.column!r}) has {found}; at least two classes are needed"
        )
    return Target(name, classes)


def _field(name: str, field: TableField, table: pd.DataFrame, path: Path) -> Field:
    if field.kind == "number":
        limits = {"minimum": field.minimum, "maximum": field.maximum, "scale": field.scale}
        return Field(name, "number", outcome=field.outcome_reason, **limits)  # type: ignore[arg-type]
    categories = field.categories or _values(table, field.column, _missing(field))
    if not categories:
        raise InputError(f"{path}: field {name!r} (column {field.column!r}) has no value at all; leave the field out")
    return Field(name, "category", categories=categories, outcome=field.outcome_reason)


def _missing(field: TableField) -> tuple[str, ...]:
    """Cells that stand for no value; a declared category is never one of them."""
    if field.missing is not None:
        return field.missing
    declared = {text.casefold() for text in field.categories or ()}
    return tuple(text for text in MISSING if text not in declared)


def _values(table: pd.DataFrame, column: str, missing: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({cell for cell in table[column] if not is_missing(cell, missing)}))


def _check_distinct(what: str, values: tuple[str, ...] | None) -> None:
    if values is not None and (not values or len(set(values)) < len(values) or "" in values):
        raise ValueError(f"{what} must be distinct names, at least one: {list(values)}")
