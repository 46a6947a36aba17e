"""The running search: its entries in memory, in the record and in Optuna's study, which move together.

The record is written first. A process killed between the two leaves a study that differs from the record, and the study
is made again at the next start.
"""

import dataclasses
from collections.abc import Callable

from analysis.search_record import Entry, SearchRecord
from models.errors import InputError
from searchspace.search.backend import open_study, tell_study
from searchspace.search.order import moments, skipped_in_a_row


class Journal:
    """Asks and tells in order. `skipped`: suggestions in a row, since news came, that were not worth running.

    Args:
        name: of the search: study and digest of the space.
        record: what is there is loaded.
        storage_url: Optuna's database; None keeps it in memory.
        clock: seconds from any zero; the search's own time goes on from the record's.

    Raises:
        InputError: the record is of another search, or the database cannot be opened.
    """

    def __init__(self, name: str, record: SearchRecord, storage_url: str | None, clock: Callable[[], float]) -> None:
        self.name, self._record, self._clock = name, record, clock
        self.entries = record.load()
        for entry in self.entries:
            if entry.state != "damaged" and entry.study != name:
                raise InputError(
                    f"the run folder holds the search {entry.study}, not {name}: another study, or another space; "
                    "choose another --out"
                )
        self.study = open_study(name, storage_url, self.entries)
        self.skipped = skipped_in_a_row(self.entries)
        self._order = 1 + max((order for order, _, _ in moments(self.entries)), default=-1)
        earlier = max((max(entry.asked_at, entry.told_at or 0.0) for entry in self.entries), default=0.0)
        self._zero = clock() - earlier

    @property
    def seconds(self) -> float:
        """Seconds of search so far, over all its processes."""
        return round(self._clock() - self._zero, 3)

    @property
    def running(self) -> bool:
        """Whether any trial has been handed out and not told."""
        return any(entry.state == "running" for entry in self.entries)

    def ask(self, entry: Entry) -> Entry:
        """Add a trial that Optuna just suggested and that is going to run."""
        asked = self._stamped(entry)
        self.entries.append(asked)
        self._record.write(asked)
        self.skipped = 0
        return asked

    def skip(self, entry: Entry, reason: str) -> Entry:
        """Add a trial that Optuna just suggested and that is not worth running, and tell it at once."""
        self.entries.append(self._stamped(entry))
        told = self.tell(dataclasses.replace(self.entries[-1], state="skipped", reason=reason))
        self.skipped += 1
        return told

    def keep(self, entry: Entry) -> None:
        """Store what is newly known of a running trial."""
        self.entries[entry.number] = entry
        self._record.write(entry)

    def tell(self, entry: Entry) -> Entry:
        """Store how a trial ended and tell Optuna."""
        told = dataclasses.replace(entry, told=self._next_order(), told_at=self.seconds)
        self.keep(told)
        tell_study(self.study, told)
        self.skipped = 0 if told.handed_out else self.skipped
        return told

    def _stamped(self, entry: Entry) -> Entry:
        return dataclasses.replace(entry, asked=self._next_order(), asked_at=self.seconds)

    def _next_order(self) -> int:
        self._order += 1
        return self._order - 1
