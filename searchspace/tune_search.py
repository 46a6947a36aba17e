"""Ray Tune's view of a search: a `Searcher` that hands out what the proposer suggests and tells it what came of it.

Ray's own OptunaSearch tells pruned trials as complete, leaves NaN trials running for ever, shares one default study
name and cannot be restored safely; ours keeps no state at all. Tune pickles its searcher: what is alive stays behind.
"""

from typing import Any

from ray.tune.search import Searcher

from searchspace.search import Proposer
from trainables.events import from_report
from trainables.executors.parcel import Parcel
from trainables.planning import TrialContext


class AskTell(Searcher):
    """Suggests `{"trial": Parcel}`; the record of the run folder is its memory."""

    def __init__(self, proposer: Proposer | None = None, context: TrialContext | None = None) -> None:
        super().__init__(metric="fits", mode="max")
        self._proposer, self._context = proposer, context
        self._numbers: dict[str, int] = {}

    def __reduce__(self) -> tuple[type["AskTell"], tuple[()]]:
        return AskTell, ()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next trial; FINISHED when the search is over; None while a running trial has to end first."""
        if self._proposer is None or self._context is None:
            return Searcher.FINISHED
        proposal = self._proposer.ask()
        if proposal is None:
            return Searcher.FINISHED if self._proposer.finished else None
        self._numbers[trial_id] = proposal.number
        return {"trial": Parcel.of(proposal.trial, self._context)}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Called by Tune for every report but the last."""
        self._hear(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Called by Tune when a trial has ended, with its last report, or an error."""
        if self._proposer is None or trial_id not in self._numbers:
            return
        last = result or {}
        self._hear(trial_id, last)
        reason = last.get("gave_up") or ("its process died" if error else None)
        self._proposer.tell(self._numbers.pop(trial_id), reason)

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the record has everything."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: a search is restored from its record."""

    def _hear(self, trial_id: str, result: dict[str, Any]) -> None:
        if self._proposer is None or trial_id not in self._numbers:
            return
        for event in from_report(result):
            self._proposer.hear(self._numbers[trial_id], event)
