"""The referee: one judge for all executors, from a fold fit's events to "the trial ends here, on this evidence".

It holds scores only, so it can be pickled into an actor and restored from the search record. It is a `Judge`:

    referee = Referee(settings, folds={(0, 0): 2003, ...}, ledger=ledger)
    referee.restore(record.load())
    dropped = referee.judge(trial.identifier, event)
"""

from collections.abc import Iterable, Mapping

from analysis.ledger import Ledger
from analysis.search_record import Entry, Fold, FoldEntry
from searchspace.search.halving import Halving
from searchspace.search.outcome import excess_of, fold_entry
from searchspace.search.racing import Race
from searchspace.search.settings import SearchSettings
from trainables.events import EpochEnded, Event, FitEnded, TrialDropped


class Referee:
    """Judges trials by the rules of a search.

    A trial that lost a fold fit (diverged, failed, no finite score) is dropped as well, by the rule `failure`: it can
    never be complete.

    Args:
        settings: margin of the race, halving and constraints.
        folds: evaluation samples of every planned (repeat, fold), in the order in which trials take them.
        ledger: where the cost of a fold fit is looked up when there are constraints.
    """

    def __init__(self, settings: SearchSettings, folds: Mapping[Fold, int], ledger: Ledger) -> None:
        self._race = Race(settings.racing, folds) if settings.racing else None
        self._halving = Halving(settings.halving) if settings.halving else None
        self._constraints, self._ledger = settings.constraints, ledger
        self._first = next(iter(folds))
        self._fits: dict[str, dict[Fold, FoldEntry]] = {}
        self._complete: set[str] = set()

    def judge(self, identifier: str, event: Event) -> TrialDropped | None:
        """Take notice of an event of a trial, and return the verdict if the trial ends here.

        A trial that was restored as complete runs only to replace lost fold fits, and is not judged again.
        """
        if identifier in self._complete:
            return None
        if isinstance(event, EpochEnded):
            return self._judge_epoch(identifier, event)
        return self._judge_fit(identifier, event) if isinstance(event, FitEnded) else None

    def restore(self, entries: Iterable[Entry]) -> None:
        """Take notice of what the record holds, of ended and of running trials."""
        for entry in entries:
            if entry.configuration is None or not entry.handed_out:
                continue
            if entry.state == "complete":
                self._complete.add(entry.configuration)
            self._fits[entry.configuration] = {(fit.repeat, fit.fold): fit for fit in entry.folds}
            if self._race:
                for fold, score in entry.scores.items():
                    self._race.add(entry.configuration, fold, score)
                self._race.bar(entry.configuration, not entry.feasible)
            if self._halving:
                for epoch, mcr in entry.inner.items():
                    self._halving.add(entry.configuration, epoch, mcr)

    def _judge_epoch(self, identifier: str, event: EpochEnded) -> TrialDropped | None:
        mcr = event.inner.get("mcr")
        if self._halving is None or mcr is None or (event.repeat, event.fold) != self._first:
            return None
        if not self._halving.is_rung(event.epoch, event.epochs):
            return None
        self._halving.add(identifier, event.epoch, mcr)
        evidence = self._halving.judge(identifier, event.epoch)
        return TrialDropped(rule="halving", evidence=evidence) if evidence else None

    def _judge_fit(self, identifier: str, event: FitEnded) -> TrialDropped | None:
        fit, fold = fold_entry(event), (event.repeat, event.fold)
        if fit.mcr is None:
            evidence = {"fold": list(fold), "state": fit.state, "reason": fit.reason}
            return TrialDropped(rule="failure", evidence=evidence)
        if self._race is None:
            return None
        fits = self._fits.setdefault(identifier, {})
        fits[fold] = fit
        excess = excess_of(self._constraints, list(fits.values()), self._ledger)
        self._race.add(identifier, fold, fit.mcr)
        self._race.bar(identifier, any(share > 0.0 for share in excess.values()))
        evidence = self._race.judge(identifier) or {}
        return TrialDropped(rule="racing", evidence=evidence) if evidence else None
