"""Opens a CSV file and a folder of images as a cohort, whatever its columns are called.

The loaders of single data sets say which column is what (`Layout`); finding, checking, sorting and fingerprinting are
done here, once for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from models.errors import InputError
from trainables.cohorts.base import Cohort, Field, Target, fingerprint
from trainables.cohorts.checks import Findings, check_ids, check_labels, notes, read_field
from trainables.cohorts.files import FolderImages, ImageFinder, Unusable, inspect


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which column of a table is what."""

    cohort: str
    id_column: str
    image_columns: Mapping[str, str]
    targets: Mapping[str, Target]
    """Targets by column."""
    fields: Mapping[str, Field]
    """Fields by column."""
    missing: Mapping[str, tuple[str, ...]]
    """Per field, the cells besides blanks that stand for no value."""
    group_column: str | None
    group_name: str
    refused_fields: tuple[tuple[str, str], ...] = ()


def open_folder(table: pd.DataFrame, layout: Layout, finder: ImageFinder, path: Path, skip_bad: bool) -> Cohort:
    """Check every row of `table` (text cells, indexed by line number) and make the cohort.

    `path` is the CSV file, for messages. InputError: see `Findings.settle`.
    """
    ids = table[layout.id_column].tolist()
    findings = Findings([sample or f"line {line}" for sample, line in zip(ids, table.index, strict=True)])
    check_ids(ids, findings)
    columns = _columns(table, layout, findings)
    paths = _find_images(table, layout, finder, path, findings)
    _check_shared(paths, columns["group"], layout.group_name, findings)
    digests = _inspect_images(finder.root, paths, findings)
    kept, left_out = findings.settle(path, skip_bad)

    rows = sorted(kept, key=lambda row: ids[row])
    index = pd.Index([ids[row] for row in rows], name="sample")
    samples = pd.DataFrame({name: [values[row] for row in rows] for name, values in columns.items()}, index=index)
    images = FolderImages(
        root=finder.root,
        names=tuple(layout.image_columns),
        paths=tuple(paths[row] for row in rows),
        digests=np.frombuffer(b"".join(digests[name] for row in rows for name in paths[row]), dtype=np.uint8).reshape(
            len(rows), len(layout.image_columns), 32
        ),
    )
    hexadecimal = [[digests[name].hex() for name in paths[row]] for row in rows]
    fields, targets = tuple(layout.fields.values()), tuple(layout.targets.values())
    return Cohort(
        name=layout.cohort,
        group_name=layout.group_name,
        samples=samples,
        fields=fields,
        targets=targets,
        image_names=tuple(layout.image_columns),
        images=images,
        fingerprint=fingerprint(samples, fields, targets, hexadecimal),
        left_out=left_out,
        notes=notes(samples, targets, layout.group_name, hexadecimal),
        refused_fields=layout.refused_fields,
    )


def _columns(table: pd.DataFrame, layout: Layout, findings: Findings) -> dict[str, list]:
    """Columns of `Cohort.samples`, in its order, for every row of the table."""
    groups = table[layout.group_column or layout.id_column].tolist()
    columns: dict[str, list] = {"group": groups}
    if layout.group_column is not None:
        for row, group in enumerate(groups):
            if not group:
                findings.add(row, f"the {layout.group_name} ({layout.group_column}) is missing")
    for column, target in layout.targets.items():
        columns[f"target:{target.name}"] = table[column].tolist()
        check_labels(target, table[column].tolist(), findings)
    for column, item in layout.fields.items():
        missing = layout.missing.get(item.name, ())
        columns[f"field:{item.name}"] = read_field(item, table[column].tolist(), missing, findings)
    return columns


def _find_images(
    table: pd.DataFrame, layout: Layout, finder: ImageFinder, path: Path, findings: Findings
) -> list[tuple[str, ...]]:
    """Image paths of every row in the order of `image_columns`; a row with a problem has fewer."""
    found: list[tuple[str, ...]] = []
    for row, names in enumerate(table[list(layout.image_columns.values())].itertuples(index=False, name=None)):
        paths = []
        for name in names:
            try:
                paths.append(finder.find(name))
            except Unusable as error:
                findings.add(row, str(error))
        found.append(tuple(paths))
    if not any(found):
        first = table[next(iter(layout.image_columns.values()))].iloc[0]
        raise InputError(
            f"{path}: none of the images of {len(table):,} samples was found in {finder.where()} "
            f"(the first is {first!r}); is this the right folder?"
        )
    return found


def _check_shared(paths: list[tuple[str, ...]], groups: Sequence[str], group_name: str, findings: Findings) -> None:
    """One file under two groups would stand in training and evaluation at once."""
    owner: dict[str, str] = {}
    for row, (names, group) in enumerate(zip(paths, groups, strict=True)):
        for name in names:
            first = owner.setdefault(name, group)
            if first != group:
                findings.add(row, f"image {name!r} belongs to {group_name} {first!r} already")


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
