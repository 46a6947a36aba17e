"""The order of a search: its asks and tells, as one sequence read from the record."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

from analysis.search_record import Entry

Moment = tuple[int, Literal["ask", "tell"], Entry]


def moments(entries: Sequence[Entry]) -> list[Moment]:
    """Return every ask and tell with its place in the running order, in that order."""
    found: list[Moment] = []
    for entry in entries:
        if entry.state != "damaged":
            found.append((entry.asked, "ask", entry))
            if entry.told is not None:
                found.append((entry.told, "tell", entry))
    return sorted(found, key=lambda moment: moment[0])


def skipped_in_a_row(entries: Sequence[Entry]) -> int:
    """Return how many suggestions were skipped since a trial was last handed out or told."""
    count = 0
    for _, kind, entry in moments(entries):
        if entry.handed_out:
            count = 0
        elif kind == "ask":
            count += 1
    return count


def as_asked(entry: Entry) -> Entry:
    """Return an entry as it was before it was told."""
    fresh = Entry(study=entry.study, number=entry.number, state="running", asked=entry.asked, asked_at=entry.asked_at)
    kept = ("parameters", "distributions", "attributes", "settings", "configuration", "label", "fits")
    return dataclasses.replace(fresh, **{name: getattr(entry, name) for name in kept})
