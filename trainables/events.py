"""What a fold fit says while it runs, and the report shim: the same plain rows under every executor.

A fold fit yields events. Inline hands them on as they are; a Tune or Train worker sends `to_report(events)`, a flat
dict that crosses processes, and the driver reads it back with `from_report`. Nothing here knows of Ray.
"""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class EpochEnded:
    """One epoch (from 1) of a fold fit: mean training loss, learning rate; loss, MCR, AUC of the inner part, if cut."""

    repeat: int
    fold: int
    epoch: int
    epochs: int
    loss: float
    learning_rate: float
    inner: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FitEnded:
    """A fold fit is in the ledger; `reused` when it was there before. `metrics` are those of the evaluation fold."""

    repeat: int
    fold: int
    key: str
    state: str
    reused: bool
    metrics: dict[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrialDropped:
    """The trial goes no further: `rule` names the rule that dropped it, `evidence` the numbers it went by."""

    rule: str
    evidence: dict[str, Any] = field(default_factory=dict)


Event = EpochEnded | FitEnded | TrialDropped
_KINDS: dict[str, type[Any]] = {"epoch": EpochEnded, "fit": FitEnded, "dropped": TrialDropped}

Judge = Callable[[str, Event], TrialDropped | None]
"""Given a trial's identifier and its newest event, says whether the trial ends here, and on what evidence."""


def to_report(events: Iterable[Event]) -> dict[str, Any]:
    """Return events as one plain dict for `ray.train.report`, a Tune result, or JSON."""
    names = {kind: name for name, kind in _KINDS.items()}
    return {"events": [{"kind": names[type(event)], **dataclasses.asdict(event)} for event in events]}


def from_report(report: dict[str, Any]) -> list[Event]:
    """Read the events of a report back, in order."""
    rows = [dict(row) for row in report.get("events", [])]
    return [_KINDS[row.pop("kind")](**row) for row in rows]
