"""What a cohort is: samples with image(s), raw metadata, target(s) and a group, opened and checked once.

A cohort holds no pixels: its `ImageSource` makes or reads them by row number, so that a cohort stays small enough
to be sent to every worker. Rows are sorted by sample id, so folds do not depend on the order of a CSV file.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from models.errors import InputError
from models.registry import Registry, did_you_mean


@dataclass(frozen=True)
class Field:
    """One metadata field. A number is encoded as value / scale; a category's vocabulary is declared, never fitted.

    `outcome` says why a field follows from the diagnosis, for those that do; empty for all others.
    """

    name: str
    kind: Literal["number", "category"]
    categories: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    scale: float = 1.0
    outcome: str = ""


@dataclass(frozen=True)
class Opening:
    """How the user wants a cohort opened: from which data folder, without faulty samples, with its outcome fields."""

    data: Path | None = None
    skip_bad: bool = False
    allow_outcomes: bool = False


@dataclass(frozen=True)
class Target:
    """One categorical target and its class names in order; labels are mapped by name, never by index."""

    name: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong with one sample (its id, or the line of the file when it has no id)."""

    sample: str
    what: str


class ImageSource(Protocol):
    """Where the pixels of a cohort come from. `row` is the row number in `Cohort.samples`, `image` an image name."""

    def read(self, row: int, image: str) -> np.ndarray:
        """Pixels as uint8 of shape (height, width, 3), RGB."""

    def digest(self, row: int, image: str) -> str:
        """Hexadecimal sha256 that changes whenever the pixels do."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """A data set opened for use; see `open_cohort`.

    `samples` has one row per sample, sorted by the index of unique ids, with the columns `group` (str),
    `target:<t>` (class name) and `field:<f>` (float, or a category's name; NaN or None where missing).
    """

    name: str
    group_name: str
    samples: pd.DataFrame
    fields: tuple[Field, ...]
    targets: tuple[Target, ...]
    image_names: tuple[str, ...]
    images: ImageSource
    fingerprint: str
    left_out: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    refused_fields: tuple[tuple[str, str], ...] = ()
    """Names a user may ask for and must not get, each with the reason (HAM10000's dx_type)."""
    external: frozenset[str] = frozenset()
    """Ids of samples of another cohort that are evaluated and never trained on; the fold plan `external` reads them."""
    merged: Mapping[str, str] = field(default_factory=dict)
    """The group that each group is part of now, by the id it came with, for those that were merged into another."""
    official_split: Mapping[str, str] = field(default_factory=dict)
    """Part ("train", "valid" or "test") by sample id, where the data set comes with a split of its own."""

    def __len__(self) -> int:
        return len(self.samples)

    def target(self, name: str) -> Target:
        """The target of that name; an unknown name is an InputError."""
        known = {target.name: target for target in self.targets}
        if name not in known:
            hint = did_you_mean(name, known)
            raise InputError(f"target {name!r} is not in cohort {self.name!r}{hint} (known: {', '.join(known)})")
        return known[name]

    def labels(self, target: str) -> np.ndarray:
        """Class numbers of one target in the declared order, int64 of shape (samples,)."""
        code = {name: number for number, name in enumerate(self.target(target).classes)}
        return np.array([code[name] for name in self.samples[f"target:{target}"]], dtype=np.int64)


COHORTS: Registry[Callable[[Any, Opening], Cohort]] = Registry("cohort")
"""Openers by name: (settings, opening) -> Cohort."""


def fingerprint(
    samples: pd.DataFrame, fields: tuple[Field, ...], targets: tuple[Target, ...], digests: list[list[str]]
) -> str:
    """Hexadecimal sha256 of everything that numbers can depend on: rows, vocabularies, image digests.

    `samples` is sorted by sample id and `digests` has one list per row, one entry per image. The cohort's name, the
    ranges of its fields and the order of the CSV file do not count: the same data opened another way is the same data.
    """
    columns = [f"target:{target.name}" for target in targets] + [f"field:{field.name}" for field in fields]
    head = {
        "fields": [[field.name, field.kind, list(field.categories), field.scale] for field in fields],
        "targets": [[target.name, list(target.classes)] for target in targets],
    }
    sha = hashlib.sha256(_canonical(head))
    values = [samples[column].tolist() for column in ["group", *columns]]
    for row in zip(samples.index.tolist(), *values, digests, strict=True):
        sha.update(_canonical([None if _is_missing(value) else value for value in row]))
    return sha.hexdigest()


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
