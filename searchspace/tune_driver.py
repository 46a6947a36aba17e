"""The Ray Tune driver of the executors `warm` and `train`: trials of a grid, or of a searcher, on the cluster.

Tune places and counts; what a trial finds goes to the ledger, and its events come back here for the display and
TensorBoard. Tune's own state is thrown away at the end, because a run is resumed from the ledger.
"""

import logging
import math
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune

from analysis.errors import StorageError
from searchspace.machines import GB
from searchspace.study import Resources
from searchspace.tune_search import AskTell, GridQueue
from trainables.events import Event, Judge, TrialDropped, from_report
from trainables.executors.endings import HALT
from trainables.executors.inline import Listener
from trainables.executors.parcel import Parcel
from trainables.executors.train import DRIVER_RESOURCES, NestedRun, drive_trial
from trainables.executors.warm import WarmTrial
from trainables.planning import Trial, TrialContext

HEAD = {name: amount for name, amount in DRIVER_RESOURCES.items() if name != "cpu"}
BENCH = {"num_cpus": 0, "resources": HEAD, "max_restarts": -1, "max_task_retries": -1}
MANY = 100_000
"""Trials that Tune may hold at once; the searcher hands out no more than fit."""


class Forward(tune.Callback):
    """Hands every event of every trial to the listener. Tune pickles its callbacks; the listener stays behind.

    `trouble` is what the listener could not do with the ledger.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener
        self._trials: dict[str, Trial] = {}
        self.trouble: str | None = None

    def __reduce__(self) -> tuple[type["Forward"], tuple[()]]:
        return Forward, ()

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any) -> None:
        """Called by Tune in the driver for every report."""
        del iteration, trials, info
        parcel: Parcel = trial.config["trial"]
        self.trouble = self.trouble or result.get(HALT)
        if self._listener is None:
            return
        if parcel.identifier not in self._trials:
            self._trials[parcel.identifier] = parcel.trial()
        try:
            for event in from_report(result):
                self._listener(self._trials[parcel.identifier], event)
        except StorageError as error:
            self.trouble = self.trouble or str(error)


class Halt(tune.Stopper):
    """Stops everything once a trial, the listener or the searcher says that ledger, run folder or cache are lost."""

    def __init__(self, *witnesses: Any) -> None:
        self._witnesses = witnesses

    def __reduce__(self) -> tuple[type["Halt"], tuple[()]]:
        return Halt, ()

    @property
    def reason(self) -> str | None:
        """Why to stop, if there is a reason."""
        return next((witness.trouble for witness in self._witnesses if witness.trouble), None)

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Called by Tune for every report; no trial is stopped alone."""
        return False

    def stop_all(self) -> bool:
        """Whether to stop."""
        return self.reason is not None


@dataclass(frozen=True)
class RemoteJudge:
    """A judge in a process of its own, so that all trials of a search are judged by one who has seen them all."""

    actor: Any

    def __call__(self, identifier: str, event: Event) -> TrialDropped | None:
        """Ask, and wait for the word."""
        word: TrialDropped | None = ray.get(self.actor.judge.remote(identifier, event))
        return word


class _Bench:
    def __init__(self, judge: bytes) -> None:
        self._judge: Judge = pickle.loads(judge)

    def judge(self, identifier: str, event: Event) -> TrialDropped | None:
        return self._judge(identifier, event)


@contextmanager
def hosted(judge: Judge | None) -> Iterator[RemoteJudge | None]:
    """Host a picklable judge on the head node for the length of the block; it takes no CPU. None stays None.

    If its process dies it starts again as it was at first, and learns from what it is told from then on.
    """
    if judge is None:
        yield None
        return
    actor = ray.remote(_Bench).options(**BENCH).remote(pickle.dumps(judge))
    try:
        yield RemoteJudge(actor)
    finally:
        ray.kill(actor)


def warm_trainable(context: TrialContext, resources: Resources, judge: Judge | None = None) -> Any:
    """Return what Tune runs in the executor `warm`; `judge` is asked in its processes (see `hosted`)."""
    return with_share(tune.with_parameters(WarmTrial, context=context, judge=judge), resources)


def with_share(trainable: Any, resources: Resources) -> Any:
    """Return a trainable that takes, for each parcel, what one process of the study takes: a GPU's share or none."""

    memory = {"memory": memory_bytes(resources)} if resources.memory else {}

    def share(config: dict[str, Any]) -> tune.PlacementGroupFactory:
        gpu = {"GPU": resources.gpu} if config["trial"].on_gpu else {}
        return tune.PlacementGroupFactory([{"CPU": resources.threads, **gpu, **memory}])

    return tune.with_resources(trainable, share)


def memory_bytes(resources: Resources) -> int:
    """Return the memory of a process as Ray counts it."""
    return math.ceil(resources.memory * GB)


def nested_trainable(context: TrialContext, resources: Resources, scratch: Path, judge: Judge | None = None) -> Any:
    """Return what Tune runs in the executor `train`.

    `scratch` is where Train keeps its own state while it runs; `judge` is asked by the ranks (see `hosted`).
    """
    share = (resources.threads, resources.gpu, memory_bytes(resources))
    run = NestedRun(ray.put(context), *share, str(scratch / "train"), judge)
    return tune.with_resources(tune.with_parameters(drive_trial, run=run), DRIVER_RESOURCES)


def tune_trials(trainable: Any, searcher: GridQueue | AskTell, listener: Listener, scratch: Path) -> list[str]:
    """Run what the searcher hands out; return one line for each trial that was given up.

    Tune starts no trial again: what comes back unfinished is handed out again by the searcher.

    Args:
        trainable: from `warm_trainable` or `nested_trainable`.
        searcher: decides what runs next, and how much at once.
        listener: called here with every event of every trial.
        scratch: where Tune keeps its own state while it runs.

    Raises:
        StorageError: the ledger or a machine's cache cannot be used; what is finished is kept.
    """
    for name in ("ray.tune", "ray.train", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    forward = Forward(listener)
    halt = Halt(forward, searcher)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = tune.RunConfig(
            name="trials",
            storage_path=str(scratch / "tune"),
            verbose=0,
            callbacks=[forward],
            stop=halt,
            failure_config=tune.FailureConfig(max_failures=0),
            # The ledger is the state of a trial; Tune's own would go to a folder that other machines do not have.
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        )
        how = tune.TuneConfig(
            num_samples=-1,
            search_alg=searcher,
            reuse_actors=True,
            max_concurrent_trials=MANY,
            trial_dirname_creator=lambda trial: trial.trial_id,
        )
        try:
            tune.Tuner(trainable, tune_config=how, run_config=run).fit()
        except RuntimeError as error:  # Tune itself gives up, for example when the node runs out of memory
            return [*searcher.gave_up, " ".join(str(error).split())[:300]]
    if halt.reason is not None:
        raise StorageError(halt.reason)
    return searcher.gave_up
