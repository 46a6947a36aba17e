"""One run of a study, from resolved options to finished tables."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from models.errors import InputError
from searchspace.capacity import usable_cores
from searchspace.confirmation import confirmation, told_again
from searchspace.disk import demand_of, disk_line, lacking_disk, require_disk
from searchspace.dry_run import show_plan
from searchspace.exploration import Exploration, open_exploration
from searchspace.halted import halting
from searchspace.leftovers import remove_leftovers, remove_remains
from searchspace.options import Options
from searchspace.plan import Plan
from searchspace.preparation import prepare_plans
from searchspace.progress import Display
from searchspace.recording import manifest_of
from searchspace.results import report_run, show_results
from searchspace.search_summary import show_search
from searchspace.session import Session
from searchspace.signals import ended_by_sigterm
from searchspace.tensorboard import TensorBoardLog
from searchspace.workspace import Workspace, open_ledger, open_workspace
from trainables.mirror import Mirrors


def run_study(options: Options, console: Console) -> int:
    """Run a study to its end and return the exit code."""
    started = time.monotonic()
    study = options.request.study
    console.print(f"study {study.name}: {study.question}", markup=False, highlight=False)
    with Display(console) as display:
        mirrors = Mirrors(options.request.cache, display.say, display.stage)
        arms = prepare_plans(options.request, open_ledger(options.out, options.ledger), mirrors)
    for line in dict.fromkeys(line for plan in arms for line in told(plan, arms)):
        console.print(line, markup=False, highlight=False)
    for plan in arms:
        options.executor_for(plan)
    if options.replay and arms[0].space is None:
        raise InputError(f"--replay: study {study.name} is no search, so it has no suggestions to run again")
    demand, ledger = demand_of(arms), arms[0].context.ledger
    room = disk_line(demand, options.request.cache, ledger)
    if options.dry_run:
        for plan in arms:
            show_plan(plan, console, usable_cores())
        console.print(room, markup=False, highlight=False, soft_wrap=True)
        if lacking := lacking_disk(demand, options.request.cache, ledger):
            console.print(f"here it would stop: {lacking}", markup=False, highlight=False)
        return 0
    require_disk(demand, options.request.cache, ledger)
    with ended_by_sigterm(), open_workspace(options.out, study.name, options.request.cache) as workspace:
        if removed := remove_leftovers(workspace, ledger):
            console.print(f"removed {removed} checkpoints of fold fits that are done", highlight=False)
        exploration = _open(arms[0], options, workspace)
        console.print(room, markup=False, highlight=False, soft_wrap=True)
        console.print(f"watch: tensorboard --logdir {workspace.tensorboard}", markup=False, highlight=False)
        if exploration is None:
            plans, interrupted = list(arms), _train_arms(arms, options, workspace, console)
        else:
            plans, interrupted = _search(exploration, options, workspace, console)
            with halting():
                show_search(exploration, workspace, console, told_again(exploration, plans[1:]))
        seconds = time.monotonic() - started
        with halting():
            return _finish(plans, options, workspace, console, seconds=seconds, interrupted=interrupted)


def _finish(
    plans: Sequence[Plan],
    options: Options,
    workspace: Workspace,
    console: Console,
    *,
    seconds: float,
    interrupted: bool,
) -> int:
    """Clear up, write the report, print the results and return the exit code."""
    ledger = plans[0].context.ledger
    if not interrupted:
        remove_remains([fit.key for plan in plans for fit in plan.fits], ledger, plans[0].context.session)
    workspace.write_manifest(manifest_of(options.request.study, plans, options.ledger, ended=not interrupted), ledger)
    tables_only = options.tables_only or interrupted  # who interrupts does not wait for figures
    run = report_run(workspace, tables_only=tables_only)
    workspace.publish()
    return show_results(
        plans,
        run,
        workspace,
        console,
        seconds=seconds,
        interrupted=interrupted,
        tables_only=tables_only,
    )


def _train_arms(arms: Sequence[Plan], options: Options, workspace: Workspace, console: Console) -> bool:
    """Train one arm after the other; return whether the user interrupted it."""
    for plan in arms:
        if plan.arm:
            console.print(f"arm {plan.arm}", markup=False, highlight=False)
        if _train(plan, None, arms, options, workspace, console, plan.arm):
            return True
    return False


def _open(plan: Plan, options: Options, workspace: Workspace) -> Exploration | None:
    """Open the search of a study that searches."""
    if plan.space is None:
        return None
    return open_exploration(plan, workspace.storage, workspace.scratch, options.replay)


def _search(
    exploration: Exploration, options: Options, workspace: Workspace, console: Console
) -> tuple[list[Plan], bool]:
    """Search, then train the best again on other folds; return the plans, and whether the user interrupted."""
    if _train(exploration.plan, exploration, [exploration.explored()], options, workspace, console):
        return [exploration.explored()], True
    again = confirmation(exploration)
    if again is None:
        return [exploration.explored()], False
    console.print(f"confirmation: the best {len(again.trials)} again", markup=False, highlight=False)
    plans = [exploration.explored(), again]
    return plans, _train(again, None, plans, options, workspace, console, "confirmation")


def _train(
    plan: Plan,
    exploration: Exploration | None,
    plans: Sequence[Plan],
    options: Options,
    workspace: Workspace,
    console: Console,
    curves: str | Path = "",
) -> bool:
    """Train what is left of a plan, one of all `plans` of the run; return whether the user interrupted it.

    `curves`: the folder of TensorBoard's for its curves.
    """
    manifest = manifest_of(options.request.study, plans, options.ledger)
    log = TensorBoardLog(workspace.tensorboard / curves, plan.factors)
    try:
        with Display(console) as display, halting():
            Session(plan, exploration, manifest, options, workspace, display, log).execute()
    except KeyboardInterrupt:
        return True
    finally:
        log.close()
        if log.lost:
            console.print(f"some curves are missing from TensorBoard: {log.lost}", markup=False, highlight=False)
    return False


def told(plan: Plan, arms: Sequence[Plan]) -> list[str]:
    """Return what a user should know before the run starts; a warning that not all arms share names its own."""
    cohort = plan.context.cohort
    lines = [f"note: {note}" for note in cohort.notes]
    for line in plan.declarations:
        shared = all(line in other.declarations for other in arms)
        lines.append(f"warning: {line}" if shared else f"warning: arm {plan.arm}: {line}")
    lines += [f"left out: {problem.sample}: {problem.what}" for problem in cohort.left_out[:10]]
    if len(cohort.left_out) > 10:
        lines.append(f"left out: {len(cohort.left_out) - 10:,} more; left_out.csv beside the tables names them all")
    damaged = plan.context.ledger.damaged.items()
    return lines + [f"damaged: fold fit {key[:12]}: {reason}; it is trained again" for key, reason in damaged]
