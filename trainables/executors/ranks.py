"""What one rank of a Ray Train run does: its fold fits of a trial, wave by wave, reported in lock-step with the others.

It knows nothing of Ray: `report` is Train's, a barrier of all ranks. Between two reports each rank trains for about
`REPORT_SECONDS`, or one epoch if that takes longer; a rank that is done reports nothing until all are.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist

from trainables.checkpoints import Checkpoints
from trainables.events import Event, Judge, TrialDropped, to_report
from trainables.executors.parcel import Parcel
from trainables.faults import in_one_line
from trainables.parallel import ALONE, Parallel
from trainables.planning import PlannedFit, TrialContext
from trainables.trial import run_trial

REPORT_SECONDS = 0.5
HOPELESS = (ValueError, TypeError, LookupError, AttributeError, ImportError, AssertionError, NotImplementedError)
"""Errors that a second attempt would meet again, unless storage is behind them."""


@dataclass
class Tick:
    """What a rank has to say at one report: its events, whether it has more to train, and why it cannot go on."""

    events: list[Event] = field(default_factory=list)
    busy: bool = False
    gave_up: str | None = None

    @property
    def dropped(self) -> bool:
        """Whether the judge ended the trial."""
        return any(isinstance(event, TrialDropped) for event in self.events)

    def report(self) -> dict[str, Any]:
        """Return the tick as plain values."""
        return to_report(self.events) | ({"gave_up": self.gave_up} if self.gave_up else {})


def train_share(
    parcel: Parcel, context: TrialContext, own: Parallel, judge: Judge | None, report: Callable[[dict[str, Any]], None]
) -> None:
    """Train this rank's share of a trial.

    Every rank judges the events of its own fold fits; when one is told that the trial is dropped, all return after the
    tick. An error that would come again ends the trial with its reason; any other is raised, so that Train starts the
    ranks anew.

    Args:
        parcel: the trial, and who trains what.
        context: cohort, splits, ledger and cache.
        own: this rank; torch.distributed is up when there is more than one.
        judge: asked after every event.
        report: called by all ranks the same number of times, with `Tick.report()`.
    """
    trial, together = parcel.trial(), parcel.together > 1
    team = own if together else ALONE
    word = _shared(judge, own) if judge and together else judge
    for wave in parcel.waves(judged=judge is not None):
        mine = wave if together else wave[own.rank :: own.world]
        fits = [trial.fits[position] for position in mine]
        stream = run_trial(trial, context, workers=context.threads, judge=word, fits=fits, parallel=team)
        going_on = True
        while going_on:
            tick = _tick(stream, team)
            report(Tick().report() if team.rank else tick.report())
            # One collective per report: who has more to train, was dropped, cannot go on.
            flags = torch.tensor([tick.busy, tick.dropped, tick.gave_up is not None], dtype=torch.int64)
            going_on, dropped, hopeless = (bool(count) for count in own.total(flags))
            if dropped:
                _forget(fits, context)
            if dropped or hopeless:
                return


def _tick(stream: Iterator[Event], team: Parallel) -> Tick:
    """Train until it is time to report. Ranks that train together stop after the same epoch, when rank 0 says so."""
    tick, deadline = Tick(), time.monotonic() + REPORT_SECONDS
    try:
        for event in stream:
            tick.events.append(event)
            due = torch.tensor(int(time.monotonic() >= deadline and team.rank == 0))
            if team.total(due):
                tick.busy = True
                break
    except HOPELESS as error:
        if team.world > 1 or isinstance(error.__cause__, OSError):
            raise
        tick.gave_up = in_one_line(error)
    return tick


def _shared(judge: Judge, own: Parallel) -> Judge:
    """Return a judge that rank 0 asks for all: ranks that train together must end together."""

    def ask(identifier: str, event: Event) -> TrialDropped | None:
        word = [judge(identifier, event) if own.rank == 0 else None]
        dist.broadcast_object_list(word, src=0)
        return word[0]

    return ask


def _forget(fits: list[PlannedFit], context: TrialContext) -> None:
    """Remove the checkpoints of fold fits that nobody will finish."""
    for planned in fits:
        Checkpoints(context.ledger.storage).remove(planned.key)
