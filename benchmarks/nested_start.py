"""What a nested trial costs before and around its training: Ray's guide with its defaults, against the executor train.

    python benchmarks/nested_start.py [trials, 3 by default]

The same trials (heads on frozen features of generated pictures, trained in a second) run on one private cluster by
both, one after the other and one rank each. Start-up is the time from the end of the trial before to the first report
that arrives; its first trial pays for warming up and is not counted. Report latency is the time from a trial's last
fold fit standing in the ledger to its event arriving in the driver. Whole is from one trial's end to the next one's.

The guide's way: a driver function that takes Tune's default CPU launches a TorchTrainer with TuneReportCallback, which
polls every 2 s. Printed are medians in seconds and, in the last column, ours as a share of the guide's.
"""

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis.ledger import Ledger
from searchspace.capacity import Lanes
from searchspace.cluster import connected
from searchspace.study import Resources
from trainables.cohorts import PhantomSettings, open_cohort
from trainables.configuration import Configuration
from trainables.events import FitEnded, to_report
from trainables.folds import FoldSettings
from trainables.planning import Trial, TrialContext, plan_trial, splits_for


def study_in(folder: Path, trials: int) -> tuple[TrialContext, list[Trial]]:
    """Return trials that differ in their learning rate alone."""
    cohort, folds = open_cohort(PhantomSettings(), None), FoldSettings()
    sections: dict[str, Any] = {"backbone": {"name": "test_resnet"}, "image": {"size": [32, 32]}}
    rates = [0.001 * (1 + number) for number in range(trials)]
    configurations = [Configuration.of({**sections, "training": {"learning_rate": rate}}) for rate in rates]
    context = TrialContext(
        cohort=cohort,
        folds=folds,
        splits=splits_for(cohort, folds, configurations),
        ledger=Ledger(folder / "ledger"),
        cache=folder / "cache",
        weights={},
    )
    return context, [plan_trial(str(rate), each, context) for rate, each in zip(rates, configurations, strict=True)]


def guide_rank(config: dict[str, Any]) -> None:
    """The train function of the guide: the same fold fits, a report for each."""
    import ray
    from ray import train

    from trainables.trial import run_trial

    for event in run_trial(config["trial"], ray.get(config["context"]), workers=1):
        if isinstance(event, FitEnded):
            train.report(to_report([event]))


def guide_driver(config: dict[str, Any]) -> None:
    """The driver function of the guide."""
    from ray import train
    from ray.train.torch import TorchTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    run = train.RunConfig(name=config["name"], storage_path=config["storage"], callbacks=[TuneReportCallback()])
    scaling = train.ScalingConfig(num_workers=1)
    TorchTrainer(guide_rank, train_loop_config=config, scaling_config=scaling, run_config=run).fit()


class Clock:
    """When things arrived: a listener for both ways."""

    def __init__(self, context: TrialContext) -> None:
        self.context = context
        self.first: dict[str, float] = {}
        self.last: dict[str, tuple[float, float]] = {}

    def __call__(self, trial: Trial, event: Any) -> None:
        """Note the arrival of an event."""
        now = time.time()
        self.first.setdefault(trial.label, now)
        if isinstance(event, FitEnded):
            folder = self.context.ledger.storage.local
            written = (Path(str(folder)) / "fits" / f"{event.key}.json").stat().st_mtime
            self.last[trial.label] = (now, now - written)

    def figures(self) -> dict[str, float]:
        """Return the medians over all trials but the first."""
        labels = list(self.last)
        pairs = list(itertools.pairwise(labels))
        starts = [self.first[after] - self.last[before][0] for before, after in pairs]
        whole = [self.last[after][0] - self.last[before][0] for before, after in pairs]
        latencies = [self.last[label][1] for label in labels[1:]]
        values = {"start-up": starts, "report latency": latencies, "whole trial": whole}
        return {name: statistics.median(seconds) for name, seconds in values.items()}


def by_guide(trials: list[Trial], context: TrialContext, clock: Clock, scratch: Path) -> None:
    """Run trials as Ray's guide does."""
    import ray
    from ray import tune

    from trainables.events import from_report

    named = {trial.identifier: trial for trial in trials}

    class Listen(tune.Callback):
        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any) -> None:
            for event in from_report(result):
                clock(named[trial.config["name"]], event)

    shared = ray.put(context)
    space = {
        "name": tune.grid_search(list(named)),
        "trial": tune.sample_from(lambda config: named[config["name"]]),
        "context": tune.sample_from(lambda config: shared),
        "storage": str(scratch / "guide"),
    }
    how = tune.TuneConfig(max_concurrent_trials=1)
    run = tune.RunConfig(name="guide", storage_path=str(scratch / "tune"), verbose=0, callbacks=[Listen()])
    tune.Tuner(guide_driver, param_space=space, tune_config=how, run_config=run).fit()


def by_us(trials: list[Trial], context: TrialContext, clock: Clock, scratch: Path) -> None:
    """Run trials by the executor train."""
    from searchspace.dispatch import Dispatch
    from searchspace.tune_driver import nested_trainable, tune_trials
    from searchspace.tune_search import GridQueue

    work = [(trial, range(len(trial.fits))) for trial in trials]
    queue = GridQueue(Dispatch(work, context, lambda: Lanes(0, 1, 1), nested=True))
    tune_trials(nested_trainable(context, Resources(), scratch), queue, clock, scratch)


def main(trials: int) -> None:
    """Print a line for each figure."""
    found = []
    with connected("local", print, dashboard=True) as cluster:
        for way in (by_guide, by_us):
            found.append(measure(way, trials + 1, cluster.scratch))
    guide, ours = found
    print(f"{'':16s} {'guide':>8s} {'ours':>8s} {'share':>8s}")
    for name, seconds in guide.items():
        print(f"{name:16s} {seconds:8.2f} {ours[name]:8.2f} {ours[name] / seconds:8.2f}")


def measure(way: Callable[..., None], trials: int, scratch: Path) -> dict[str, float]:
    """Return the figures of one way."""
    with tempfile.TemporaryDirectory() as folder:
        context, planned = study_in(Path(folder), trials)
        clock = Clock(context)
        way(planned, context, clock, scratch)
        return clock.figures()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
