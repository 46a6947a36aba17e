"""One trial: the fold fits of a configuration that the ledger does not have, one after the other.

Every executor runs this generator; it reads and writes the ledger, and yields events. A fold fit that fails is recorded
with its reason and the next one starts: a trial never raises for the sake of one fit.
"""

from collections.abc import Callable, Iterator
from typing import Any

from analysis.ledger import FitRecord
from trainables.data import FitData, open_data
from trainables.environment import describe_environment, device_for
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
        source = context.features_of(trial.configuration)
        return open_data(source, context.cache, workers=workers, device=device_for(context.gpu))

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
        environment=describe_environment(device_for(context.gpu)),
        reason=outcome.reason,
    )


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
