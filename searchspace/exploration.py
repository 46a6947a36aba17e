"""A search in a run folder: the proposer that suggests, the referee that judges, and what they came to."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.ledger import digest
from analysis.ledger.storage import Storage
from models.errors import InputError
from searchspace.grid import NAMED, label
from searchspace.plan import Plan
from searchspace.points import configuration_at
from searchspace.search import Entry, Proposer, Referee, SearchRecord
from searchspace.search.settings import RandomSearch, TreeParzenSearch
from searchspace.search.verdicts import RecordedVerdicts
from searchspace.workspace import DATABASE
from trainables.events import Event, FitEnded, Judge, TrialDropped
from trainables.planning import Trial, plan_trial
from trainables.trial import run_trial

MANY = 10_000


@dataclass(frozen=True)
class Exploration:
    """An open search: hand out `proposer.ask()`, `hear` its events, `proposer.tell` when it has ended.

    `judge` ends trials early, and can be pickled. `replayed` is the record of another search that is run again, if any.
    """

    plan: Plan
    proposer: Proposer
    judge: Judge
    replayed: Sequence[Entry] | None = None

    @property
    def settings(self) -> TreeParzenSearch | RandomSearch:
        """Sampler, budget, and what ends a trial early."""
        return _settings(self.plan)

    @property
    def most_trials(self) -> int:
        """How many complete trials the budget allows; 0 where only hours limit it, for then nobody knows."""
        limits = [self.settings.trials, self.settings.fold_fits and self.settings.fold_fits // self.folds]
        return min((limit for limit in limits if limit), default=0)

    @property
    def most_at_once(self) -> int:
        """How many trials may run at the same time, room provided."""
        limits = [self.settings.trials, self.settings.at_once, MANY]
        return min(limit for limit in limits if limit)

    @property
    def folds(self) -> int:
        """Fold fits of a complete trial."""
        return len(self.plan.context.splits_of(self.plan.candidates[0]))

    def explored(self) -> Plan:
        """Return the plan with the trials that were suggested so far."""
        trials = tuple(proposal.trial for proposal in self.proposer.proposals)
        dropped = {
            entry.configuration: str(entry.dropped["rule"])
            for entry in self.proposer.entries
            if entry.configuration is not None and entry.dropped is not None
        }
        known = self.plan.context.ledger.records(fit.key for trial in trials for fit in trial.fits)
        return dataclasses.replace(self.plan, trials=trials, known=known, dropped=dropped)

    def told(self) -> list[tuple[Trial, list[Event]]]:
        """Return the trials that had ended when the search was opened, with what they said, from the ledger."""
        trials = {proposal.number: proposal.trial for proposal in self.proposer.proposals}
        ended = [entry for entry in self.proposer.entries if entry.number in trials and entry.state != "running"]
        return [(trials[entry.number], self._events(trials[entry.number], entry)) for entry in ended]

    def _events(self, trial: Trial, entry: Entry) -> list[Event]:
        keys = {fold.key for fold in entry.folds if fold.state == "done"}
        fits = [fit for fit in trial.fits if fit.key in keys and self.plan.context.ledger.get(fit.key)]
        events: list[Event] = [
            event for event in run_trial(trial, self.plan.context, workers=1, fits=fits) if isinstance(event, FitEnded)
        ]
        dropped = entry.dropped
        return events + ([TrialDropped(rule=dropped["rule"], evidence=dropped["evidence"])] if dropped else [])


def open_exploration(plan: Plan, storage: Storage, scratch: Path, replay: str | None) -> Exploration:
    """Open the search of a run folder, with what it holds already.

    Args:
        plan: of a study that searches.
        storage: the run folder.
        scratch: a local folder for Optuna's database.
        replay: another run folder, whose suggestions are handed out again instead of sampling new ones.

    Raises:
        InputError: as `Proposer`.
    """
    assert plan.space is not None
    settings, record = _settings(plan), SearchRecord(storage)
    replayed = _recorded(replay)
    first = plan.context.splits_of(plan.candidates[0])
    proposer = Proposer(
        plan.study.name,
        plan.space,
        settings,
        record,
        lambda point: _planned(plan, point),
        folds=len(first),
        ledger=plan.context.ledger,
        storage_url=f"sqlite:///{scratch / DATABASE}",
        replay=replayed,
    )
    if replayed is not None:
        _check_same_fits(plan, replayed)
        return Exploration(plan, proposer, RecordedVerdicts(replayed).judge, replayed)
    sizes = {(split.repeat, split.fold): len(split.test) for split in first}
    referee = Referee(settings, sizes, plan.context.ledger)
    referee.restore(proposer.entries)
    return Exploration(plan, proposer, referee.judge)


def _settings(plan: Plan) -> TreeParzenSearch | RandomSearch:
    settings = plan.study.strategy
    assert isinstance(settings, TreeParzenSearch | RandomSearch)
    return settings


def _recorded(location: str | None) -> Sequence[Entry] | None:
    if location is None:
        return None
    return SearchRecord(Storage(location)).load()


def _check_same_fits(plan: Plan, recorded: Sequence[Entry]) -> None:
    """Refuse to repeat the suggestions of a search whose trials would be other ones here."""
    for entry in recorded:
        if entry.handed_out and digest([fit.key for fit in _planned(plan, entry.settings).fits]) != entry.fits:
            raise InputError(
                "--replay: that run folder holds a search on other data, folds, fixed settings or component versions "
                f"(its trial {entry.number}, {entry.label}, is another one here)"
            )


def _planned(plan: Plan, point: dict[str, object]) -> Trial:
    """Plan the trial of a point.

    Raises:
        InputError: the point is impossible.
    """
    configuration = configuration_at(plan.study, point)
    splits = plan.context.splits_of(configuration)
    if len(splits) != len(plan.context.splits_of(plan.candidates[0])):
        raise InputError("the point has another number of folds")
    assert plan.space is not None
    varied = [name for name in plan.space.factors if name not in NAMED]
    return plan_trial(label(configuration, varied), configuration, plan.context)
