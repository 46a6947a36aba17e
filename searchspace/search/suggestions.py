"""Where suggestions come from: sampled by Optuna within a budget, or read from the record of another search."""

from collections.abc import Sequence
from typing import Any, Protocol

from analysis.search_record import Entry
from models.errors import InputError
from searchspace.search.backend import add_to_study, ask_study, suggestion_of
from searchspace.search.budget import Budget
from searchspace.search.journal import Journal
from searchspace.search.order import as_asked
from searchspace.search.settings import RandomSearch, TreeParzenSearch
from searchspace.search.space import AbstractSpace

ATTEMPTS = 100
"""Suggestions in a row that may be impossible or known already before the search gives up."""


class Suggestions(Protocol):
    """A source of trials."""

    def over(self, journal: Journal) -> str | None:
        """Return why there is no further suggestion, or None."""

    def next(self, journal: Journal) -> tuple[dict[str, Any], str | None]:
        """Make the next trial of the study; return the entry's fields, and why it is not to be run, if so."""


class Sampled:
    """Suggestions of the study's sampler.

    Raises:
        InputError: a starting point is outside the space, or the budget is less than one trial of `folds` fold fits.
    """

    def __init__(self, space: AbstractSpace, settings: TreeParzenSearch | RandomSearch, folds: int) -> None:
        space.starting_points(settings.start)
        self._space, self._settings, self._budget = space, settings, Budget(settings, folds)

    def over(self, journal: Journal) -> str | None:
        """Return the limit that is reached, or that the space is exhausted, or None.

        Raises:
            InputError: no suggestion so far was possible.
        """
        if journal.skipped < ATTEMPTS:
            return self._budget.spent(journal.entries, journal.seconds)
        if not any(entry.handed_out for entry in journal.entries):
            last = journal.entries[-1].reason
            raise InputError(f"search: {ATTEMPTS} suggestions in a row cannot be used; the last one: {last}")
        return f"{ATTEMPTS} suggestions in a row gave no new configuration: the space is exhausted"

    def next(self, journal: Journal) -> tuple[dict[str, Any], str | None]:
        """Ask the sampler."""
        trial, point = ask_study(journal.study, self._space, self._settings, journal.skipped)
        return {"settings": point, **suggestion_of(trial)}, None


class Recorded:
    """The suggestions of another search, in its order and under its numbers; its budget was spent there.

    Raises:
        InputError: there is none, one of them is damaged, or they are of another search than `name`.
    """

    def __init__(self, entries: Sequence[Entry], name: str) -> None:
        self._entries = list(entries)
        if not self._entries:
            raise InputError("--replay: there is no search in that run folder")
        for entry in self._entries:
            if entry.state == "damaged":
                raise InputError(f"--replay: {entry.reason}")
            if entry.study != name:
                raise InputError(f"--replay: that run folder holds the search {entry.study}, not {name}")

    def over(self, journal: Journal) -> str | None:
        """Return that all were handed out, or None."""
        n = len(self._entries)
        return None if len(journal.entries) < n else f"all {n} recorded suggestions were handed out"

    def next(self, journal: Journal) -> tuple[dict[str, Any], str | None]:
        """Give the study the recorded trial; what was skipped there is skipped here, for the same reason."""
        entry = self._entries[len(journal.entries)]
        add_to_study(journal.study, as_asked(entry))
        kept = ("settings", "parameters", "distributions", "attributes")
        return {name: getattr(entry, name) for name in kept}, entry.reason if entry.state == "skipped" else None
