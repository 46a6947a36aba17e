"""One fold fit from its checkpoint, if it has one, to its record in the ledger, whatever goes wrong in between.

A fault of the fold fit itself (a diverging loss, an image that cannot be read, a hang) is recorded with its reason. Out
of memory starts it again with smaller micro-batches. A place that cannot be read or written, or a machine that is about
to go, is no fault of the fold fit: that is raised, and nothing is recorded.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from analysis.activation_maps import write_maps
from analysis.errors import StorageError
from analysis.ledger import FitRecord
from models.errors import InputError
from trainables.agreement import agreed
from trainables.attempts import MOST, Attempts
from trainables.checkpoints import Checkpoints
from trainables.data import Data
from trainables.environment import describe_environment, device_for
from trainables.estimator_fit import EstimatorFit
from trainables.events import EpochEnded, FitEnded
from trainables.faults import NodeFault, NodeLeaves, in_one_line, is_out_of_memory, patiently, smaller_batches
from trainables.fit import FoldFit
from trainables.outcome import Outcome
from trainables.parallel import Parallel
from trainables.planning import PlannedFit, Trial, TrialContext
from trainables.watchdog import ended_when_silent, interrupted_when_silent, silence

Leaving = Callable[[], bool]
"""Tells whether this machine is about to be taken away."""


@dataclass(frozen=True)
class Circumstances:
    """Where a fold fit runs: its share of several processes, and what may happen to this one.

    An `expendable` process is one whose work another takes up: it is ended when it hangs, and how often it died is
    noted. `leaving` is asked after every epoch.
    """

    parallel: Parallel
    expendable: bool
    leaving: Leaving


class FitRun:
    """A planned fold fit, ready to be trained and recorded; `load` opens what it trains on."""

    def __init__(
        self, trial: Trial, planned: PlannedFit, context: TrialContext, load: Callable[[], Data], where: Circumstances
    ) -> None:
        self.trial, self.planned, self.context, self.load, self.where = trial, planned, context, load, where
        self.parallel = where.parallel
        self.split = context.splits_of(trial.configuration)[planned.split]
        self.device = device_for(context.on_gpu(trial.configuration))
        self.checkpoints = Checkpoints(context.ledger.storage)
        self.attempts = Attempts(context.ledger.storage, context.session)
        self.every = context.checkpoint_every if trial.configuration.fine_tuned else 0

    def events(self) -> Iterator[EpochEnded | FitEnded]:
        """Yield the epochs of the fit, then its end.

        Raises:
            NodeLeaves: the machine is about to go; the fit is saved and can be taken up elsewhere.
            StorageError, NodeFault: the ledger or this machine's cache cannot be used.
        """
        steps = self._events()
        while True:
            with self._watched():
                event = next(steps, None)
            if event is None:
                return
            yield event

    def _events(self) -> Iterator[EpochEnded | FitEnded]:
        outcome = self._given_up()
        while outcome is None:
            try:
                outcome = yield from self._attempt()
            except (StorageError, NodeFault, NodeLeaves):
                raise
            except Exception as error:
                smaller = is_out_of_memory(error) and self._cut_batches()
                if self.parallel.world > 1 and not isinstance(error, InputError):  # which all of them have met
                    raise  # the other processes wait for this one: all start again, with smaller batches if so noted
                if not smaller:
                    outcome = Outcome("failed", None, {}, [], {}, in_one_line(error))
        record = agreed(self.parallel, lambda: patiently(lambda: self._store(outcome)))
        yield ended(record, reused=False)

    def _attempt(self) -> Generator[EpochEnded, None, Outcome]:
        state, micro_batches = self._saved()
        fit = self._start(state, micro_batches)
        for event in fit.run():
            leaves = self._leaves() and event.epoch < event.epochs
            self._save(fit, event, now=leaves)
            yield event
            if leaves:
                self._forget_attempt()
                raise NodeLeaves
        assert fit.outcome is not None
        return fit.outcome

    def _saved(self) -> tuple[dict[str, Any] | None, int]:
        if not self.trial.configuration.fine_tuned:
            return None, 1
        load = partial(self.checkpoints.load, self.planned.key, self.device)
        state, micro_batches = agreed(self.parallel, lambda: patiently(load))
        whole = micro_batches <= self.trial.configuration.training.batch_size
        return (state, micro_batches) if whole else (None, 1)

    def _given_up(self) -> Outcome | None:
        """Note that the fit is begun; return its end when too many processes have died of it."""
        if not self.where.expendable:
            return None
        state, _ = self._saved()
        epoch = len(state["history"]) if state else 0
        first = self.parallel.rank == 0
        noted = agreed(
            self.parallel, lambda: patiently(lambda: self.attempts.begin(self.planned.key, epoch)) if first else 0
        )
        died = int(self.parallel.total(torch.tensor(noted)))
        if died < MOST:
            return None
        reason = f"its process died {died} times in a row after epoch {epoch}"
        advice = (
            "out of memory? raise resources.memory, so that a machine takes fewer at a time; or a crash in a library"
        )
        return Outcome("failed", None, {}, [], {}, f"{reason} ({advice})")

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
            agreed(self.parallel, self.load),
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

    def _leaves(self) -> bool:
        """Ask whether the machine is about to go; of several processes, whether that of any is."""
        leaving = self.where.leaving()
        return bool(self.parallel.total(torch.tensor(int(leaving)))) if self.parallel.world > 1 else leaving

    def _save(self, fit: FoldFit | EstimatorFit, event: EpochEnded, *, now: bool) -> None:
        """Save the fit when it is due. Where nothing can be written it goes on unsaved: its record is smaller.

        Each time that it could not be written it is tried half as often.
        """
        due = self.every and event.epoch % self.every == 0 and event.epoch < event.epochs
        if (due or (now and self.trial.configuration.fine_tuned)) and self.parallel.rank == 0:
            try:
                self.checkpoints.save(self.planned.key, fit.state(), fit.micro_batches)
            except StorageError:
                self.every *= 2

    def _forget_attempt(self) -> None:
        """Remove the note that the fit was begun: a machine that goes is no mark against it."""
        if self.where.expendable and self.parallel.rank == 0:
            with contextlib.suppress(StorageError):
                self.attempts.end(self.planned.key)

    def _store(self, outcome: Outcome) -> FitRecord:
        """Put the end of the fit into the ledger, and remove what only an unfinished fit needs."""
        record = self._record(outcome)
        if self.parallel.rank:
            return record
        self._keep_maps(outcome)
        record = self.context.ledger.put(record, outcome.predictions)
        self.checkpoints.remove(self.planned.key)
        if self.where.expendable:
            note = self.attempts.fail if record.state == "failed" else self.attempts.end
            note(self.planned.key)
        return record

    def _keep_maps(self, outcome: Outcome) -> None:
        """Store the activation maps, before the record; where they cannot be written the record is worth more."""
        if outcome.maps is not None:
            with contextlib.suppress(StorageError):
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

    def _watched(self) -> AbstractContextManager[None]:
        limit = self.context.time_limit
        if not self.where.expendable:
            return interrupted_when_silent(limit)

        def last_word() -> None:
            self._store(Outcome("failed", None, {}, [], {}, silence(limit)))

        return ended_when_silent(limit, last_word)

    def _record(self, outcome: Outcome) -> FitRecord:
        split = self.split
        return FitRecord(
            identity=self.planned.identity,
            state=outcome.state,  # type: ignore[arg-type]
            configuration_id=self.trial.identifier,
            cohort=self.context.summary,
            folds=self.context.fold_summary,
            repeat=split.repeat,
            fold=split.fold,
            n_train=len(split.train),
            n_inner=len(split.inner),
            n_test=len(split.test),
            leak_share=split.leak_share,
            metrics=outcome.metrics,
            history=outcome.history,
            cost=outcome.cost,
            environment=describe_environment(self.device),
            reason=outcome.reason,
        )


def ended(record: FitRecord, *, reused: bool) -> FitEnded:
    """Return the event that says how a fold fit ended."""
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
