"""The end of a run: from the ledger to finished tables, on disk and on the screen."""

import csv
import io
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from analysis.evaluation import ConfigurationResult, evaluate
from analysis.figures import draw_forest, forest_rows
from analysis.ledger import FitRecord
from analysis.tables import (
    StudyContext,
    Table,
    TableSpecification,
    build_arm_tables,
    build_tables,
    column_titles,
    header_groups,
    render_all,
    study_context,
    text_rows,
)
from searchspace.grid import same_model
from searchspace.plan import Plan
from searchspace.study import Study
from searchspace.workspace import Workspace
from trainables.describe import describe_training
from trainables.recipes import find_recipe

WIDE = 110
"""Columns from which a table prints its intervals beside their numbers."""


def fill_tables(
    plans: Sequence[Plan],
    workspace: Workspace,
    everything: dict[str, FitRecord],
    across: Sequence[TableSpecification] = (),
) -> tuple[Table, ...]:
    """Evaluate every configuration, write the tables and return them; none without fold fits.

    `plans` are the study, or its arms, or a search with the confirmation of its best. `everything` are the records of
    the ledger by key, those of other studies that share it included. `across` are tables over arms; they come first.
    """
    evaluated = [_evaluated(plan, everything) for plan in plans]
    found = list(_tables_across(across, plans, evaluated))
    files = render_all(found)
    for plan, one in zip(plans, evaluated, strict=True):
        tables = build_tables(plan.study.tables, *one) if one else ()
        found += tables
        files |= render_all(tables) | _figures(plan, tables)
    if found:
        workspace.write_tables(files | _left_out(plans))
    return tuple(found)


Evaluated = tuple[list[ConfigurationResult], StudyContext]


def _tables_across(
    across: Sequence[TableSpecification], plans: Sequence[Plan], evaluated: Sequence[Evaluated | None]
) -> tuple[Table, ...]:
    """Build the tables over arms, of the arms that have fold fits."""
    seen = {plan.arm: one for plan, one in zip(plans, evaluated, strict=True) if one}
    if not across or not seen:
        return ()
    results = {arm: one[0] for arm, one in seen.items()}
    return build_arm_tables(across, results, {arm: one[1] for arm, one in seen.items()})


def _evaluated(plan: Plan, everything: dict[str, FitRecord]) -> Evaluated | None:
    """Evaluate every configuration of a plan; None without fold fits."""
    records = {fit.key: everything[fit.key] for fit in plan.fits if fit.key in everything}
    if not records:
        return None
    results = [_evaluate(plan, number, records) for number in range(len(plan.trials))]
    context = study_context(
        study=f"{plan.study.name}, arm {plan.arm}" if plan.arm else plan.study.name,
        question=plan.study.question,
        records=records.values(),
        results=results,
        features=_trained_on(plan),
        factors=plan.factors,
        sample="image" if len(plan.context.cohort.image_names) == 1 else "sample",
        n_configurations=len(_tried(plan, everything.values())),
        declarations=plan.declarations,
        adjusted=adjusted(plan.study),
    )
    return results, context


def adjusted(study: Study) -> tuple[str, ...]:
    """Return the dotted settings that the study or its recipe sets where others have certain values."""
    of_recipe = find_recipe(study.recipe).adjust if study.recipe else ()
    return tuple(dict.fromkeys(name for one in (*of_recipe, *study.adjust) for name in one.set))


def _trained_on(plan: Plan) -> str:
    """Say what the models see, with the metadata fields or the fusion that labels leave out."""
    configurations = [trial.configuration for trial in plan.trials]
    trained, same = describe_training(configurations), same_model(configurations)
    if plan.space is None and same:
        return f"{trained}; all configurations: {same}"
    fields = {name: None for configuration in configurations for name in configuration.metadata.fields}
    return f"{trained}; metadata: {', '.join(fields)}" if plan.arm and fields else trained


