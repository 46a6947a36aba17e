"""A search as its figures and warnings see it: the dimensions of its space, and what its trials are compared by.

Trials are compared by one number: the MCR of a complete one, and of one that racing dropped its fold-blocked estimate,
as if it had seen all folds. A trial that was dropped in its first fold, or that failed, has none.
"""

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.search_record import Entry
from analysis.tables.dimensions import Dimension

FEW_WHOLE = 8
"""A range of whole numbers with at most so many of them is a list of levels."""

BINS = 5
"""Equal parts of a range, of its logarithm where it is searched so."""

ENDINGS = ("complete", "over a limit", "dropped by racing", "dropped by halving", "failed", "running")
"""How a trial can have ended; `over a limit`: complete, but it breaks a limit of the study."""


@dataclass(frozen=True)
class Axis:
    """One dimension of the space: `levels` in the order of the study, or none and a range from `low` to `high`.

    `conditional`: some trials lack it, because it exists only where other dimensions have certain values.
    """

    name: str
    levels: tuple[str, ...] = ()
    low: float = math.nan
    high: float = math.nan
    log: bool = False
    whole: bool = False
    conditional: bool = False

    @property
    def title(self) -> str:
        """The dimension as a heading: `fusion`, `training learning rate`."""
        return Dimension(self.name, is_subset=False).title

    def share(self, value: float) -> float:
        """Return where a value lies in the range, 0 at `low` and 1 at `high`, on the scale that is searched."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def at(self, share: float) -> float:
        """Return the value at a share of the range."""
        return self.low * (self.high / self.low) ** share if self.log else self.low + share * (self.high - self.low)

    def groups(self) -> tuple[str, ...]:
        """Return what trials are grouped by: the levels, or equal parts of the range."""
        if self.levels:
            return self.levels
        edges = [_short(self.at(part / BINS)) for part in range(BINS + 1)]
        return tuple(f"{low} to {high}" for low, high in itertools.pairwise(edges))

    def group_of(self, entry: Entry) -> int | None:
        """Return the place of a trial in `groups`; None where it lacks the dimension."""
        if self.name not in entry.parameters:
            return None
        value = entry.parameters[self.name]
        if self.levels:
            return self.levels.index(level_text(value))
        return min(BINS - 1, max(0, int(BINS * self.share(float(value)))))


def search_axes(entries: Sequence[Entry]) -> tuple[Axis, ...]:
    """Return the dimensions that the trials of a search have, in the order in which they first appear.

    A dimension with one value only is left out. A range whose ends differ between trials spans them all.
    """
    suggested = [entry for entry in entries if entry.distributions]
    names = dict.fromkeys(name for entry in suggested for name in entry.parameters)
    axes = []
    for name in names:
        having = [entry for entry in suggested if name in entry.distributions and name in entry.parameters]
        forms = [json.loads(text) for text in dict.fromkeys(entry.distributions[name] for entry in having)]
        axis = _axis(name, [form["attributes"] for form in forms], conditional=len(having) < len(suggested))
        if len(axis.levels) != 1:
            axes.append(axis)
    return tuple(axes)


def level_text(value: Any) -> str:
    """Return a parameter as people read it; lists are stored as JSON text."""
    if isinstance(value, str) and value[:1] in "[{" and value:
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, list):
        return " + ".join(map(str, value)) or "none"
    of = Dimension("", is_subset=False)
    return f"{value:g}" if isinstance(value, float) else of.text(value)


def ending(entry: Entry) -> str:
    """Return how a trial ended, one of `ENDINGS`."""
    if entry.state == "pruned" and entry.dropped is not None:
        return "dropped by halving" if entry.dropped.get("rule") == "halving" else "dropped by racing"
    if entry.state == "complete":
        return "complete" if entry.feasible else "over a limit"
    return "running" if entry.state == "running" else "failed"


def comparable(entry: Entry) -> float | None:
    """Return the MCR that compares a trial: measured, or estimated of one that racing dropped; None of others."""
    if entry.value is not None:
        return entry.value
    if entry.state == "pruned" and entry.scores and entry.intermediate:
        return entry.intermediate[max(entry.intermediate)]
    return None


def handed_out(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the trials that were run, by number."""
    return tuple(sorted((entry for entry in entries if entry.handed_out), key=lambda entry: entry.number))


def _axis(name: str, forms: Sequence[dict[str, Any]], *, conditional: bool) -> Axis:
    if "choices" in forms[0]:
        levels = tuple(dict.fromkeys(level_text(choice) for form in forms for choice in form["choices"]))
        return Axis(name, levels=levels, conditional=conditional)
    low, high = min(form["low"] for form in forms), max(form["high"] for form in forms)
    whole = isinstance(low, int) and isinstance(high, int)
    if low == high:
        return Axis(name, levels=(f"{low:g}",), conditional=conditional)
    if whole and high - low < FEW_WHOLE:
        return Axis(name, levels=tuple(str(value) for value in range(low, high + 1)), conditional=conditional)
    return Axis(name, low=low, high=high, log=bool(forms[0]["log"]), whole=whole, conditional=conditional)


def _short(value: float) -> str:
    return f"{value:.2g}"
