"""Opens a CSV file and a folder of images as a cohort, whatever its columns are called.

The loaders of single data sets say which column is what (`Layout`); checking, merging duplicates, sorting and
fingerprinting are done here, once for all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from models.errors import InputError
from trainables.cohorts.base import Cohort, Field, Problem, fingerprint
from trainables.cohorts.checks import Findings, Vocabulary, check_ids, notes, read_field, read_labels
from trainables.cohorts.csvfile import shown
from trainables.cohorts.duplicates import joined, links_of_files, links_of_pairs, merge_note
from trainables.cohorts.files import FolderImages, inspect
from trainables.cohorts.finding import ImageFinder, NotFound, Unusable
from trainables.cohorts.layout import FolderSettings, Layout, is_missing


def open_folder(
    table: pd.DataFrame, layout: Layout, finder: ImageFinder, path: Path, *, skip_bad: bool, settings: FolderSettings
) -> Cohort:
    """Check every row of `table` (text cells, indexed by line number) and make the cohort.

    `table` and `layout` are those of `read_samples`, `path` is the CSV file, for messages. InputError: see
    `Findings.settle`.
    """
    ids = table[layout.id_column].tolist()
    findings = Findings([sample or f"line {line}" for sample, line in zip(ids, table.index, strict=True)])
    check_ids(ids, findings)
    columns = _columns(table, layout, findings, overlook=settings.unexpected_categories == "missing")
    paths = _find_images(table, layout, finder, path, findings)
    if not layout.shares_images:
        _check_shared(paths, columns["group"], layout.group_name, findings)
    digests = _inspect_images(finder.root, paths, findings)
    kept, left_out = findings.settle(path, skip_bad)

    rows = sorted(kept, key=lambda row: ids[row])
    hexadecimal = [[digests[name].hex() for name in paths[row]] for row in rows]
    merged, note = _merge(columns["group"], ids, rows, hexadecimal, layout, merge_files=settings.duplicates == "merge")
    index = pd.Index([ids[row] for row in rows], name="sample")
    samples = pd.DataFrame({name: [values[row] for row in rows] for name, values in columns.items()}, index=index)
    return _cohort(
        samples,
        layout,
        FolderImages(
            root=finder.root,
            names=tuple(layout.image_columns),
            paths=tuple(paths[row] for row in rows),
            digests=_packed([[digests[name] for name in paths[row]] for row in rows]),
        ),
        hexadecimal,
        left_out,
        (*findings.overlooked(), *note),
        merged,
    )


def _cohort(
    samples: pd.DataFrame,
    layout: Layout,
    images: FolderImages,
    digests: list[list[str]],
    left_out: tuple[Problem, ...],
    found: Sequence[str],
    merged: Mapping[str, str],
) -> Cohort:
    fields, targets = tuple(layout.fields.values()), tuple(layout.targets.values())
    return Cohort(
        name=layout.cohort,
        group_name=layout.group_name,
        samples=samples,
        fields=fields,
        targets=targets,
        image_names=tuple(layout.image_columns),
        images=images,
        fingerprint=fingerprint(samples, fields, targets, digests),
        left_out=left_out,
        notes=(*layout.notes, *found, *notes(samples, targets, layout.group_name, digests)),
        refused_fields=layout.refused_fields,
        merged=merged,
        official_split={sample: part for sample, part in layout.official_split.items() if sample in samples.index},
    )


def _packed(digests: list[list[bytes]]) -> np.ndarray:
    """Digests as uint8 of shape (rows, images, 32)."""
    flat = b"".join(digest for row in digests for digest in row)
    return np.frombuffer(flat, dtype=np.uint8).reshape(len(digests), -1, 32)


def _merge(
    groups: list[str],
    ids: Sequence[str],
    rows: Sequence[int],
    digests: Sequence[Sequence[str]],
    layout: Layout,
    *,
    merge_files: bool,
) -> tuple[dict[str, str], list[str]]:
    """Rename duplicate groups in place; the new name of each that has another, and the note that says so.

    `digests` are those of `rows`. Known pairs count also where a row is bad.
    """
    known = links_of_pairs(ids, groups, layout.known_duplicates)
    files = links_of_files([groups[row] for row in rows], digests) if merge_files else []
    names = joined([*known, *files])
    groups[:] = [names.get(group, group) for group in groups]
    merged = {group: name for group, name in names.items() if group != name}
    return merged, merge_note(layout.group_name, names, known, files)


def _columns(table: pd.DataFrame, layout: Layout, findings: Findings, *, overlook: bool) -> dict[str, list]:
    """Columns of `Cohort.samples`, in its order, for every row of the table."""
    groups = table[layout.group_column or layout.id_column].tolist()
    columns: dict[str, list] = {"group": groups}
    if layout.group_column is not None:
        for row, group in enumerate(groups):
            if is_missing(group):
                findings.add(row, f"the {layout.group_name} ({layout.group_column}) is missing")
    for column, target in layout.targets.items():
        synonyms = layout.synonyms.get(target.name, {})
        cells = _without_missing(table[column].tolist(), Vocabulary(target.classes, synonyms))
        columns[f"target:{target.name}"] = read_labels(target, cells, synonyms, findings)
    for column, item in layout.fields.items():
        read = _read_outcome if item.outcome else partial(read_field, overlook=overlook)
        missing, synonyms = layout.missing.get(item.name, ()), layout.synonyms.get(item.name, {})
        columns[f"field:{item.name}"] = read(item, table[column].tolist(), missing, findings, synonyms=synonyms)
    return columns


def _without_missing(cells: list[str], classes: Vocabulary) -> list[str]:
    """The labels, blank where a cell stands for no value (`nan`, `unknown`) and is not declared as a class."""
    return ["" if is_missing(cell) and classes.find(cell) is None else cell for cell in cells]


def _read_outcome(
    field: Field, cells: list[str], missing: Collection[str], findings: Findings, *, synonyms: Mapping[str, str]
) -> list[float | str | None]:
    """As `read_field`, but no cell is a fault: what cannot be read is missing, and a note counts it.

    An outcome is read because it is allowed, whether a model sees it or not; no sample is lost for its sake.
    """
    values = read_field(field, cells, missing, Findings([""] * len(cells)), synonyms=synonyms, overlook=True)
    for cell, value in zip(cells, values, strict=True):
        if (value is None or value != value) and not is_missing(cell, missing):
            findings.overlook(field.name, cell)
    return values


def _find_images(
    table: pd.DataFrame, layout: Layout, finder: ImageFinder, path: Path, findings: Findings
) -> list[tuple[str, ...]]:
    """Image paths of every row in the order of `image_columns`; a row with a problem has fewer."""
    found: list[tuple[str, ...]] = []
    columns = list(layout.image_columns.values())
    for row, names in enumerate(table[columns].itertuples(index=False, name=None)):
        paths = []
        for column, name in zip(columns, names, strict=True):
            try:
                paths.append(finder.find(name))
            except NotFound as error:
                findings.not_found(row, str(error), finder.where())
            except Unusable as error:
                findings.add(row, str(error) if name else f"no image is named in column {column!r}")
        found.append(tuple(paths))
    if not any(found):
        first = table[next(iter(layout.image_columns.values()))].iloc[0]
        raise InputError(
            f"{path}: none of the images of {len(table):,} samples was found in {finder.where()} "
            f"(the first is {shown(first)}); is this the right folder?"
        )
    return found


def _check_shared(paths: list[tuple[str, ...]], groups: Sequence[str], group_name: str, findings: Findings) -> None:
    """One file under two groups would stand in training and evaluation at once."""
    owner: dict[str, str] = {}
    for row, (names, group) in enumerate(zip(paths, groups, strict=True)):
        for name in names:
            first = owner.setdefault(name, group)
            if first != group:
                findings.add(row, f"image {shown(name)} belongs to {group_name} {shown(first)} already")


def _inspect_images(root: Path, paths: list[tuple[str, ...]], findings: Findings) -> dict[str, bytes]:
    """Sha256 of every sound image file by path."""
    distinct = sorted({path for row in paths for path in row})
    results = dict(zip(distinct, inspect(root, distinct), strict=True))
    for row, names in enumerate(paths):
        for name in names:
            fault = results[name]
            if isinstance(fault, str):
                findings.add(row, fault)
    return {path: result for path, result in results.items() if isinstance(result, bytes)}
