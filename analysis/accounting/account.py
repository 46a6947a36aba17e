"""The account of a run: each planned fold fit in exactly one state, counted, and every violation in words."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from analysis.accounting.findings import STATES, FitAccount, State, Violation, fit_account, other_fit
from analysis.accounting.remains import ledger_remains, search_remains
from analysis.accounting.rows import Read, prediction_violations
from analysis.accounting.trials import Trials, trial_violations, trials_by_configuration, with_trials, without_record
from analysis.ledger import FitRecord
from analysis.loading import Planned, open_planned
from analysis.manifest import Manifest, PlannedPart
from analysis.predictions import FoldPredictions, fold_predictions


@dataclass(frozen=True)
class Account:
    """What became of every planned fold fit.

    `violations` must be empty. `remains` are what crashed processes left while the run is unfinished: its next start
    mends them, and where a run is finished they are violations. `searching`: a search that has not ended may plan more.
    """

    study: str
    location: str
    fits: tuple[FitAccount, ...]
    violations: tuple[Violation, ...]
    remains: tuple[Violation, ...] = ()
    searching: bool = False

    @cached_property
    def counts(self) -> dict[State, int]:
        """How many planned fold fits are in each state."""
        found = Counter(fit.state for fit in self.fits)
        return {state: found[state] for state in STATES}

    @property
    def open(self) -> tuple[FitAccount, ...]:
        """The fold fits that are still to come."""
        return tuple(fit for fit in self.fits if not fit.settled)

    @property
    def accounted(self) -> bool:
        """Whether every planned fold fit is settled, with nothing wrong, and none can be added."""
        return not (self.open or self.violations or self.remains or self.searching)


def account(location: str | Path, study: str | None = None) -> Account:
    """Account for every planned fold fit of a run folder or a ledger.

    Args:
        location: a local folder or a URI (`s3://...`).
        study: of a ledger, the name of one of the studies it holds.

    Raises:
        AnalysisError: no run and no ledger is there, its plan cannot be read, or the study is not named where there are
            several; what is wrong with single fold fits is a violation.
    """
    planned = open_planned(location, study)
    records = planned.ledger.records(sorted(wanted_keys(planned)) if planned.shared else None)

    def read(record: FitRecord) -> FoldPredictions:
        return fold_predictions(record, planned.ledger.predictions(record))

    return account_of(planned, records, read)


def account_of(planned: Planned, records: Mapping[str, FitRecord], read: Read) -> Account:
    """Account for a run whose records were read already.

    Args:
        planned: the run.
        records: those readable, by key; what is damaged is in the ledger's `damaged`.
        read: gives the predictions of a done fold fit.
    """
    manifest, damaged = planned.manifest, dict(planned.ledger.damaged)
    if planned.shared:  # what is wrong with fold fits of other runs is theirs
        wanted = wanted_keys(planned)
        damaged = {key: reason for key, reason in damaged.items() if key in wanted}
    fits: list[FitAccount] = []
    found = [_unreadable(key, reason) for key, reason in sorted(damaged.items())]
    for part in manifest.parts:
        entries = planned.entries if part.role == "search" else ()
        trials = trials_by_configuration(entries)
        whole = with_trials(part, trials) if part.role == "search" else part
        of_part = _fits(whole, trials, records)
        fits += of_part
        found += [
            *_twice(whole),
            *_of_records(whole, records),
            *trial_violations(whole, entries, records, damaged),
            *prediction_violations(whole, records, read),
        ]
        if not entries:  # the record of a search tells of each trial what is lost
            found += _lost(manifest, of_part, damaged)
    remains = _remains(planned, fits, records)
    searching = manifest.ended is False and any(part.role == "search" for part in manifest.parts)
    unfinished = not manifest.ended and (searching or not all(fit.settled for fit in fits))
    return Account(
        study=manifest.study,
        location=planned.folder.location,
        fits=tuple(fits),
        violations=tuple(found if unfinished else [*found, *remains]),
        remains=tuple(remains if unfinished else ()),
        searching=searching,
    )


def wanted_keys(planned: Planned) -> set[str]:
    """Return the keys of all fold fits that a run has planned or its search has heard of."""
    planned_fits = {fit.key for part in planned.manifest.parts for one in part.configurations for fit in one.fits}
    return (planned_fits | {fold.key for entry in planned.entries for fold in entry.folds}) - {""}


def _fits(part: PlannedPart, trials: Trials, records: Mapping[str, FitRecord]) -> list[FitAccount]:
    found = []
    for one in part.configurations:
        for fit in one.fits:
            record, entry = records.get(fit.key), trials.get(one.identifier)
            state, reason = (record.state, record.reason) if record else without_record(one, entry)
            found.append(fit_account(part, one, fit, state, reason))
    return found


def _twice(part: PlannedPart) -> list[Violation]:
    """Find what a part would count more than once: a configuration, a fold of one, or one fold fit as two."""
    places = Counter((one.identifier, fit.repeat, fit.fold) for one in part.configurations for fit in one.fits)
    keys = Counter(fit.key for one in part.configurations for fit in one.fits if fit.key)
    labels = {one.identifier: one.label for one in part.configurations}
    twice = [
        f"{labels[identifier]}, repeat {repeat}, fold {fold}: stands {count} times in {part.name or part.role}"
        for (identifier, repeat, fold), count in places.items()
        if count > 1
    ]
    if not twice:
        twice = [f"fold fit {key[:12]} stands for {count} planned ones" for key, count in keys.items() if count > 1]
    return [Violation(kind="twice", text=text) for text in twice]


def _of_records(part: PlannedPart, records: Mapping[str, FitRecord]) -> Iterable[Violation]:
    """Find records that are of another fold fit than planned under their key, or say nothing of what went wrong."""
    for one in part.configurations:
        for fit in one.fits:
            record = records.get(fit.key)
            if record is None:
                continue
            where = f"{one.label}, repeat {fit.repeat}, fold {fit.fold}"
            if other := other_fit(part, one, fit, record):
                yield Violation(kind="foreign", text=f"{where}: its record is of {other}")
            if record.state != "done" and not record.reason:
                yield Violation(kind="unexplained", text=f"{where}: {record.state} without a reason")


def _unreadable(key: str, reason: str) -> Violation:
    return Violation(kind="unreadable", text=f"fold fit {key[:12]} cannot be used: {reason}")


def _lost(manifest: Manifest, fits: Sequence[FitAccount], damaged: Collection[str]) -> list[Violation]:
    """Find the fold fits without a record though their run has ended, but for those whose record is damaged."""
    if not manifest.ended:
        return []
    return [
        Violation(kind="lost", text=f"{fit}: the run has ended, the ledger has no record")
        for fit in fits
        if not fit.settled and fit.key not in damaged
    ]


def _remains(planned: Planned, fits: Sequence[FitAccount], records: Mapping[str, FitRecord]) -> list[Violation]:
    ended_badly = {key for key, record in records.items() if record.state != "done"}
    return [
        *ledger_remains(
            planned.ledger.storage,
            settled={fit.key for fit in fits if fit.settled and fit.key},
            recorded=set(planned.ledger.keys()) - ended_badly,
            planned={fit.key for fit in fits} if planned.shared else None,
        ),
        *search_remains(planned.folder, planned.entries),
    ]
