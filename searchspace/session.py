"""One run of a study, from the command's options to finished tables."""

import argparse
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from rich.console import Console

from models.errors import InputError
from searchspace.cluster import connected
from searchspace.dry_run import show_plan
from searchspace.preparation import Plan, Request, compute_features, prepare_plan
from searchspace.progress import Display
from searchspace.results import fill_tables, show_results
from searchspace.study import read_study, validate_study
from searchspace.tensorboard import TensorBoardLog
from searchspace.workspace import Workspace, open_ledger, open_workspace, read_request
from trainables.events import Event
from trainables.executors.inline import Listener, run_inline
from trainables.node_cache import default_cache
from trainables.planning import Trial


@dataclass(frozen=True)
class Options:
    """What the user asked for, with paths made absolute."""

    request: Request
    out: str
    ledger: str | None
    executor: str
    address: str | None
    dry_run: bool

    @classmethod
    def of(cls, given: argparse.Namespace, working_directory: Path) -> "Options":
        """Resolve the command line against the working directory; with --resume, against the run's own request.

        Raises:
            InputError: an unknown study, a path that is not there, or settings that cannot be used.
        """
        out = _location(given.out, working_directory)
        earlier: dict[str, Any] = {}
        if given.resume:
            name = given.study or "quickstart"
            out = out or str(working_directory / "runs" / name)
            earlier = read_request(out)
            if given.set:
                raise InputError("--resume continues the run as it was asked for; to change settings, leave --resume out")
            study = validate_study(earlier["study"])
            if given.study and given.study != study.name and not given.study.endswith((".yaml", ".yml")):
                raise InputError(f"--resume: {out} holds a run of study {study.name!r}, not {given.study!r}")
        else:
            study = read_study(given.study or "quickstart", tuple(given.set), working_directory)
        request = Request(
            study=study,
            data=_path(given.data or earlier.get("data"), "--data", working_directory),
            weights=_path(given.weights or earlier.get("weights"), "--weights", working_directory),
            skip_bad=given.skip_bad or earlier.get("skip_bad", False),
            cache=default_cache(),
            device="cuda" if study.resources.gpu and torch.cuda.is_available() else "cpu",
        )
        return cls(
            request=request,
            out=out or str(working_directory / "runs" / study.name),
            ledger=_location(given.ledger or earlier.get("ledger"), working_directory),
            executor=given.executor or earlier.get("executor", "warm"),
            address=given.address or earlier.get("address"),
            dry_run=given.dry_run,
        )

    def as_request(self) -> dict[str, Any]:
        """Return the plain JSON that `--resume` reads back."""
        request = self.request
        return {
            "study": request.study.model_dump(mode="json"),
            "data": str(request.data) if request.data else None,
            "weights": str(request.weights) if request.weights else None,
            "skip_bad": request.skip_bad,
            "ledger": self.ledger,
            "executor": self.executor,
            "address": self.address,
        }


def run_session(options: Options, console: Console) -> int:
    """Run a study to its end and return the exit code."""
    started = time.monotonic()
    study = options.request.study
    console.print(f"study {study.name}: {study.question}", markup=False, highlight=False)
    plan = prepare_plan(options.request, open_ledger(options.out, options.ledger))
    _tell(plan, console)
    if options.dry_run:
        show_plan(plan, console, _cores())
        return 0
    with _terminable(), open_workspace(options.out, study.name, options.request.cache) as workspace:
        workspace.write_request(options.as_request())
        interrupted = _execute(plan, options, workspace, console)
        tables = fill_tables(plan, workspace)
        workspace.publish_tensorboard()
        return show_results(plan, tables, workspace, console, seconds=time.monotonic() - started, interrupted=interrupted)


def _execute(plan: Plan, options: Options, workspace: Workspace, console: Console) -> bool:
    """Train what is left; return whether the user interrupted it."""
    log = TensorBoardLog(workspace.tensorboard, plan.study.factors)
    console.print(f"watch: tensorboard --logdir {workspace.tensorboard}", markup=False, highlight=False)
    try:
        with Display(console) as display:

            def listen(trial: Trial, event: Event) -> None:
                log.handle(trial, event, plan.context.ledger)
                display.handle(trial, event)

            _replay(plan, listen)
            if plan.open_trials:
                run = _run_inline if options.executor == "inline" else _run_on_cluster
                run(plan, options, display, listen)
    except KeyboardInterrupt:
        return True
    finally:
        log.close()
    return False


def _run_inline(plan: Plan, options: Options, display: Display, listen: Listener) -> None:
    wanted = plan.study.resources.threads
    if wanted > _cores():
        raise InputError(f"resources.threads={wanted}: a trial wants {wanted} CPUs, this machine has {_cores()}")
    _start(plan, display)
    run_inline(plan.open_trials, plan.context, listen, workers=_cores())


def _run_on_cluster(plan: Plan, options: Options, display: Display, listen: Listener) -> None:
    resources = plan.study.resources
    with connected(options.address) as cluster:
        from searchspace.tune_driver import run_warm  # imports Ray, which only this executor needs

        concurrency = cluster.concurrency(resources, len(plan.open_trials))
        _start(plan, display)
        for line in run_warm(plan.open_trials, plan.context, listen, resources, concurrency):
            display.warn(f"a trial was given up: {line}")


def _start(plan: Plan, display: Display) -> None:
    compute_features(plan, _cores(), {name: display.stage(name) for name in ("images", "features")})
    display.fits(sum(len(plan.open_fits(trial)) for trial in plan.trials))


def _replay(plan: Plan, listen: Listener) -> None:
    """Tell the listeners of the trials that are complete in the ledger and will not run at all."""
    open_trials = {trial.identifier for trial in plan.open_trials}
    for trial in plan.trials:
        if trial.identifier not in open_trials:
            run_inline([trial], plan.context, listen, workers=1)


def _tell(plan: Plan, console: Console) -> None:
    cohort = plan.context.cohort
    for note in cohort.notes:
        console.print(f"note: {note}", markup=False, highlight=False)
    for problem in cohort.left_out[:10]:
        console.print(f"left out: {problem.sample}: {problem.what}", markup=False, highlight=False)
    if len(cohort.left_out) > 10:
        console.print(f"left out: {len(cohort.left_out) - 10} more; all are named in the report", markup=False, highlight=False)
    for key, reason in plan.context.ledger.damaged.items():
        console.print(f"damaged: fold fit {key[:12]}: {reason}; it is trained again", style="yellow", markup=False, highlight=False)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a polite kill end the run as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _location(given: str | None, working_directory: Path) -> str | None:
    if given is None or "://" in given:
        return given
    return str((working_directory / Path(given).expanduser()).absolute())


def _path(given: str | None, option: str, working_directory: Path) -> Path | None:
    if given is None:
        return None
    path = (working_directory / Path(given).expanduser()).absolute()
    if not path.exists():
        raise InputError(f"{option} {given}: there is no such file or folder")
    return path


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
