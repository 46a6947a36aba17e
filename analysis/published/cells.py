"""A published table: cells by the settings they were printed for, as fractions, with the footnotes a reader needs.

name: metanet-table4
source: Li, Zhuang et al., MetaNet, ISBI 2020, Table 4
metric: mcr
cohort: ham10000
split: five folds by image
settings: [backbone.name, fusion.name, fusion.depth, metadata.fields]
cells:                                   # the levels in that order, then mean and SD in percent, as printed
  - [legacy_senet154, multiply, 1, [age, sex, site], 86.47, 0.53]
notes: [...]

A cell is that of a configuration whose canonical settings are the same, a setting without effect being absent: image
only is fusion none, depth null, fields []. In a table of recalls the last level is the class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

import yaml

from analysis.errors import AnalysisError

Levels = tuple[Any, ...]
"""One hashable level per setting of a table; a subset of fields is a sorted tuple, an absent setting is None."""

PublishedMetric = Literal["mcr", "auc", "recall"]
CLASS = "class"
"""Stands for the class among the settings of a table of recalls."""


@dataclass(frozen=True)
class PublishedCell:
    """A mean over folds with its SD, as fractions; None where the paper prints no SD."""

    value: float
    sd: float | None


@dataclass(frozen=True)
class PublishedTable:
    """What a paper printed. `settings` are dotted settings, `cells` go by their levels in that order.

    `split` says how the paper cut its folds; `cohort` is the name that data set has here.
    """

    name: str
    source: str
    metric: PublishedMetric
    cohort: str
    split: str
    settings: tuple[str, ...]
    cells: Mapping[Levels, PublishedCell]
    notes: tuple[str, ...] = ()

    def cell(self, flat: Mapping[str, Any], class_name: str | None = None) -> PublishedCell | None:
        """Return the cell that was printed for a configuration, or None where the paper has no such.

        Args:
            flat: the canonical configuration by dotted setting.
            class_name: of a table of recalls; capitals do not matter.
        """
        known = {**flat, CLASS: class_name.casefold() if class_name is not None else None}
        return self.cells.get(tuple(as_level(known.get(name)) for name in self.settings))


def as_level(value: Any) -> Any:
    """Return a setting in hashable form: lists sorted (the order of fields has no meaning), empty ones as absent."""
    return tuple(sorted(value)) or None if isinstance(value, list | tuple) else value


def published_names() -> tuple[str, ...]:
    """Return the names of all published tables."""
    files = resources.files("analysis.published").iterdir()
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in files if entry.name.endswith(".yaml")))


@cache
def published_table(name: str) -> PublishedTable:
    """Read one published table.

    Raises:
        AnalysisError: there is none of this name, or its file is faulty.
    """
    if name not in published_names():
        raise AnalysisError(f"no published table {name!r} (there are: {', '.join(published_names())})")
    text = resources.files("analysis.published").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return read_published(yaml.safe_load(text))


def read_published(document: Mapping[str, Any]) -> PublishedTable:
    """Build a table from plain data.

    Raises:
        AnalysisError: an unknown metric, a row that does not fit the settings, or two rows for the same levels.
    """
    name, settings = document["name"], tuple(document["settings"])
    if document["metric"] not in get_args(PublishedMetric) or (document["metric"] == "recall") != (CLASS in settings):
        raise AnalysisError(f"published table {name}: metric {document['metric']!r} does not fit settings {settings}")
    cells: dict[Levels, PublishedCell] = {}
    for row in document["cells"]:
        if len(row) != len(settings) + 2:
            raise AnalysisError(f"published table {name}: {row} is not {len(settings)} levels, a mean and an SD")
        *levels, value, sd = row
        place = tuple(as_level(level) for level in levels)
        if place in cells:
            raise AnalysisError(f"published table {name}: {levels} stands twice")
        cells[place] = PublishedCell(_fraction(value), None if sd is None else _fraction(sd))
    return PublishedTable(
        name=name,
        source=document["source"],
        metric=document["metric"],
        cohort=document["cohort"],
        split=document["split"],
        settings=settings,
        cells=cells,
        notes=tuple(document.get("notes", ())),
    )


def _fraction(percent: float) -> float:
    """No digits that were never printed: 82.35 is 0.8235."""
    return round(percent / 100, 6)
