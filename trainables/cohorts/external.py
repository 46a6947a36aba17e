"""An external test set: models trained on one cohort, evaluated on another one that nobody trained on.

    external: {cohort: {name: isic2018-test}, data: isic2018}
    folds: {plan: external}

Both become one cohort, so that folds, caches and records stay as they are; `Cohort.external` says who is evaluated.
Targets, classes, fields and images go by name (`terms`), body sites by ISIC's general vocabulary where the two differ
(`sites`). What the external cohort cannot show fairly is left out and said so: classes that the model cannot name, and
lesions or patients that it may have seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from models.errors import InputError
from trainables.cohorts.base import Cohort, Problem, Target, fingerprint
from trainables.cohorts.csvfile import shown
from trainables.cohorts.joined_fields import JoinedFields, join_fields
from trainables.cohorts.joined_images import JoinedImages, shared_image_names
from trainables.cohorts.terms import TARGETS, match_classes, match_once, plain

PREFIX = "external:"
"""Stands before the id of an external sample where the main cohort has another sample of that id."""

_ARCHIVE_ID = re.compile(r"ISIC_\d+", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,6}(\.0)?")
"""A group's id that is no more than a number of a list; two cohorts that count have the same ones."""
_ANYTHING = "group"
_NO_CLASS = "is not a class of the main cohort"


@dataclass(frozen=True)
class _Classes:
    """A target of the main cohort, what the external one calls it, and the main class of each external class."""

    target: Target
    other: Target
    main_class: Mapping[str, str]

    def cells(self, other: Cohort) -> list[str | None]:
        """The main class of every external sample, None where the main cohort has no such class."""
        return [self.main_class.get(name) for name in other.samples[f"target:{self.other.name}"]]


def join_external(cohort: Cohort, other: Cohort) -> Cohort:
    """Both cohorts as one, the usable samples of `other` listed in `external`; fields are those that both have.

    Left out, with a note and a line in `left_out` each: samples of a class that `cohort` lacks, and every lesion or
    patient of `other` with an id, an image of the ISIC archive or an identical image file in `cohort`, those merged
    into another one included. A note says where ids tell nothing. External ids are kept, or begin with `external:`
    where they collide.

    Raises:
        InputError: a target of `cohort` is not in `other`, none of its classes is, an image is missing, or no external
            sample is left.
    """
    classes = tuple(_classes(target, cohort, other) for target in cohort.targets)
    image_names = shared_image_names(cohort, other)
    problems = _unnameable(classes, other) | _seen(cohort, other)
    rows = [row for row, sample in enumerate(other.samples.index) if sample not in problems]
    if not rows:
        sample, what = next(iter(problems.items()))
        count = f"none of {len(other):,} samples can be evaluated"
        raise InputError(f"external.cohort {other.name!r}: {count}; the first, {sample}: {what}")
    fields = join_fields(cohort, other)
    return replace(
        _joined(cohort, other, rows, classes, fields, image_names),
        left_out=(*cohort.left_out, *other.left_out, *(Problem(*item) for item in problems.items())),
        notes=(*cohort.notes, *_notes(other, rows, classes, problems), *_not_compared(cohort, other), *fields.notes),
        merged={**other.merged, **cohort.merged},
        refused_fields=fields.refused,
    )


def _classes(target: Target, cohort: Cohort, other: Cohort) -> _Classes:
    names = {main: name for name, main in match_once((t.name for t in other.targets), [target.name], TARGETS).items()}
    if target.name not in names:
        known = ", ".join(item.name for item in other.targets)
        raise InputError(
            f"external.cohort {other.name!r} has no target {target.name!r}, which models of {cohort.name!r} predict "
            f"(it has: {known}); choose a cohort with this target"
        )
    same = other.target(names[target.name])
    main_class = match_classes(same.classes, target.classes)
    if not main_class:
        raise InputError(
            f"external.cohort {other.name!r}: no class of {same.name} ({', '.join(same.classes)}) is a class of "
            f"{cohort.name!r} ({', '.join(target.classes)}); choose a cohort that shares classes"
        )
    return _Classes(target, same, main_class)


def _unnameable(classes: tuple[_Classes, ...], other: Cohort) -> dict[str, str]:
    """What is wrong with each external sample of a class that models of the main cohort cannot name."""
    problems: dict[str, str] = {}
    for item in classes:
        given = other.samples[f"target:{item.other.name}"]
        for sample, name, main in zip(other.samples.index, given, item.cells(other), strict=True):
            if main is None:
                problems[sample] = f"external: {item.target.name} {name!r} {_NO_CLASS}"
    return problems


def _seen(cohort: Cohort, other: Cohort) -> dict[str, str]:
    """What is wrong with each external sample of a group that the main cohort has, under whatever name."""
    ids = _ids_of_groups(other) if _same_kind(cohort, other) else {}
    known = {name.casefold() for names in _ids_of_groups(cohort).values() for name in names}
    files = {digest for row in range(len(cohort)) for digest in _digests(cohort, row)}
    archive = {_archive_id(sample) for sample in cohort.samples.index} - {None}
    reasons: dict[str, str] = {}
    pairs = list(zip(other.samples.index, other.samples["group"], strict=True))
    for row, (sample, group) in enumerate(pairs):
        same = sorted(name for name in ids.get(group, ()) if name.casefold() in known)
        if same:
            reasons[group] = f"{other.group_name} {shown(same[0])} is in the main cohort too"
        elif _archive_id(sample) in archive:
            reasons[group] = f"image {shown(sample)} of the ISIC archive is in the main cohort too"
        elif not files.isdisjoint(_digests(other, row)):
            reasons[group] = f"the image file of {shown(sample)} is in the main cohort too"
    return {sample: f"external: {reasons[group]}" for sample, group in pairs if group in reasons}


