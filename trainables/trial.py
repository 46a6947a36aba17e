"""One trial: the fold fits of a configuration that the ledger does not have, one after the other.

Every executor runs this generator; it reads and writes the ledger, and yields events. A fold fit that fails is recorded
with its reason and the next one starts: a trial never raises for the sake of one fit. Out of memory is no failure: the
fit starts again with its batches cut into micro-batches. A fit whose process died goes on from its last checkpoint.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import torch

from analysis.activation_maps import write_maps
from analysis.errors import AnalysisError
from analysis.ledger import FitRecord
from trainables.checkpoints import Checkpoints
from trainables.data import Data, open_data
from trainables.environment import describe_environment, device_for
from trainables.estimator_fit import EstimatorFit
from trainables.events import EpochEnded, Event, FitEnded, Judge
from trainables.faults import in_one_line, is_out_of_memory, smaller_batches
from trainables.fit import FoldFit
from trainables.outcome import Outcome
from trainables.parallel import ALONE, Parallel
from trainables.planning import PlannedFit, Trial, TrialContext

SETTLED = ("done", "diverged")
"""States that are not tried again: a diverged fit would diverge in the same way."""


def run_trial(
    trial: Trial,
    context: TrialContext,
    *,
    workers: int,
    judge: Judge | None = None,
    fits: Sequence[PlannedFit] | None = None,
    parallel: Parallel = ALONE,
) -> Iterator[Event]:
    """Yield the events of a trial; after each `FitEnded` that fold fit is in the ledger.

    Args:
        trial: what to run.
        context: cohort, splits, ledger and cache.
        workers: threads that prepare images and features if this node has none.
        judge: asked after every event; when it drops the trial, its word is the last event.
        fits: some of the trial's fold fits; all of them unless given.
        parallel: this process's share when several train each fold fit together; rank 0 alone writes.
    """

    def load() -> Data:
        source, device = context.features_of(trial.configuration), device_for(context.gpu)
        return open_data(source, trial.configuration, context.cache, workers=workers, device=device)

    for planned in trial.fits if fits is None else fits:
        known = context.ledger.get(planned.key)
        settled = known is not None and known.state in SETTLED
        events = iter([_ended(known, reused=True)]) if known and settled else None
        for event in events or _FitRun(trial, planned, context, load, parallel).events():
            yield event
            dropped = judge(trial.identifier, event) if judge else None
            if dropped is not None:
                Checkpoints(context.ledger.storage).remove(planned.key)
                yield dropped
                return


class _FitRun:
    """One fold fit from its checkpoint, if it has one, to its record."""

    def __init__(
        self, trial: Trial, planned: PlannedFit, context: TrialContext, load: Callable[[], Data], parallel: Parallel
    ) -> None:
        self.trial, self.planned, self.context, self.load, self.parallel = trial, planned, context, load, parallel
        self.split = context.splits_of(trial.configuration)[planned.split]
        self.checkpoints = Checkpoints(context.ledger.storage)
        fine_tuned = trial.configuration.fine_tuned
        self.every = context.checkpoint_every if fine_tuned else 0

    def events(self) -> Iterator[Event]:
        """Yield the epochs of the fit, then its end."""
        outcome: Outcome | None = None
        while outcome is None:
            try:
                outcome = yield from self._attempt()
            except Exception as error:
                smaller = is_out_of_memory(error) and self._cut_batches()
                if self.parallel.world > 1:
                    raise  # the other processes wait for this one: all start again, with smaller batches if so noted
                if not smaller:
                    outcome = Outcome("failed", None, {}, [], {}, in_one_line(error))
        record = _record(self.trial, self.planned, self.context, outcome)
        if self.parallel.rank == 0:
            self._keep_maps(outcome)
            record = self.context.ledger.put(record, outcome.predictions)
            self.checkpoints.remove(self.planned.key)
        yield _ended(record, reused=False)

    def _attempt(self) -> Generator[Event, None, Outcome]:
        state, micro_batches = (
            self.checkpoints.load(self.planned.key, device_for(self.context.gpu))
            if self.trial.configuration.fine_tuned
            else (None, 1)
        )
        fit = self._start(state, micro_batches)
        for event in fit.run():
            self._save(fit, event)
            yield event
        assert fit.outcome is not None
        return fit.outcome

    def _start(self, state: dict[str, Any] | None, micro_batches: int) -> FoldFit | EstimatorFit:
        """Build the fit and restore the state, if there is one that can be used."""
        configuration, cohort = self.trial.configuration, self.context.cohort
        seed, threads = self.context.folds.seed, self.context.threads
        if not configuration.uses_image:
            return EstimatorFit(configuration, self.split, cohort, seed=seed, threads=threads)
        fit = FoldFit(
            configuration,
            self.split,
            cohort,
            self.load(),
            seed=seed,
            threads=threads,
            micro_batches=micro_batches,
            parallel=self.parallel,
            maps=self.context.maps,
        )
        if state is None:
            return fit
        try:
            fit.restore(state)
        except (KeyError, RuntimeError, TypeError, ValueError):  # another version wrote it
            return self._start(None, micro_batches)
        return fit

    def _save(self, fit: FoldFit | EstimatorFit, event: EpochEnded) -> None:
        """Save the fit when it is due. Where nothing can be written it goes on unsaved: its record is smaller."""
        due = self.every and event.epoch % self.every == 0 and event.epoch < event.epochs
        if due and self.parallel.rank == 0:
            try:
                self.checkpoints.save(self.planned.key, fit.state(), fit.micro_batches)
            except AnalysisError:
                self.every = 0

    def _keep_maps(self, outcome: Outcome) -> None:
        """Store the activation maps, before the record; where they cannot be written the record is worth more."""
        if outcome.maps is not None:
            with contextlib.suppress(AnalysisError):
                write_maps(self.context.ledger.storage, self.planned.key, outcome.maps)

    def _cut_batches(self) -> bool:
        """Note that the fit starts again with more micro-batches; False when they cannot get smaller."""
        if not self.trial.configuration.fine_tuned:
            return False
        _, used = self.checkpoints.load(self.planned.key, "cpu")
        more = smaller_batches(used, self.trial.configuration.training.batch_size, self.parallel.world)
        if more is None:
            return False
        self.checkpoints.restart(self.planned.key, more)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return True


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
