"""Figures of a paper beside ours: the cells, the stamp where they measure something else, and the notes.

A figure stands beside a configuration with the same canonical settings, else there is a dash. It is stamped where it
comes from another cohort, or from folds that split lesions while ours do not: then the two do not measure the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.evaluation import ConfigurationResult
from analysis.predictions import PLANS_THAT_SPLIT_GROUPS
from analysis.published import PublishedCell, PublishedTable, published_table
from analysis.tables.context import StudyContext
from analysis.tables.dimensions import flat
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell

DIGITS = 2
"""Decimals of the percentages that the papers print."""


@dataclass(frozen=True)
class Published:
    """A published table beside a study; `stamp` is empty, `different split` or `different data`."""

    table: PublishedTable
    stamp: str
    cohort: str
    plan: str
    group: str

    def figure(self, result: ConfigurationResult, class_name: str | None = None) -> PublishedCell | None:
        """Return what the paper printed for a configuration, or for one class of it."""
        return self.table.cell(flat(result.configuration), class_name)

    def cell(self, result: ConfigurationResult, class_name: str | None = None) -> Cell:
        """Return the figure as a cell, a dash where there is none."""
        figure = self.figure(result, class_name)
        return MISSING if figure is None else Cell(figure.value, spread=figure.sd)

    def fields(self, result: ConfigurationResult, class_name: str | None = None) -> dict[str, Any]:
        """Return the fields of the long CSV, as fractions."""
        figure = self.figure(result, class_name)
        return {
            "published": figure.value if figure else None,
            "published_sd": figure.sd if figure else None,
            "published_table": self.table.name,
            "published_stamp": self.stamp or None,
        }

    def notes(self, results: Sequence[ConfigurationResult], classes: Sequence[str | None] = (None,)) -> tuple[str, ...]:
        """Return source and footnotes; `classes` are those of a table of recalls."""
        printed = [any(self.figure(result, name) for name in classes) for result in results]
        return (
            f"Published: {self.table.source}; mean ± SD over folds, as printed, from the paper's own training on "
            f"{self.table.split}.{'' if any(printed) else ' No configuration here is in it.'}",
            *self._stamp_note(),
            *(["–: the paper prints no figure for this configuration."] if any(printed) and not all(printed) else []),
            *self.table.notes,
        )

    def _stamp_note(self) -> tuple[str, ...]:
        if self.stamp == "different data":
            return (f"Different data: the published figures are of {self.table.cohort}, ours of {self.cohort}.",)
        if self.stamp == "different split":
            return (
                f"Different split: the folds here are {self.plan}. The published figures, from folds that split "
                f"{self.group}s, are optimistic for new {self.group}s and no target for ours.",
            )
        return ()


def published_beside(specification: TableSpecification, context: StudyContext, metric: str) -> Published | None:
    """Return what stands beside a table of `metric` (mcr, auc or recall), or None where nothing does."""
    if specification.published is None:
        return None
    table = published_table(specification.published)
    if table.metric != metric:
        return None
    splits_groups = context.folds.plan in PLANS_THAT_SPLIT_GROUPS and context.leak_share > 0
    stamp = "" if splits_groups else "different split"
    if context.cohort.name != table.cohort:
        stamp = "different data"
    return Published(table, stamp, context.cohort.name, context.folds.plan, context.cohort.group)
