"""One run of a study, from resolved options to finished tables."""

import os
import time
from dataclasses import dataclass

from rich.console import Console

from models.errors import InputError
from searchspace.cluster import connected
from searchspace.dry_run import show_plan
from searchspace.options import Options
from searchspace.preparation import Plan, compute_features, prepare_plan
from searchspace.progress import Display
from searchspace.results import fill_tables, show_results
from searchspace.signals import ended_by_sigterm
from searchspace.tensorboard import TensorBoardLog
from searchspace.workspace import Workspace, open_ledger, open_workspace
from trainables.environment import device_for
from trainables.events import Event
from trainables.executors.inline import run_inline
from trainables.planning import Trial


@dataclass(frozen=True)
class Session:
    """A planned study with a run folder, a display and a TensorBoard log, ready to execute."""

    plan: Plan
    options: Options
    workspace: Workspace
    display: Display
    log: TensorBoardLog

    def execute(self) -> None:
        """Train what the ledger does not have.

        Raises:
            InputError: not even one trial fits the machine or the cluster; nothing was started.
        """
        if not self.plan.open_trials:
            self._begin()
        elif self.options.executor == "inline":
            self._run_inline()
        else:
            self._run_on_cluster()

    def listen(self, trial: Trial, event: Event) -> None:
        """Follow one event of a trial."""
        self.log.handle(trial, event, self.plan.context.ledger)
        self.display.handle(trial, event)

    def _run_inline(self) -> None:
        wanted, cores = self.plan.study.resources.threads, usable_cores()
        if wanted > cores:
            raise InputError(
                f"resources.threads={wanted}: that is more CPUs for a trial than this machine has, {cores}"
            )
        if self.plan.study.resources.gpu and device_for(gpu=True) == "cpu":
            raise InputError(f"resources.gpu={self.plan.study.resources.gpu:g}: torch finds no GPU on this machine")
        self._begin()
        run_inline(self.plan.open_trials, self.plan.context, self.listen, workers=cores)

    def _run_on_cluster(self) -> None:
        resources, trials = self.plan.study.resources, self.plan.open_trials
        self.display.say("starting Ray")
        # Ray takes SIGTERM over when it starts, so it is taken back inside.
        with connected(self.options.address, self.display.say) as cluster, ended_by_sigterm():
            from searchspace.tune_driver import run_warm  # imports Ray, which only this executor needs

            concurrency = cluster.concurrency(resources, len(trials))
            kind = "a private cluster" if cluster.local else "a running cluster"
            self.display.say(f"Ray: {kind}, {cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs; {concurrency} trials at once")
            self._begin()
            for line in run_warm(trials, self.plan.context, self.listen, resources, concurrency, cluster.scratch):
                self.display.warn(f"a trial was given up: {line}")

    def _begin(self) -> None:
        """All is checked and there is room: record the request, show what is done, prepare this node."""
        self.plan.context.ledger.storage.require_writable()
        self.workspace.write_request(self.options.as_request())
        self.log.start()
        open_trials = {trial.identifier for trial in self.plan.open_trials}
        done = [trial for trial in self.plan.trials if trial.identifier not in open_trials]
        run_inline(done, self.plan.context, self.listen, workers=1)
        stages = {name: self.display.stage(name) for name in ("images", "features")}
        compute_features(self.plan, usable_cores(), stages)
        self.display.fits(sum(len(self.plan.open_fits(trial)) for trial in self.plan.trials))


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
        interrupted = _execute(plan, options, workspace, console)
        records = plan.context.ledger.records()
        tables = fill_tables(plan, workspace, records)
        workspace.publish_tensorboard()
        seconds = time.monotonic() - started
        return show_results(plan, tables, records, workspace, console, seconds=seconds, interrupted=interrupted)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _execute(plan: Plan, options: Options, workspace: Workspace, console: Console) -> bool:
    """Train what is left; return whether the user interrupted it."""
    console.print(f"watch: tensorboard --logdir {workspace.tensorboard}", markup=False, highlight=False)
    log = TensorBoardLog(workspace.tensorboard, plan.study.factors)
    try:
        with Display(console) as display:
            Session(plan, options, workspace, display, log).execute()
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
