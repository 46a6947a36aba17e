"""One trial: the fold fits of a configuration that the ledger does not have, one after the other.

Every executor runs this generator; it reads and writes the ledger, and yields events. A fold fit that fails is recorded
with its reason and the next one starts: a trial never raises for the sake of one fit.
"""

import platform
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from analysis.ledger import FitRecord
from trainables.data import FitData, open_data
from trainables.events import Event, FitEnded
from trainables.fit import FoldFit, Outcome
from trainables.planning import PlannedFit, Trial, TrialContext

SETTLED = ("done", "diverged")
"""States that are not tried again: a diverged fit would diverge in the same way."""


def run_trial(trial: Trial, context: TrialContext, *, workers: int) -> Iterator[Event]:
    """Yield the events of a trial; after each `FitEnded` that fold fit is in the ledger.

    Args:
        trial: what to run.
        context: cohort, splits, ledger and cache.
        workers: threads that compute features if this node has none.
    """

    def load() -> FitData:
        settings = trial.configuration
        weights = context.weights_of(settings)
        return open_data(context.cohort, settings, weights, context.cache, workers=workers, device=context.device)

    for planned in trial.fits:
        known = context.ledger.get(planned.key)
        if known is not None and known.state in SETTLED:
            yield _ended(known, reused=True)
        else:
            yield from _run_fit(trial, planned, context, load)


def _run_fit(trial: Trial, planned: PlannedFit, context: TrialContext, load: Callable[[], FitData]) -> Iterator[Event]:
    split = context.splits_of(trial.configuration)[planned.split]
    try:
        seed = context.folds.seed
        fit = FoldFit(trial.configuration, split, context.cohort, load(), seed=seed, threads=context.threads)
        yield from fit.run()
        assert fit.outcome is not None
        outcome = fit.outcome
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        outcome = Outcome("failed", None, {}, [], {}, reason)
    record = context.ledger.put(_record(trial, planned, context, outcome), outcome.predictions)
    yield _ended(record, reused=False)


def _record(trial: Trial, planned: PlannedFit, context: TrialContext, outcome: Outcome) -> FitRecord:
    split = context.splits_of(trial.configuration)[planned.split]
    return FitRecord(
        identity=planned.identity,
        state=outcome.state,  # type: ignore[arg-type]
        configuration_id=trial.identifier,
        cohort=context.summary,
        folds=context.fold_summary,
        repeat=split.repeat,
        fold=split.fold,
        n_train=len(split.train),
        n_inner=len(split.inner),
        n_test=len(split.test),
        leak_share=split.leak_share,
        metrics=outcome.metrics,
        history=outcome.history,
        cost=outcome.cost,
        environment=_environment(context.device),
        reason=outcome.reason,
    )


def _environment(device: str) -> dict[str, str]:
    name = torch.cuda.get_device_name() if device == "cuda" else f"cpu {platform.machine()}"
    return {"device": name, "torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()}


def _ended(record: FitRecord, *, reused: bool) -> FitEnded:
    seconds: Any = record.cost.get("seconds", 0.0)
    return FitEnded(
        repeat=record.repeat,
        fold=record.fold,
        key=record.key,
        state=record.state,
        reused=reused,
        metrics=record.metrics,
        seconds=seconds,
        reason=record.reason,
    )
