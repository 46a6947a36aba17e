"""The end of a run: from the ledger to finished tables, on disk and on the screen."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from analysis.ledger.storage import Storage
from analysis.loading import load_run
from analysis.report import PAGE, report_files, table_files, write_report
from analysis.resampling import REPLICATES
from analysis.run import Run
from analysis.tables import Table, column_titles, header_groups, text_rows
from searchspace.plan import Plan
from searchspace.workspace import Workspace

WIDE = 110
"""Columns from which a table prints its intervals beside their numbers."""


def report_run(workspace: Workspace, *, tables_only: bool) -> Run:
    """Evaluate every configuration of a finished run, write its report, or its tables alone, and return it."""
    run = load_run(workspace.location, replicates=REPLICATES)
    if run.tables:
        write_report(table_files(run) if tables_only else report_files(run), workspace.storage)
    return run


def show_results(
    plans: Sequence[Plan],
    run: Run,
    workspace: Workspace,
    console: Console,
    *,
    seconds: float,
    interrupted: bool,
    tables_only: bool,
) -> int:
    """Print the first table, where everything lies, and what to do next; return the exit code."""
    if run.tables:
        _print_table(run.tables[0], console)
    plan, wanted = plans[0], [fit for each in plans for fit in each.wanted]
    states = {key: record.state for part in run.parts for key, record in part.records.items()}
    done, failed, diverged = (
        sum(state == name for state in states.values()) for name in ("done", "failed", "diverged")
    )
    troubles = "".join(f", {count} {name}" for count, name in ((diverged, "diverged"), (failed, "failed")) if count)
    lines = [
        "",
        f"{done} of {len(wanted)} fold fits done{troubles}; {seconds:.0f} s",
        *_written(run, workspace, tables_only=tables_only),
        *([f"predictions  {_inside(plan.context.ledger.storage, 'predictions/*.parquet')}"] if done else []),
        f"curves       tensorboard --logdir {workspace.tensorboard}",
        *_next(plan, interrupted, complete=done + diverged == len(wanted), failed=failed),
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False)
    if interrupted:
        return 130
    return 0 if done + (diverged if plan.space else 0) == len(wanted) else 1


def _written(run: Run, workspace: Workspace, *, tables_only: bool) -> list[str]:
    if not run.tables:
        return []
    page = [] if tables_only else [f"report       {_inside(workspace.storage, PAGE)}"]
    return [*page, f"tables       {_inside(workspace.storage, 'tables/*.md')}, .tex, .csv, .html, .json"]


def _inside(storage: Storage, name: str) -> str:
    """Return where a file lies, as people read it: of a URI without its query."""
    place = storage.location if storage.local is not None else storage.location.partition("?")[0]
    return f"{place.rstrip('/')}/{name}"


def _next(plan: Plan, interrupted: bool, *, complete: bool, failed: int) -> list[str]:
    if interrupted:
        return ["interrupted; run the same command again to continue"]
    if failed:
        again = (
            "the same command tries only those again" if plan.space is None else "the search has dropped their trials"
        )
        return [f"some fold fits failed, for the reasons in the table's notes; {again}"]
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
