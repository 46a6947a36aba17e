"""Figures of a paper beside ours: the cells, the stamp where they measure something else, and the notes.

A figure stands beside a configuration with the same canonical settings, else there is a dash; a printed row without a
configuration of ours stands in a row of its own. Figures are stamped where they come from another cohort, or from folds
that were cut in another way: then the two do not measure the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analysis.evaluation import ConfigurationResult
from analysis.published import CLASS, COSTS, TARGET, PublishedCell, PublishedTable, published_table
from analysis.published.cells import as_level
from analysis.tables.context import StudyContext
from analysis.tables.dimensions import flat
from analysis.tables.published_difference import AgainstPublished, difference_fields
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell

SPLITS_SAMPLES = ("image-level", "from-file")
"""Plans that do as papers do which cut by image, if siblings really stand on both sides."""
NAMED = 3
"""Levels that a note names; more are counted."""
SAME_SIZE = 0.05
"""Share of the samples that may be missing, as rows with gaps are, before the data count as others."""


@dataclass(frozen=True)
class Published:
    """A published table beside a study; `stamp` is empty, `different split` or `different data`.

    `metrics` are those of its metrics that are shown. A `part` is a class or a target, where the table goes by one.
    """

    table: PublishedTable
    metrics: tuple[str, ...]
    stamp: str
    cohort: str
    plan: str
    group: str
    n_samples: int
    against: AgainstPublished

    @property
    def heading(self) -> str:
        """What stands at the head of a row of figures: `published, different split`."""
        return f"published, {self.stamp}" if self.stamp else "published"

    @property
    def digits(self) -> int:
        """The decimals of its percentages."""
        return self.table.digits

    def figure(
        self, result: ConfigurationResult, part: str | None = None, metric: str | None = None
    ) -> PublishedCell | None:
        """Return what the paper printed for a configuration, or for one class or target of it."""
        return self.table.cell(flat(result.configuration), part, metric or self.metrics[0])

    def cell(self, result: ConfigurationResult, part: str | None = None, metric: str | None = None) -> Cell:
        """Return the figure as a cell, a dash where there is none; a sign where it lies apart from ours."""
        name = metric or self.metrics[0]
        figure = self.figure(result, part, name)
        return replace(self._cell(figure, name), marks=self.against.mark(self.against.test(result, figure, part, name)))

    def beside(self, results: Sequence[ConfigurationResult]) -> "Published | None":
        """Return itself, or None where a column would hold dashes only: no configuration and no row stands in it."""
        printed = (self.figure(result, metric=metric) for result in results for metric in self.metrics)
        return self if self.table.rows or any(printed) else None

    def row(self, result: ConfigurationResult, parts: Sequence[str]) -> tuple[tuple[Cell, ...], ...]:
        """Return the figures of a configuration by class or target as a row under it, or no row where none is."""
        figures = [self.figure(result, part) for part in parts]
        return (
            ((Cell(text=self.heading), *(self._cell(one, self.metrics[0]) for one in figures)),) if any(figures) else ()
        )

    def free_rows(self, keys: Sequence[str | None]) -> tuple[tuple[Cell, ...], ...]:
        """Return the printed rows that have no configuration; `keys` name the value of each column, None: nothing."""
        return tuple(
            (
                Cell(text=f"{row.label} ({self.heading})"),
                *(self._cell(row.values.get(key.casefold()), key) if key else Cell(text="") for key in keys),
            )
            for row in self.table.rows
        )

    def _cell(self, figure: PublishedCell | None, metric: str) -> Cell:
        """Costs in the unit and with the digits that they were printed in, scores as fractions."""
        if figure is None:
            return MISSING
        if metric in COSTS:
            value = figure.value / COSTS[metric]
            return Cell(value, digits=0 if value == round(value) else 1)
        return Cell(figure.value, spread=figure.sd, digits=self.digits)

    def free_records(self) -> tuple[Mapping[str, Any], ...]:
        """Return the printed rows that have no configuration for the long CSV, one for each value."""
        by_metric = set(self.table.metrics) | set(COSTS)
        return tuple(
            {
                "label": row.label,
                "metric": key if key in by_metric else self.metrics[0],
                **({} if key in by_metric else {"target": key}),
                "is_reference": False,
                **self._fields(value),
                **difference_fields(None),
            }
            for row in self.table.rows
            for key, value in row.values.items()
        )

    def fields(self, result: ConfigurationResult, part: str | None = None, metric: str | None = None) -> dict[str, Any]:
        """Return the fields of the long CSV, scores as fractions, with ours minus published where that is possible."""
        name = metric or self.metrics[0]
        figure = self.figure(result, part, name)
        return self._fields(figure) | difference_fields(self.against.test(result, figure, part, name))

    def _fields(self, figure: PublishedCell | None) -> dict[str, Any]:
        return {
            "published": figure.value if figure else None,
            "published_sd": figure.sd if figure else None,
            "published_table": self.table.name,
            "published_stamp": self.stamp or None,
        }

    def notes(self, results: Sequence[ConfigurationResult], parts: Sequence[str | None] = (None,)) -> tuple[str, ...]:
        """Return source and footnotes; `parts` are the classes or targets of a table that goes by them."""
        printed = [
            any(self.figure(result, part, metric) for part in parts for metric in self.metrics) for result in results
        ]
        spread = "mean ± SD over folds, as printed" if self.table.has_sd else "as printed, without SD"
        training = f", from the paper's own training on {self.table.split}" if self.table.split else ""
        nowhere = self._nowhere(results) if self.table.cells and not any(printed) else ""
        if nowhere and not self.table.rows:
            return (f"Not shown beside: {self.table.source}.{nowhere}",)
        return (
            f"Published: {self.table.source}; {spread}{training}.{nowhere}",
            *self._stamp_note(),
            *self.against.note(
                [
                    self.against.test(result, self.figure(result, part, metric), part, metric)
                    for result in results
                    for part in parts
                    for metric in self.metrics
                ]
            ),
            *(["–: the paper prints no figure for this configuration."] if any(printed) and not all(printed) else []),
            *self.table.notes,
        )

    def _nowhere(self, results: Sequence[ConfigurationResult]) -> str:
        """Name the settings of which no level is printed, with the levels of both."""
        names = [name for name in self.table.settings if name not in (CLASS, TARGET)]
        found = []
        for place, name in enumerate(names):
            theirs = dict.fromkeys(levels[place] for _, levels in self.table.cells)
            ours = dict.fromkeys(as_level(flat(result.configuration).get(name)) for result in results)
            if not set(theirs) & set(ours):
                found.append(f"{name} is {_listed(ours)} here and {_listed(theirs)} there")
        why = "; ".join(found) or f"no combination of {', '.join(names)} is the same"
        return f" No configuration here is in it: {why}."

    def _stamp_note(self) -> tuple[str, ...]:
        if self.stamp == "different data":
            theirs, ours = self.table.cohort, self.cohort
            if theirs == ours:
                theirs, ours = f"{self.table.samples:,} evaluated samples", f"{self.n_samples:,}"
            return (f"Different data: the published figures are of {theirs}, ours of {ours}.",)
        if self.stamp == "different split" and set(self.table.plans) & set(SPLITS_SAMPLES):
            return (
                f"Different split: the folds here are {self.plan}. The published figures, from folds that "
                f"{self.table.groups} {self.group}s, may be optimistic for new {self.group}s; they are no target here.",
            )
        if self.stamp == "different split":
            return (f"Different split: the folds here are {self.plan}, the published figures are of another split.",)
        return ()


def _listed(levels: Iterable[Any]) -> str:
    """Return levels as a note says them, the first few."""
    texts = [" + ".join(one) if isinstance(one, tuple) else "not set" if one is None else str(one) for one in levels]
    more = f" and {len(texts) - NAMED} more" if len(texts) > NAMED else ""
    return ", ".join(texts[:NAMED]) + more


def published_beside(
    specification: TableSpecification, context: StudyContext, metrics: Sequence[str]
) -> Published | None:
    """Return what stands beside a table of these metrics (`recall` and `class_f1` too), or None where nothing does."""
    if specification.published is None:
        return None
    table = published_table(specification.published)
    shown = tuple(metric for metric in metrics if metric in table.metrics)
    if not shown:
        return None
    cohort = context.cohort
    stamp = _stamp(table, context)
    against = AgainstPublished(table, specification.target, specification.alpha)
    return Published(table, shown, stamp, cohort.name, context.folds.plan, cohort.group, cohort.n_samples, against)


def _stamp(table: PublishedTable, context: StudyContext) -> str:
    if not table.split:  # nothing was trained: sizes of networks
        return ""
    samples = context.cohort.n_samples
    another_size = table.samples is not None and abs(samples - table.samples) > SAME_SIZE * table.samples
    if context.cohort.name != table.cohort or another_size:
        return "different data"
    plan = context.folds.plan
    same = plan in table.plans and (plan not in SPLITS_SAMPLES or context.leak_share > 0)
    return "" if same else "different split"
