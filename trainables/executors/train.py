"""The executor `train`: every trial is a Tune driver that launches one Ray Train run, its ranks sharing out the folds.

The driver holds a sliver of the head node and no CPU or GPU, so drivers can never starve the workers they wait for.
Ranks train different fold fits, or all of them one fold fit together (`Parcel.together`). A dropped trial is not
killed, its ranks return: a killed run leaves its placement group to a cleaner that asks the dashboard.

Ray's TuneReportCallback forwards rank 0 only, and its queue blocks for ever when Tune is slow to take the last result
(`_TrainSession._get_result_from_queues` puts it where the end mark already stands): `Forward` hands all ranks' reports
over through a queue that the driver itself empties. torch and timm are imported where they are used, by the ranks.
"""

import concurrent.futures
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ray
from ray import train, tune
from ray.train import UserCallback
from ray.util.queue import Empty, Queue

from trainables.events import Judge, to_report
from trainables.executors.endings import DIED
from trainables.executors.parcel import Parcel

POLL_SECONDS = "0.05"
"""How often Train's controller takes a report; Ray's default of 2 s would let every tick wait as long."""
QUEUE_SECONDS = 0.2
GROUP_TIMEOUT_SECONDS = 7 * 24 * 3600
"""A rank may wait for the longest epoch of another; one that died is noticed by its closed connection, at once."""
RESTARTS = 3
"""How often Train starts the ranks again when one died; they go on from the ledger and the checkpoints in it."""
DRIVER_RESOURCES = {"cpu": 0, "node:__internal_head__": 0.001}


@dataclass(frozen=True)
class NestedRun:
    """What all drivers of a study share.

    `context` refers to the TrialContext in the object store, which only ranks fetch. A rank takes `threads` CPUs,
    `memory` bytes (0: not counted) and, if its parcel trains on a GPU, `gpu` of one. `storage` is where Train keeps its
    own state while it runs.
    """

    context: Any
    threads: int
    gpu: float
    memory: int
    storage: str
    judge: Judge | None = None


def drive_trial(config: dict[str, Any], run: NestedRun) -> None:
    """Run the trial in `config["trial"]`, a Parcel, and report its events to Tune: the driver function of the executor.

    Ranks that died too often are reported as `{"died": reason}` and not raised: what is left is handed out again.
    """
    parcel: Parcel = config["trial"]
    if not parcel.open:
        _report_known(parcel, run)
        return
    reports = Queue(actor_options={"num_cpus": 0})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        fitting = pool.submit(_trainer(parcel, run, reports).fit)
        for report in _received(reports, fitting):
            tune.report(report)
    reports.shutdown()
    error = fitting.exception()
    if isinstance(error, train.TrainingFailedError):
        tune.report({**to_report([]), DIED: " ".join(str(error).split())[-300:]})
    elif error is not None:
        raise error


def run_rank(config: dict[str, Any]) -> None:
    """Train one rank's share of a trial; Train's function, one process each."""
    from trainables.executors.notice import Notice
    from trainables.executors.ranks import train_share
    from trainables.parallel import Parallel

    run: NestedRun = config["run"]
    here = train.get_context()
    own = Parallel(here.get_world_rank(), here.get_world_size())
    train_share(config["parcel"], ray.get(run.context), own, run.judge, train.report, Notice())


class Forward(UserCallback):
    """Gathers what all ranks reported in a tick and hands it to the driver; lives in Train's controller."""

    def __init__(self, reports: Queue) -> None:
        self._reports = reports

    def after_report(self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Any) -> None:
        """Called by Train with one report of each rank."""
        del run_context, checkpoint
        gathered = gather_reports(metrics)
        if gathered["events"] or len(gathered) > 1:
            self._reports.put(gathered)


def gather_reports(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the reports of all ranks as one, the events of rank 0 first; of several reasons to end, the first one."""
    events = {"events": [event for report in reports for event in report["events"]]}
    reasons = [{name: why for name, why in report.items() if name != "events"} for report in reports]
    return {**events, **next((why for why in reasons if why), {})}


def _trainer(parcel: Parcel, run: NestedRun, reports: Queue) -> Any:
    from ray.train.torch import TorchConfig, TorchTrainer

    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", POLL_SECONDS)
    gpu = run.gpu if parcel.on_gpu else 0.0
    wanted = {"CPU": float(run.threads)} | ({"GPU": gpu} if gpu else {})
    wanted |= {"memory": float(run.memory)} if run.memory else {}
    # Only ranks that train together move gradients, and NCCL refuses ranks that share a GPU.
    backend = "cpu:gloo,cuda:nccl" if parcel.together and gpu == 1 else "gloo"
    return TorchTrainer(
        run_rank,
        train_loop_config={"parcel": parcel, "run": run},
        torch_config=TorchConfig(backend=backend, timeout_s=GROUP_TIMEOUT_SECONDS),
        scaling_config=train.ScalingConfig(num_workers=parcel.ranks, use_gpu=bool(gpu), resources_per_worker=wanted),
        run_config=train.RunConfig(
            name=f"{parcel.identifier}-{tune.get_context().get_trial_id()}",
            storage_path=run.storage,
            failure_config=train.FailureConfig(max_failures=RESTARTS),
            callbacks=[Forward(reports)],
        ),
    )


def _received(reports: Queue, fitting: concurrent.futures.Future[Any]) -> Iterator[dict[str, Any]]:
    """Yield reports as they come, until the run has ended and the last one is out."""
    while True:
        ended = fitting.done()
        try:
            yield reports.get(block=not ended, timeout=QUEUE_SECONDS)
        except Empty:
            if ended:
                return


def _report_known(parcel: Parcel, run: NestedRun) -> None:
    """Report a trial that the ledger has whole; it needs no ranks."""
    from trainables.trial import run_trial

    trial = parcel.trial()
    for event in run_trial(trial, ray.get(run.context), workers=1, judge=run.judge, fits=parcel.fits(trial)):
        tune.report(to_report([event]))
