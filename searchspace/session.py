"""One run of a study, from resolved options to finished tables."""

import os
import time
from dataclasses import dataclass

from rich.console import Console

from models.errors import InputError
from searchspace.dry_run import show_plan
from searchspace.exploration import Exploration, open_exploration
from searchspace.launch import Launcher
from searchspace.node import prepare_node
from searchspace.options import Options
from searchspace.plan import Plan
from searchspace.preparation import prepare_plan
from searchspace.progress import Display
from searchspace.results import fill_tables, show_results
from searchspace.search_summary import show_search
from searchspace.signals import ended_by_sigterm
from searchspace.tensorboard import TensorBoardLog
from searchspace.workspace import Workspace, open_ledger, open_workspace
from trainables.environment import device_for
from trainables.events import Event
from trainables.executors.inline import run_inline
from trainables.planning import Trial
from trainables.trial import run_trial


@dataclass(frozen=True)
class Session:
    """A planned study with a run folder, a display and a TensorBoard log, ready to execute.

    `exploration` is the search of a study that searches, None for a grid.
    """

    plan: Plan
    exploration: Exploration | None
    options: Options
    workspace: Workspace
    display: Display
    log: TensorBoardLog

    def execute(self) -> None:
        """Train what the ledger does not have.

        Raises:
            InputError: not even one trial fits the machine or the cluster; nothing was started.
        """
        if self.exploration is None and not self.plan.open_trials:
            self._begin()
        elif self.options.executor_for(self.plan) == "inline":
            self._run_inline()
        else:
            Launcher(self.options, self.display.say, self.display.warn).run(
                self.plan, self.exploration, self.listen, self._begin
            )

    def listen(self, trial: Trial, event: Event) -> None:
        """Follow one event of a trial."""
        self.log.handle(trial, event, self.plan.context.ledger)
        self.display.handle(trial, event)

    def _run_inline(self) -> None:
        wanted, cores = self.plan.study.resources, usable_cores()
        if wanted.threads > cores:
            raise InputError(
                f"resources.threads={wanted.threads}: that is more CPUs for a trial than this machine has, {cores}"
            )
        if wanted.gpu and device_for(gpu=True) == "cpu":
            raise InputError(f"resources.gpu={wanted.gpu:g}: torch finds no GPU on this machine")
        self._begin()
        if self.exploration is None:
            run_inline(self.plan.open_trials, self.plan.context, self.listen, workers=cores)
        else:
            self._explore_inline(self.exploration, cores)

    def _explore_inline(self, exploration: Exploration, cores: int) -> None:
        proposer, judge = exploration.proposer, exploration.judge
        while (proposal := proposer.ask()) is not None:
            for event in run_trial(proposal.trial, self.plan.context, workers=cores, judge=judge):
                proposer.hear(proposal.number, event)
                self.listen(proposal.trial, event)
            proposer.tell(proposal.number)

    def _begin(self) -> None:
        """All is checked and there is room: record the request, show what is done, prepare this node."""
        self.plan.context.ledger.storage.require_writable()
        self.workspace.write_request(self.options.as_request())
        self.log.start()
        fits = self._show_what_is_done()
        stages = {name: self.display.stage(name) for name in ("images", "features")}
        if self.plan.to_prepare and fits:
            prepare_node(self.plan.context, self.plan.to_prepare, usable_cores(), stages)
        self.display.fits(fits)

    def _show_what_is_done(self) -> int:
        """Show the trials that need no training, and return how many fold fits there are at most to train."""
        if self.exploration is None:
            open_trials = {trial.identifier for trial in self.plan.open_trials}
            done = [trial for trial in self.plan.trials if trial.identifier not in open_trials]
            run_inline(done, self.plan.context, self.listen, workers=1)
            return sum(len(self.plan.open_fits(trial)) for trial in self.plan.trials)
        told = self.exploration.told()
        for trial, events in told:
            for event in events:
                self.listen(trial, event)
        return self.exploration.folds * max(1, self.exploration.most_trials - len(told))


def run_session(options: Options, console: Console) -> int:
    """Run a study to its end and return the exit code."""
    started = time.monotonic()
    study = options.request.study
    console.print(f"study {study.name}: {study.question}", markup=False, highlight=False)
    plan = prepare_plan(options.request, open_ledger(options.out, options.ledger))
    _tell(plan, console)
    if options.dry_run:
        show_plan(plan, console, usable_cores())
        return 0
    with ended_by_sigterm(), open_workspace(options.out, study.name, options.request.cache) as workspace:
        exploration = None
        if plan.space is not None:
            exploration = open_exploration(plan, workspace.storage, workspace.scratch, options.replay)
        interrupted = _execute(plan, exploration, options, workspace, console)
        plan = plan if exploration is None else exploration.explored()
        records = plan.context.ledger.records()
        tables = fill_tables(plan, workspace, records)
        if exploration is not None:
            show_search(exploration, workspace, console)
        workspace.publish()
        seconds = time.monotonic() - started
        return show_results(plan, tables, records, workspace, console, seconds=seconds, interrupted=interrupted)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _execute(
    plan: Plan, exploration: Exploration | None, options: Options, workspace: Workspace, console: Console
) -> bool:
    """Train what is left; return whether the user interrupted it."""
    console.print(f"watch: tensorboard --logdir {workspace.tensorboard}", markup=False, highlight=False)
    log = TensorBoardLog(workspace.tensorboard, plan.factors)
    try:
        with Display(console) as display:
            Session(plan, exploration, options, workspace, display, log).execute()
    except KeyboardInterrupt:
        return True
    finally:
        log.close()
    return False


def _tell(plan: Plan, console: Console) -> None:
    """Say what a user should know before the run starts."""
    cohort = plan.context.cohort
    lines = [f"note: {note}" for note in cohort.notes]
    lines += [f"left out: {problem.sample}: {problem.what}" for problem in cohort.left_out[:10]]
    if len(cohort.left_out) > 10:
        lines.append(f"left out: {len(cohort.left_out) - 10:,} more; left_out.csv beside the tables names them all")
    damaged = plan.context.ledger.damaged.items()
    lines += [f"damaged: fold fit {key[:12]}: {reason}; it is trained again" for key, reason in damaged]
    for line in lines:
        console.print(line, markup=False, highlight=False)
