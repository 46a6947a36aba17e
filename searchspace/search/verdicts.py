"""The verdicts of another search, for its replay: every trial ends where it ended there.

What a referee says depends on which trials have ended before. A replay that judged anew, with other trials running at
the same time, would drop others.
"""

from collections.abc import Sequence

from analysis.search_record import Entry, Fold
from trainables.events import EpochEnded, Event, FitEnded, TrialDropped


class RecordedVerdicts:
    """A judge that repeats the record: a trial is dropped when it has done what it had done there."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = {entry.configuration: entry for entry in entries if entry.dropped is not None}
        self._done: dict[str, set[Fold]] = {}

    def judge(self, identifier: str, event: Event) -> TrialDropped | None:
        """Take notice of an event of a trial, and return the recorded verdict if the trial ended here."""
        entry = self._entries.get(identifier)
        if entry is None or entry.dropped is None or isinstance(event, TrialDropped):
            return None
        recorded = {(fold.repeat, fold.fold) for fold in entry.folds}
        done = self._done.setdefault(identifier, set())
        if isinstance(event, FitEnded):
            done.add((event.repeat, event.fold))
        if recorded and not recorded <= done:
            return None
        if isinstance(event, EpochEnded) and event.epoch != entry.dropped["evidence"].get("epoch"):
            return None
        return TrialDropped(rule=entry.dropped["rule"], evidence=entry.dropped["evidence"])


def differing_scores(entries: Sequence[Entry], recorded: Sequence[Entry]) -> list[str]:
    """Return one line for each trial of a replay whose fold fits do not have the recorded scores."""
    before = {entry.number: {fold.key: fold.mcr for fold in entry.folds} for entry in recorded}
    differences = []
    for entry in entries:
        was = before.get(entry.number, {})
        for fold in entry.folds:
            if fold.key in was and fold.mcr != was[fold.key]:
                place = f"trial {entry.number}, fold {fold.fold}"
                differences.append(f"{place}: MCR {fold.mcr!r}, recorded {was[fold.key]!r}")
        if missing := set(was) - {fold.key for fold in entry.folds}:
            differences.append(f"trial {entry.number}: {len(missing)} recorded fold fits were not run")
    return differences