def show_results(
    plans: Sequence[Plan],
    tables: tuple[Table, ...],
    everything: dict[str, FitRecord],
    workspace: Workspace,
    console: Console,
    *,
    seconds: float,
    interrupted: bool,
) -> int:
    """Print the first table, where everything lies, and what to do next; return the exit code."""
    if tables:
        _print_table(tables[0], console)
    plan, wanted = plans[0], [fit for each in plans for fit in each.wanted]
    states = {fit.key: everything[fit.key].state for each in plans for fit in each.fits if fit.key in everything}
    done, failed, diverged = (
        sum(state == name for state in states.values()) for name in ("done", "failed", "diverged")
    )
    troubles = "".join(f", {count} {name}" for count, name in ((diverged, "diverged"), (failed, "failed")) if count)
    lines = [
        "",
        f"{done} of {len(wanted)} fold fits done{troubles}; {seconds:.0f} s",
        *([f"tables       {workspace.location}/tables/*.md, .tex, .csv, .svg"] if tables else []),
        *([f"predictions  {plan.context.ledger.storage.location}/predictions/*.parquet"] if done else []),
        f"curves       tensorboard --logdir {workspace.tensorboard}",
        *_next(plan, interrupted, complete=done + diverged == len(wanted), failed=failed),
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False)
    if interrupted:
        return 130
    return 0 if done + (diverged if plan.space else 0) == len(wanted) else 1


def _evaluate(plan: Plan, number: int, records: dict[str, FitRecord]) -> ConfigurationResult:
    trial = plan.trials[number]
    found = [records[fit.key] for fit in trial.fits if fit.key in records]
    ledger = plan.context.ledger
    predictions = {record.key: ledger.predictions(record) for record in found if record.state == "done"}
    planned = [(fit.identity["repeat"], fit.identity["fold"]) for fit in trial.fits]
    dropped = plan.dropped.get(trial.identifier)
    return evaluate(
        trial.identifier, trial.configuration.canonical(), trial.label, planned, found, predictions, dropped=dropped
    )


def _tried(plan: Plan, records: Iterable[FitRecord]) -> set[str]:
    """Return every configuration tried on this cohort and these folds, by other runs on a shared ledger too."""
    context = plan.context
    return {trial.identifier for trial in plan.trials} | {
        record.configuration_id
        for record in records
        if record.cohort.fingerprint == context.cohort.fingerprint and record.folds == context.fold_summary
    }


def _figures(plan: Plan, tables: tuple[Table, ...]) -> dict[str, bytes]:
    """Return a forest plot beside every ablation table, one file for each."""
    names = {name for spec in plan.study.tables if spec.kind == "ablation" for name in spec.file_names(())}
    return {
        f"{table.name}.svg": draw_forest(forest_rows(table), table.title, "percent")
        for table in tables
        if table.name in names
    }


def _left_out(plans: Sequence[Plan]) -> dict[str, bytes]:
    """Return the file that names every sample that was left out, if any was."""
    problems = {(one.sample, one.what): None for plan in plans for one in plan.context.cohort.left_out}
    if not problems:
        return {}
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(["sample", "problem"])
    writer.writerows(problems)
    return {"left_out.csv": rows.getvalue().encode()}


def _next(plan: Plan, interrupted: bool, *, complete: bool, failed: int) -> list[str]:
    if interrupted:
        return ["interrupted; run the same command again to continue"]
    if failed:
        return ["some fold fits failed, for the reasons in the table's notes; the same command tries only those again"]
    if not complete:
        return ["not every fold fit was reached; run the same command again to continue"]
    if plan.study.cohort.name == "phantom":
        return [
            "",
            "next, on real data (HAM10000 as it is downloaded):",
            "  python -m searchspace.run ham10000-screen --data <folder> --weights <file>",
            "without weights: --set backbone.weights=none --set backbone.standardise=true",
        ]
    return []


def _print_table(table: Table, console: Console) -> None:
    """Print a table as text; on a narrow terminal an interval goes under its number."""
    grid = Grid(title=Text(table.title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    groups = [name for name, span in header_groups(table) for _ in range(span)]
    for position, title in enumerate(column_titles(table)):
        heading = f"{groups[position]}\n{title}" if any(groups) else title
        grid.add_column(
            Text(heading), justify="left" if table.columns[position].kind == "text" else "right", no_wrap=True
        )
    for row, cells in zip(text_rows(table), table.rows, strict=True):
        texts = [text.replace(" [", "\n[") for text in row] if console.width < WIDE else row
        grid.add_row(*(Text(text, style="bold" if cell.bold else "") for text, cell in zip(texts, cells, strict=True)))
    console.print(grid)
    for stamp in table.stamps:
        console.print(stamp, style="bold yellow", markup=False, highlight=False)
    for line in (table.caption, *table.notes):
        console.print(line, style="dim", markup=False, highlight=False, soft_wrap=not console.is_terminal)
