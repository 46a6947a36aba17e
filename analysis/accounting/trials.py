"""The trials of a search as evidence: what its record says of fold fits that the ledger does not have."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from analysis.accounting.findings import State, Violation
from analysis.ledger import FitRecord, canonical_json, digest
from analysis.loading import planned_folds
from analysis.manifest import PlannedConfiguration, PlannedPart
from analysis.search_record import Entry

Trials = Mapping[str, Entry]
"""Entries of a search by configuration."""
SHOWN = 200
"""Characters of a verdict's evidence."""


def trials_by_configuration(entries: Iterable[Entry]) -> Trials:
    """Return the trials that were run, the first of each configuration."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.handed_out and entry.configuration is not None:
            found.setdefault(entry.configuration, entry)
    return found


def with_trials(part: PlannedPart, trials: Trials) -> PlannedPart:
    """Return the part of a search with the trials that came after its manifest was written last."""
    known = {one.identifier for one in part.configurations}
    later = [
        PlannedConfiguration(
            identifier=identifier,
            label=entry.label or identifier,
            configuration={},
            fits=planned_folds(part, entry),
        )
        for identifier, entry in trials.items()
        if identifier not in known
    ]
    return replace(part, configurations=(*part.configurations, *later))


def without_record(one: PlannedConfiguration, entry: Entry | None) -> tuple[State, str | None]:
    """Return the state of a fold fit that has no record, and why: pruned or failed with its trial, or open."""
    if entry is not None and entry.dropped is not None:
        evidence = canonical_json(entry.dropped.get("evidence", {}))[:SHOWN]
        return "pruned", f"{entry.dropped.get('rule')}: {evidence}"
    if entry is not None and entry.state == "pruned":
        return "pruned", None
    if entry is not None and entry.state == "failed":
        return "failed", entry.reason
    if entry is None and one.dropped is not None:
        return "pruned", f"{one.dropped}: the evidence is in the search record of its run folder"
    return "open", None


def trial_violations(
    part: PlannedPart, entries: Sequence[Entry], records: Mapping[str, FitRecord], damaged: Mapping[str, str]
) -> list[Violation]:
    """Return where the record of a search is damaged or contradicts the plan or the ledger."""
    if not entries:
        return []
    trials, planned = trials_by_configuration(entries), {one.identifier: one for one in part.configurations}
    found = [Violation(kind="unreadable", text=str(entry.reason)) for entry in entries if entry.state == "damaged"]
    count = Counter(entry.configuration for entry in entries if entry.handed_out and entry.configuration is not None)
    found += [
        Violation(kind="twice", text=f"{planned[identifier].label}: {number} trials of the search are this one")
        for identifier, number in count.items()
        if number > 1
    ]
    for identifier, entry in trials.items():
        found += _violations(entry, planned[identifier], records, damaged)
    unknown = [one for one in part.configurations if one.identifier not in trials]
    if not any(entry.state == "damaged" for entry in entries):  # it may be the missing one
        text = "the search record has no trial of it"
        found += [Violation(kind="unexplained", text=f"{one.label}: {text}") for one in unknown]
    return found


def _violations(
    entry: Entry, one: PlannedConfiguration, records: Mapping[str, FitRecord], damaged: Mapping[str, str]
) -> list[Violation]:
    where = f"trial {entry.number}, {one.label}"
    found = []
    keys = [fit.key for fit in one.fits]
    if entry.fits is not None and all(keys) and digest(keys) != entry.fits:
        found.append(Violation(kind="search", text=f"{where}: its fold fits are others than planned"))
    if entry.state == "pruned" and entry.dropped is None:
        found.append(Violation(kind="unexplained", text=f"{where}: pruned without evidence"))
    if entry.state == "failed" and not entry.reason:
        found.append(Violation(kind="unexplained", text=f"{where}: failed without a reason"))
    heard = {fold.key for fold in entry.folds}
    if entry.state == "complete" and (silent := sorted(set(filter(None, keys)) - heard)):
        found.append(Violation(kind="search", text=f"{where}: complete without fold fit {silent[0][:12]}"))
    for fold in entry.folds:
        place, record = f"{where}, repeat {fold.repeat}, fold {fold.fold}", records.get(fold.key)
        if record is None:
            if fold.key not in damaged and fold.state in ("done", "diverged"):
                text = f"{place}: the search counts it as {fold.state}, the ledger has no record"
                found.append(Violation(kind="lost", text=text))
        elif fold.state == "done" and (record.state != "done" or record.metrics.get("mcr") != fold.mcr):
            said = json.dumps([fold.mcr, record.metrics.get("mcr")])
            text = f"{place}: the search has another score than the ledger (MCR {said})"
            found.append(Violation(kind="search", text=text))
    return found
