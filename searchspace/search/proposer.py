"""The search as a loop drives it: `ask` for a trial, `hear` its events, `tell` when it has ended.

    while (proposal := proposer.ask()) is not None:
        for event in run_trial(proposal.trial, context, workers=1, judge=referee.judge):
            proposer.hear(proposal.number, event)
        proposer.tell(proposal.number)

Every step is in the record before the next begins, so a killed search goes on where it was: what ran is handed out
again, under the same number, and its finished fold fits come from the ledger. A sequential search then suggests what
the uninterrupted one would have.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import optuna

from analysis.ledger import Ledger, digest
from analysis.search_record import Entry, SearchRecord
from models.errors import InputError
from searchspace.search.halving import Halving
from searchspace.search.journal import Journal
from searchspace.search.outcome import conclude, fold_entry
from searchspace.search.settings import RandomSearch, TreeParzenSearch
from searchspace.search.space import AbstractSpace
from searchspace.search.suggestions import Recorded, Sampled, Suggestions
from trainables.events import EpochEnded, Event, FitEnded, TrialDropped
from trainables.planning import Trial


@dataclass(frozen=True)
class Proposal:
    """A trial to run: its number in the search, its dotted settings and its plan."""

    number: int
    settings: dict[str, Any]
    trial: Trial


class Proposer:
    """Suggests trials and keeps the record. One process drives it; it holds a database open and is not pickled.

    Args:
        study: name of the study; with the digest of the space it names the search and Optuna's study.
        space: what to search.
        settings: sampler, budget, starting points.
        record: the run folder's record; what it holds is restored.
        plan: from dotted settings to a planned trial; raises InputError when the point is impossible.
        folds: fold fits of a complete trial.
        ledger: asked for the cost of fold fits, and whether complete trials still have theirs.
        storage_url: Optuna's database; None keeps it in memory.
        replay: entries of another search whose suggestions are to be handed out, instead of sampling.
        clock: seconds from any zero.

    Raises:
        InputError: the record is of another space, or of other data, folds or fixed settings; a starting point is
            outside the space; the budget is less than one trial; the database cannot be opened.
    """

    def __init__(
        self,
        study: str,
        space: AbstractSpace,
        settings: TreeParzenSearch | RandomSearch,
        record: SearchRecord,
        plan: Callable[[dict[str, Any]], Trial],
        *,
        folds: int,
        ledger: Ledger,
        storage_url: str | None = None,
        replay: Sequence[Entry] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = f"{study}-{space.digest[:12]}"
        self.finished: str | None = None
        self._settings, self._plan, self._folds, self._ledger = settings, plan, folds, ledger
        self._halving = Halving(settings.halving) if settings.halving else None
        self._suggestions: Suggestions = (
            Sampled(space, settings, folds) if replay is None else Recorded(replay, self.name)
        )
        self._journal = Journal(self.name, record, storage_url, clock)
        self._trials = {entry.number: self._same_trial(entry) for entry in self.entries if entry.handed_out}
        self._pending = self._restored()

    @property
    def entries(self) -> list[Entry]:
        """The record as it stands, by number."""
        return list(self._journal.entries)

    @property
    def study(self) -> optuna.Study:
        """Optuna's study as it stands."""
        return self._journal.study

    @property
    def damaged(self) -> list[str]:
        """One line for each entry of the record that could not be read."""
        return [str(entry.reason) for entry in self.entries if entry.state == "damaged"]

    @property
    def proposals(self) -> list[Proposal]:
        """Every trial that was handed out, by number; the tables are made of these."""
        return [self._proposal(number) for number in self._trials]

    def ask(self) -> Proposal | None:
        """Return the next trial to run, or None.

        None with `finished` set ends the search, for that reason; None without it means: nothing until a running trial
        has been told. Trials that a killed process left come first.

        Raises:
            InputError: the space is at fault, or gives impossible points only.
        """
        if self._pending:
            return self._proposal(self._pending.pop(0))
        while (over := self._suggestions.over(self._journal)) is None:
            entry = self._suggest()
            if entry.handed_out:
                return self._proposal(entry.number)
        self.finished = None if self._journal.running else over
        return None

    def hear(self, number: int, event: Event) -> None:
        """Note an event of a running trial: a fold fit that ended, an epoch that halving looks at, a verdict."""
        entry = self._journal.entries[number]
        if entry.state != "running":
            return
        if isinstance(event, FitEnded):
            folds = {(fold.repeat, fold.fold): fold for fold in entry.folds}
            folds[event.repeat, event.fold] = fold_entry(event)  # one that is heard again keeps its place
            self._journal.keep(dataclasses.replace(entry, folds=tuple(folds.values())))
        elif isinstance(event, TrialDropped):
            self._journal.keep(dataclasses.replace(entry, dropped={"rule": event.rule, "evidence": event.evidence}))
        elif (mcr := event.inner.get("mcr")) is not None and self._is_rung(number, event):
            self._journal.keep(dataclasses.replace(entry, inner={**entry.inner, event.epoch: mcr}))

    def tell(self, number: int, error: str | None = None) -> Entry:
        """Note that a trial has ended, and return its entry with state, value and reason.

        Args:
            number: of the proposal.
            error: why it could not be run to its end, if so.
        """
        entry = self._journal.entries[number]
        if entry.state != "running":
            return entry  # a complete trial that was handed out again because its fold fits were lost
        others = [other.scores for other in self.entries if other.number != number]
        return self._journal.tell(conclude(entry, self._folds, others, self._settings.constraints, self._ledger, error))

    def put_back(self, number: int) -> None:
        """Hand a running trial out again, before any other: its process or its machine went, its fold fits are kept."""
        self._pending.insert(0, number)

    def _suggest(self) -> Entry:
        """Take the next suggestion into the journal, running or, when it is not worth running, skipped."""
        fields, reason = self._suggestions.next(self._journal)
        number = len(self._journal.entries)
        entry = Entry(study=self.name, number=number, state="running", asked=0, asked_at=0.0, **fields)
        if reason is not None:
            return self._journal.skip(entry, reason)
        try:
            trial = self._plan(entry.settings)
        except InputError as error:
            return self._journal.skip(entry, f"impossible: {error}")
        entry = dataclasses.replace(
            entry, configuration=trial.identifier, label=trial.label, fits=_digest_of_fits(trial)
        )
        known = [other.number for other in self.entries if other.configuration == trial.identifier]
        if known:
            return self._journal.skip(entry, f"the same configuration as trial {known[0]}")
        self._trials[number] = trial
        return self._journal.ask(entry)

    def _restored(self) -> list[int]:
        """Return the numbers to hand out again: trials that ran, and complete ones whose fold fits were lost."""
        pending = []
        for entry in self.entries:
            if entry.state == "running" and entry.dropped is not None:
                self.tell(entry.number)
            elif entry.state == "running" or self._has_lost_fits(entry):
                pending.append(entry.number)
        return pending

    def _has_lost_fits(self, entry: Entry) -> bool:
        return entry.state == "complete" and any(self._ledger.get(fold.key) is None for fold in entry.folds)

    def _same_trial(self, entry: Entry) -> Trial:
        try:
            trial = self._plan(entry.settings)
        except InputError:
            trial = None
        if trial is None or _digest_of_fits(trial) != entry.fits:
            raise InputError(
                "the run folder holds a search on other data, folds, fixed settings or component versions "
                f"(its trial {entry.number}, {entry.label}, is another one now); choose another --out"
            )
        return trial

    def _is_rung(self, number: int, event: EpochEnded) -> bool:
        first = self._trials[number].fits[0].identity
        of_first = (event.repeat, event.fold) == (first["repeat"], first["fold"])
        return self._halving is not None and of_first and self._halving.is_rung(event.epoch, event.epochs)

    def _proposal(self, number: int) -> Proposal:
        return Proposal(number, self._journal.entries[number].settings, self._trials[number])


def _digest_of_fits(trial: Trial) -> str:
    return digest([fit.key for fit in trial.fits])
