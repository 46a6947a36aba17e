"""The Ray Tune driver of the executors `warm` and `train`: trials of a grid, or of a searcher, on the cluster.

Tune places and counts; what a trial finds goes to the ledger, and its events come back here for the display and
TensorBoard. Tune's own state is thrown away at the end, because a run is resumed from the ledger.
"""

import logging
import pickle
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune

from searchspace.capacity import Layout
from searchspace.study import Resources
from trainables.events import Event, Judge, TrialDropped, from_report
from trainables.executors.inline import Listener
from trainables.executors.parcel import Parcel
from trainables.executors.train import DRIVER_RESOURCES, NestedRun, drive_trial
from trainables.executors.warm import WarmTrial
from trainables.planning import Trial, TrialContext

HEAD = {name: amount for name, amount in DRIVER_RESOURCES.items() if name != "cpu"}
BENCH = {"num_cpus": 0, "resources": HEAD, "max_restarts": -1, "max_task_retries": -1}
RESTARTS = 3
"""How often Tune starts a trial again whose process died; it goes on from the ledger."""


class Forward(tune.Callback):
    """Hands every event of every trial to the listener. Tune pickles its callbacks; the listener stays behind."""

    def __init__(self, listener: Listener | None = None) -> None:
        self._listener = listener
        self._trials: dict[str, Trial] = {}
        self.gave_up: list[str] = []

    def __reduce__(self) -> tuple[type["Forward"], tuple[()]]:
        return Forward, ()

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any) -> None:
        """Called by Tune in the driver for every report."""
        del iteration, trials, info
        parcel: Parcel = trial.config["trial"]
        if parcel.identifier not in self._trials:
            self._trials[parcel.identifier] = parcel.trial()
        if self._listener is not None:
            for event in from_report(result):
                self._listener(self._trials[parcel.identifier], event)
        if "gave_up" in result:
            self.gave_up.append(result["gave_up"])


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
    trainable = tune.with_parameters(WarmTrial, context=context, judge=judge)
    return tune.with_resources(trainable, {"cpu": resources.threads, "gpu": resources.gpu})


def nested_trainable(
    context: TrialContext, resources: Resources, layout: Layout, scratch: Path, judge: Judge | None = None
) -> Any:
    """Return what Tune runs in the executor `train`, with the ranks that `Cluster.layout` gives to a trial.

    `scratch` is where Train keeps its own state while it runs; `judge` is asked by the ranks (see `hosted`).
    """
    run = NestedRun(ray.put(context), resources.threads, resources.gpu, layout.ranks, str(scratch / "train"), judge)
    return tune.with_resources(tune.with_parameters(drive_trial, run=run), DRIVER_RESOURCES)


def tune_trials(
    trainable: Any,
    parcels: Sequence[Parcel] | None,
    listener: Listener,
    concurrency: int,
    scratch: Path,
    *,
    searcher: Any = None,
    samples: int = -1,
) -> list[str]:
    """Run a grid of trials, or `samples` suggestions of a searcher; return one line for each trial that was given up.

    Args:
        trainable: from `warm_trainable` or `nested_trainable`.
        parcels: the grid, in order; None when there is a searcher.
        listener: called here with every event of every trial.
        concurrency: how many trials run at once.
        scratch: where Tune keeps its own state while it runs.
        searcher: a Tune searcher that suggests `{"trial": Parcel}`.
        samples: how many suggestions are run; -1: all that the searcher has.
    """
    for name in ("ray.tune", "ray.train", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        forward = Forward(listener)
        run = tune.RunConfig(
            name="trials",
            storage_path=str(scratch / "tune"),
            verbose=0,
            callbacks=[forward],
            failure_config=tune.FailureConfig(max_failures=RESTARTS),
        )
        space = {} if parcels is None else {"trial": tune.grid_search(list(parcels))}
        how = tune.TuneConfig(
            num_samples=1 if searcher is None else samples,
            search_alg=searcher,
            reuse_actors=True,
            max_concurrent_trials=concurrency,
            trial_dirname_creator=lambda trial: trial.trial_id,
        )
        try:
            results = tune.Tuner(trainable, param_space=space, tune_config=how, run_config=run).fit()
        except RuntimeError as error:  # Tune itself gives up, for example when the node runs out of memory
            return [*forward.gave_up, " ".join(str(error).split())[:300]]
    return [*forward.gave_up, *(" ".join(str(error).split())[-300:] for error in results.errors)]
