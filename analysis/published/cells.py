"""A published table: cells by the settings they were printed for, with the footnotes a reader needs.

name: metanet-table4
source: Li, Zhuang et al., MetaNet, ISBI 2020, Table 4
metrics: [mcr]
cohort: ham10000
split: five folds by image
settings: [backbone.name, fusion.name, fusion.depth, metadata.fields]
cells:                                   # the levels in that order, then mean and SD of each metric, as printed
  - [legacy_senet154, multiply, 1, [age, sex, site], 86.47, 0.53]
notes: [...]

Optional: `sd: false` (no SD is printed, cells hold means only) or `folds` (those that the SDs are over), `unit:
fraction` (else percent), `digits` (decimals of the percentages, 2 unless given), `plans` (fold plans of ours that cut
as the paper did), `groups` (`may split`, where nobody says that the folds split lesions or patients), `samples`
(evaluated samples of the whole data set, where parts of it go about), `across` (levels of the last setting; a row then
holds the values of all of them) and `rows_without_configuration` (`label`, `values`), printed rows whose model is not
given or is none of ours.

A cell is that of a configuration whose canonical settings are the same, a setting without effect being absent: image
only is fusion none, depth null, fields []. The setting `class` (or `target`), always the last, stands for the class (or
target) of a per-class (or per-target) figure. Scores are kept as fractions, costs in the units of `COSTS`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from analysis.errors import AnalysisError

Levels = tuple[Any, ...]
"""One hashable level per setting of a table; a subset of fields is a sorted tuple, an absent setting is None."""

SCORES = (
    *("mcr", "auc", "accuracy", "sensitivity", "specificity", "precision", "f1"),
    *("macro_specificity", "ovr_balanced_accuracy", "micro_auc", "average_precision", "brier", "ece"),
)
COSTS = {"parameters": 1e6, "layers": 1, "megabytes": 1, "seconds_per_epoch": 1, "inference_ms": 1}
"""Costs with what their printed figures count: parameters are printed in millions."""
PER_CLASS = ("recall", "class_precision", "class_f1", "class_auc", "class_average_precision")
METRICS = frozenset({*SCORES, *COSTS, *PER_CLASS})
CLASS, TARGET = "class", "target"
"""Stand for class and target among the settings of a table."""
MEAN = "mean"
"""Stands for the mean over classes or targets among the values of a row without configuration."""


@dataclass(frozen=True)
class PublishedCell:
    """A mean over folds with its SD, scores as fractions; None where the paper prints no SD."""

    value: float
    sd: float | None


@dataclass(frozen=True)
class PublishedRow:
    """A printed row without a configuration of ours; `values` go by metric, or by class or target (or `mean`)."""

    label: str
    values: Mapping[str, PublishedCell]


@dataclass(frozen=True)
class PublishedTable:
    """What a paper printed. `settings` are dotted settings, `cells` go by metric and their levels in that order.

    `split` says how the paper cut its folds, `plans` which fold plans of ours do the same; `cohort` is the name that
    data set has here. `has_sd`: whether SDs are printed; `digits`: decimals of the percentages; `groups`: what its
    folds do to lesions or patients, `split` or `may split`; `samples`: how many were evaluated, where that is known;
    `folds`: over how many folds the SDs are.
    """

    name: str
    source: str
    metrics: tuple[str, ...]
    cohort: str
    split: str
    settings: tuple[str, ...]
    cells: Mapping[tuple[str, Levels], PublishedCell]
    rows: tuple[PublishedRow, ...] = ()
    notes: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    has_sd: bool = True
    digits: int = 2
    groups: str = "split"
    samples: int | None = None
    folds: int | None = None

    def cell(self, flat: Mapping[str, Any], part: str | None = None, metric: str | None = None) -> PublishedCell | None:
        """Return the cell that was printed for a configuration, or None where the paper has no such.

        Args:
            flat: the canonical configuration by dotted setting.
            part: the class or target, in a table that goes by one; capitals do not matter.
            metric: which of the table's; its first unless given.
        """
        name = part.casefold() if part is not None else None
        known = {**flat, CLASS: name, TARGET: name}
        return self.cells.get((metric or self.metrics[0], tuple(as_level(known.get(name)) for name in self.settings)))


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
    name, settings, metrics = document["name"], tuple(document["settings"]), tuple(document["metrics"])
    odd = [metric for metric in metrics if metric not in METRICS]
    if odd or not metrics or any((metric in PER_CLASS) != (CLASS in settings) for metric in metrics):
        raise AnalysisError(f"published table {name}: metrics {list(metrics)} do not fit settings {settings}")
    percent = document.get("unit", "percent") == "percent"
    cells: dict[tuple[str, Levels], PublishedCell] = {}
    for row in _rows(document, settings):
        levels, found = _read_row(name, row, settings, metrics, percent=percent, has_sd=document.get("sd", True))
        if any((metric, levels) in cells for metric in metrics):
            raise AnalysisError(f"published table {name}: {row[: len(settings)]} stands twice")
        cells |= {(metric, levels): cell for metric, cell in found.items() if cell is not None}
    return PublishedTable(
        name=name,
        source=document["source"],
        metrics=metrics,
        cohort=document["cohort"],
        split=document["split"],
        settings=settings,
        cells=cells,
        rows=tuple(_free_row(row, metrics, percent) for row in document.get("rows_without_configuration", ())),
        notes=tuple(document.get("notes", ())),
        plans=tuple(document.get("plans", ("image-level", "from-file"))),
        has_sd=document.get("sd", True),
        digits=document.get("digits", 2),
        groups=document.get("groups", "split"),
        samples=document.get("samples"),
        folds=document.get("folds"),
    )


def _rows(document: Mapping[str, Any], settings: Levels) -> list[list[Any]]:
    """The rows of cells, one for each of the levels that stand `across`."""
    rows, across = document.get("cells", ()), document.get("across")
    if across is None:
        return [list(row) for row in rows]
    found = []
    for row in rows:
        levels, values = row[: len(settings) - 1], row[len(settings) - 1 :]
        if len(values) % len(across):
            raise AnalysisError(f"published table {document['name']}: {row} does not run over {', '.join(across)}")
        width = len(values) // len(across)
        found += [[*levels, level, *values[n * width : (n + 1) * width]] for n, level in enumerate(across)]
    return found


def _read_row(
    name: str, row: Sequence[Any], settings: Levels, metrics: Sequence[str], *, percent: bool, has_sd: bool
) -> tuple[Levels, dict[str, PublishedCell | None]]:
    width = 2 if has_sd else 1
    if len(row) != len(settings) + width * len(metrics):
        what = "a mean and an SD" if has_sd else "a mean"
        each = " for each metric" if len(metrics) > 1 else ""
        raise AnalysisError(f"published table {name}: {row} is not {len(settings)} levels, {what}{each}")
    levels, values = tuple(as_level(level) for level in row[: len(settings)]), row[len(settings) :]
    pairs = [values[start : start + width] for start in range(0, len(values), width)]
    return levels, {metric: _cell(pair, metric, percent) for metric, pair in zip(metrics, pairs, strict=True)}


def _free_row(row: Mapping[str, Any], metrics: Sequence[str], percent: bool) -> PublishedRow:
    """Values are means, or lists of mean and SD; a value goes by its metric, else all are of the table's only one."""
    found = {
        name.casefold(): _cell(value if isinstance(value, list) else [value], name if name in metrics else "", percent)
        for name, value in row["values"].items()
    }
    return PublishedRow(row["label"], {name: cell for name, cell in found.items() if cell is not None})


def _cell(pair: Sequence[float | None], metric: str, percent: bool) -> PublishedCell | None:
    """A mean and perhaps an SD in the unit that is kept; None where nothing was printed."""
    value, sd = (*pair, None)[:2]
    scale = COSTS.get(metric, 0.01 if percent else 1.0)
    return None if value is None else PublishedCell(_kept(value, scale), None if sd is None else _kept(sd, scale))


def _kept(printed: float, scale: float) -> float:
    """No digits that were never printed: 82.35 is 0.8235."""
    return round(printed * scale, 6)
