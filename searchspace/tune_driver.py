"""The Ray Tune driver of the executor `warm`: an exhaustive grid of trials over reused actors.

Tune places and counts; what a trial finds goes to the ledger, and its events come back here for the display and
TensorBoard. Tune's own state is thrown away at the end, because a run is resumed from the ledger.
"""

import logging
import warnings
from pathlib import Path
from typing import Any

from ray import tune

from searchspace.study import Resources
from trainables.events import from_report
from trainables.executors.inline import Listener
from trainables.executors.warm import WarmTrial
from trainables.planning import Trial, TrialContext

RESTARTS = 3
"""How often Tune starts a trial again whose process died; it goes on from the ledger."""


class Forward(tune.Callback):
    """Hands every event of every trial to the listener. Tune pickles its callbacks; the listener stays behind."""

    def __init__(self, trials: dict[str, Trial] | None = None, listener: Listener | None = None) -> None:
        self._trials, self._listener = trials or {}, listener

    def __reduce__(self) -> tuple[type["Forward"], tuple[()]]:
        return Forward, ()

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any) -> None:
        """Called by Tune in the driver for every report."""
        del iteration, trials, info
        if self._listener:
            for event in from_report(result):
                self._listener(self._trials[trial.config["trial"]], event)


def run_warm(
    trials: list[Trial],
    context: TrialContext,
    listener: Listener,
    resources: Resources,
    concurrency: int,
    scratch: Path,
) -> list[str]:
    """Run all trials on the connected cluster, `concurrency` at once; return one line for each that Tune gave up on.

    `scratch` is where Tune keeps its own state while it runs.
    """
    by_name = {trial.identifier: trial for trial in trials}
    trainable = tune.with_parameters(WarmTrial, context=context, trials=by_name)
    trainable = tune.with_resources(trainable, {"cpu": resources.threads, "gpu": resources.gpu})
    for name in ("ray.tune", "ray.train", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = tune.RunConfig(
            name="trials",
            storage_path=str(scratch / "tune"),
            verbose=0,
            callbacks=[Forward(by_name, listener)],
            failure_config=tune.FailureConfig(max_failures=RESTARTS),
        )
        grid = {"trial": tune.grid_search(list(by_name))}
        how = tune.TuneConfig(num_samples=1, reuse_actors=True, max_concurrent_trials=concurrency)
        results = tune.Tuner(trainable, param_space=grid, tune_config=how, run_config=run).fit()
    return [" ".join(str(error).split())[-300:] for error in results.errors]