def _ids_of_groups(cohort: Cohort) -> dict[str, set[str]]:
    """The ids that each group is known by: its own, and of all that were merged into it; mere numbers left out."""
    groups = set(cohort.samples["group"])
    ids: dict[str, set[str]] = {}
    for name, group in [*((group, group) for group in groups), *cohort.merged.items()]:
        if group in groups and not _NUMBER.fullmatch(name):
            ids.setdefault(group, set()).add(name)
    return ids


def _same_kind(cohort: Cohort, other: Cohort) -> bool:
    """Whether the groups of both are the same thing (lesions, patients); a table's default name may mean anything."""
    return cohort.group_name == other.group_name or _ANYTHING in (cohort.group_name, other.group_name)


def _not_compared(cohort: Cohort, other: Cohort) -> tuple[str, ...]:
    """A note where ids of groups cannot tell what both cohorts hold."""
    instead = "what both cohorts hold is known by image files and by the ISIC archive's image ids only"
    if not _same_kind(cohort, other):
        return (f"external: ids of {cohort.group_name}s and of {other.group_name}s are not compared; {instead}",)
    if all(len(_ids_of_groups(one)) < one.samples["group"].nunique() for one in (cohort, other)):
        return (f"external: ids of {other.group_name}s that are mere numbers are not compared; {instead}",)
    return ()


def _digests(cohort: Cohort, row: int) -> list[str]:
    return [cohort.images.digest(row, image) for image in cohort.image_names]


def _archive_id(sample: str) -> str | None:
    """The number of an image of the ISIC archive, which is the same image in every cohort, whatever its size."""
    found = _ARCHIVE_ID.match(sample)
    return found.group().upper() if found else None


def _joined(
    cohort: Cohort,
    other: Cohort,
    rows: list[int],
    classes: tuple[_Classes, ...],
    fields: JoinedFields,
    image_names: Mapping[str, str],
) -> Cohort:
    """Both cohorts in one, sorted by sample id, with `rows` of `other`."""
    taken = set(cohort.samples.index)
    theirs = [f"{PREFIX}{name}" if name in taken else name for name in other.samples.index[rows]]
    ids = [*cohort.samples.index, *theirs]
    columns = _columns(cohort, other, rows, classes, fields)
    order = sorted(range(len(ids)), key=ids.__getitem__)
    index = pd.Index([ids[row] for row in order], name="sample")
    samples = pd.DataFrame({name: [values[row] for row in order] for name, values in columns.items()}, index=index)
    images = JoinedImages(
        sources=(cohort.images, other.images),
        names=({name: name for name in cohort.image_names}, image_names),
        source_of=np.repeat([0, 1], [len(cohort), len(rows)])[order],
        row_of=np.concatenate([np.arange(len(cohort)), rows])[order],
    )
    vocabulary = tuple(field.field for field in fields.fields)
    digests = [[images.digest(row, image) for image in cohort.image_names] for row in range(len(ids))]
    return replace(
        cohort,
        name=f"{cohort.name} -> {other.name}",
        group_name=other.group_name,  # reports count and cluster what is evaluated
        samples=samples,
        fields=vocabulary,
        images=images,
        fingerprint=fingerprint(samples, vocabulary, cohort.targets, digests),
        external=cohort.external | set(theirs),
    )


def _columns(
    cohort: Cohort, other: Cohort, rows: list[int], classes: tuple[_Classes, ...], fields: JoinedFields
) -> dict[str, list[Any]]:
    """Columns of `Cohort.samples`: all rows of the main cohort, then `rows` of the other."""
    columns = {"group": [*cohort.samples["group"], *other.samples["group"].iloc[rows]]}
    for item in classes:
        cells, name = item.cells(other), f"target:{item.target.name}"
        columns[name] = [*cohort.samples[name], *(cells[row] for row in rows)]
    for field in fields.fields:
        own, external = field.values
        columns[f"field:{field.field.name}"] = [*own, *(external[row] for row in rows)]
    return columns


def _notes(
    other: Cohort, rows: list[int], classes: tuple[_Classes, ...], problems: Mapping[str, str]
) -> tuple[str, ...]:
    groups = other.samples["group"].iloc[rows].nunique()
    notes = [f"external: {len(rows):,} samples of {groups:,} {other.group_name}s of {other.name} are evaluated only"]
    nameless = sum(problem.endswith(_NO_CLASS) for problem in problems.values())
    if nameless:
        notes.append(f"external: {nameless:,} samples left out, as models of the main cohort have no class for them")
    if len(problems) > nameless:
        notes.append(f"external: {len(problems) - nameless:,} samples left out, as the main cohort has them too")
    for item in classes:
        renamed = [f"{name} as {main}" for name, main in item.main_class.items() if plain(name) != plain(main)]
        if renamed:
            notes.append(f"external: {item.target.name}: {', '.join(renamed)}")
    return (*notes, *(f"external: {note}" for note in other.notes))
