"""Ray Tune's view of the work: `Searcher`s that hand out what is left of a grid, or what a search suggests.

Ray's own OptunaSearch tells pruned trials as complete, leaves NaN trials running for ever, shares one default study
name and cannot be restored safely; ours keep no state that the ledger and the record of the search do not have. Tune
pickles its searcher: what is alive stays behind. A trial that comes back unfinished, because its process died or its
machine went, is handed out again under another of Tune's trial ids.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ray.tune.search import Searcher

from analysis.errors import StorageError
from searchspace.dispatch import MOST_RETURNS, Dispatch
from searchspace.search import Proposer
from trainables.events import FitEnded, from_report
from trainables.executors.endings import DIED, LEFT, REASONS
from trainables.executors.parcel import Parcel
from trainables.planning import TrialContext


def _why(result: dict[str, Any] | None, error: bool) -> dict[str, Any]:
    """Return why a trial of Tune's ended before its work was done, if it did."""
    why = {name: value for name, value in (result or {}).items() if name in REASONS}
    return {DIED: "its process died"} if error and not why else why


class Stateless(Searcher):
    """A searcher that looks at no metric and that Tune need not save: ledger and run folder have everything."""

    def __init__(self) -> None:
        super().__init__(metric=None, mode=None)
        self.trouble: str | None = None
        """Why nobody can go on, once the run folder or the ledger cannot be used from here."""

    def __reduce__(self) -> tuple[type["Stateless"], tuple[()]]:
        return type(self), ()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return what runs next; FINISHED when nothing will; None while a running trial has to end first."""
        found = None
        with self._noted():
            found = self._next(trial_id)
        return found

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Called by Tune for every report but the last."""
        with self._noted():
            self._hear(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Called by Tune when a trial has ended, with its last report, or an error."""
        with self._noted():
            self._end(trial_id, result or {}, _why(result, error))

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Keep a fault of storage for the driver: raised through Tune it would come out as something else."""
        try:
            yield
        except StorageError as error:
            self.trouble = self.trouble or str(error)

    def _next(self, trial_id: str) -> dict[str, Any] | str | None:
        raise NotImplementedError

    def _hear(self, trial_id: str, result: dict[str, Any]) -> None:
        raise NotImplementedError

    def _end(self, trial_id: str, result: dict[str, Any], why: dict[str, Any]) -> None:
        raise NotImplementedError

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class GridQueue(Stateless):
    """Hands out the parcels of a dispatch as `{"trial": Parcel}`."""

    def __init__(self, dispatch: Dispatch | None = None) -> None:
        super().__init__()
        self._dispatch = dispatch
        self._settled: dict[str, set[tuple[int, int]]] = {}

    @property
    def gave_up(self) -> list[str]:
        """One line for each trial that was given up."""
        return self._dispatch.gave_up if self._dispatch else []

    def _next(self, trial_id: str) -> dict[str, Any] | str | None:
        if self._dispatch is None or self._dispatch.finished:
            return Searcher.FINISHED
        parcel = self._dispatch.next(trial_id)
        if parcel is None:
            return None
        self._settled[trial_id] = set()
        return {"trial": parcel}

    def _hear(self, trial_id: str, result: dict[str, Any]) -> None:
        ended = (event for event in from_report(result) if isinstance(event, FitEnded))
        self._settled[trial_id] |= {(event.repeat, event.fold) for event in ended}

    def _end(self, trial_id: str, result: dict[str, Any], why: dict[str, Any]) -> None:
        if self._dispatch is None or trial_id not in self._settled:
            return
        self._hear(trial_id, result)
        self._dispatch.back(trial_id, self._settled.pop(trial_id), why)


class AskTell(Stateless):
    """Hands out what a proposer suggests, as parcels of `ranks` ranks at most.

    `at_once` is asked before every suggestion how many trials may run then, for a cluster grows and shrinks.
    """

    def __init__(
        self,
        proposer: Proposer | None = None,
        context: TrialContext | None = None,
        at_once: Callable[[], int] = lambda: 1,
        ranks: int = 1,
    ) -> None:
        super().__init__()
        self._proposer, self._context, self._at_once, self._ranks = proposer, context, at_once, ranks
        self._numbers: dict[str, int] = {}
        self._returns: dict[int, int] = {}
        self.gave_up: list[str] = []

    def _next(self, trial_id: str) -> dict[str, Any] | str | None:
        if self._proposer is None or self._context is None:
            return Searcher.FINISHED
        if len(self._numbers) >= self._at_once():
            return None
        proposal = self._proposer.ask()
        if proposal is None:
            return Searcher.FINISHED if self._proposer.finished else None
        self._numbers[trial_id] = proposal.number
        return {"trial": Parcel.of(proposal.trial, self._context, ranks=self._ranks)}

    def _hear(self, trial_id: str, result: dict[str, Any]) -> None:
        if self._proposer is None or trial_id not in self._numbers:
            return
        number = self._numbers[trial_id]
        for event in from_report(result):
            self._returns.pop(number, None)
            self._proposer.hear(number, event)

    def _end(self, trial_id: str, result: dict[str, Any], why: dict[str, Any]) -> None:
        if self._proposer is None or trial_id not in self._numbers:
            return
        self._hear(trial_id, result)
        number = self._numbers.pop(trial_id)
        if LEFT in why or (DIED in why and self._comes_back(number)):
            self._proposer.put_back(number)
            return
        reason = " ".join(map(str, why.values())) or None
        if reason:
            self.gave_up.append(f"trial {number}: {reason[-300:]}")
        self._proposer.tell(number, reason)

    def _comes_back(self, number: int) -> bool:
        """Count a death without news; tell whether the trial is worth another process."""
        self._returns[number] = self._returns.get(number, 0) + 1
        return self._returns[number] <= MOST_RETURNS
