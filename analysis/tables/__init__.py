"""Tables: from evaluated configurations to `Table`s and from those to files.

results = [evaluate(...) for each configuration]        # analysis.evaluation
context = study_context(study=..., question=..., records=records, results=results)
tables = build_tables(study.tables, results, context)
files = render_all(tables)                              # {"subsets_mcr.md": bytes, ...}

Tables of kind `arms` stand across the arms of a study; `build_arm_tables` builds them from the results of all arms.
"""

import contextlib
from collections.abc import Callable, Sequence

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.tables import (
    ablation,
    comparisons,
    cost,
    effects,
    heads,
    leaderboard,
    per_class,
    per_target,
    ranking,
    scores,
)
from analysis.tables.arms import build_arm_tables, check_arm_tables
from analysis.tables.context import CohortCounts, FoldPlan, StudyContext, study_context
from analysis.tables.contrasts import chosen, references
from analysis.tables.formatting import cell_text, column_titles, header_groups, text_rows
from analysis.tables.grid import lay_out
from analysis.tables.resampled import with_bootstrap
from analysis.tables.specification import PER_CLASS, TableSpecification
from analysis.tables.table import Cell, Column, Table
from analysis.tables.write import render_all

Builder = Callable[[TableSpecification, Sequence[ConfigurationResult], StudyContext], tuple[Table, ...]]

KINDS: dict[str, Builder] = {
    "ablation": ablation.build,
    **dict.fromkeys(PER_CLASS, per_class.build),
    "comparisons": comparisons.build,
    "leaderboard": leaderboard.build,
    "ranking": ranking.build,
    "effects": effects.build,
    "scores": scores.build,
    "cost": cost.build,
    "per-target": per_target.build,
    "heads": heads.build,
}
"""The kinds of table of one study; `arms` tables stand across several (`build_arm_tables`)."""


def build_tables(
    specifications: Sequence[TableSpecification], results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return the tables of a study, in order; a specification may give several (one per metric or target).

    Tables of kind arms are passed over.

    Raises:
        AnalysisError: a specification that does not fit the configurations.
    """
    return tuple(
        with_bootstrap(table, results, context)
        for specification in specifications
        if specification.kind != "arms"
        for table in KINDS[specification.kind](specification, results, context)
    )


RESERVED = ("left_out", "search_summary", "confirmation_mcr", "confirmation_auc")
"""File names that a run uses itself."""


def check_tables(
    specifications: Sequence[TableSpecification],
    results: Sequence[ConfigurationResult],
    targets: Sequence[str],
    *,
    search: bool = False,
) -> None:
    """Lay every table out without looking at a score, so that a mistake is found before anything is trained.

    Tables of kind arms are passed over; `check_arm_tables` looks at them.

    Args:
        specifications: the tables of the study.
        results: its configurations, not evaluated; of a search, which finds its own, none are needed.
        targets: those of the cohort.
        search: only tables are possible that do not ask for certain configurations.

    Raises:
        AnalysisError: a specification that does not fit the configurations, or two tables of one name.
    """
    specifications = [specification for specification in specifications if specification.kind != "arms"]
    names = [name.lower() for specification in specifications for name in specification.file_names(targets)]
    if twice := sorted({name for name in names if names.count(name) > 1 or name in RESERVED}):
        raise AnalysisError(f"tables: two tables would write {twice[0]}.md; give each a name of its own")
    for specification in specifications:
        if search:
            _check_search(specification)
        elif specification.kind != "leaderboard":
            kept = chosen(specification, results)
            references(specification, kept)
            if specification.kind == "ablation":
                lay_out(specification, kept)
            elif specification.kind == "effects":
                with contextlib.suppress(
                    effects.NoFullGrid
                ):  # the table says so; a study may be cut down for a first try
                    effects.full_grid(specification, kept)
            elif specification.kind == "heads":
                heads.check_heads(specification, kept)


def _check_search(specification: TableSpecification) -> None:
    """A search may find one configuration of a setting or many, and drop any: no cell and no reference is certain."""
    where = f"table {specification.name}: this study searches, its configurations are not known beforehand;"
    if specification.kind in ("ablation", "comparisons", "effects", "heads"):
        raise AnalysisError(f"{where} kind {specification.kind} needs a grid, use leaderboard or per-class-recall")
    if named := [name for name in ("rows", "where", "reference") if getattr(specification, name)]:
        raise AnalysisError(f"{where} leave {named[0]} out")


__all__ = [
    "KINDS",
    "Cell",
    "CohortCounts",
    "Column",
    "FoldPlan",
    "StudyContext",
    "Table",
    "TableSpecification",
    "build_arm_tables",
    "build_tables",
    "cell_text",
    "check_arm_tables",
    "check_tables",
    "column_titles",
    "header_groups",
    "render_all",
    "study_context",
    "text_rows",
]
