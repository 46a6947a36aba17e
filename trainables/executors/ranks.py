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

from trainables.events import Event, Judge, TrialDropped, to_report
from trainables.executors.endings import GAVE_UP, HALT, LEFT, reason_to_end
from trainables.executors.parcel import Parcel
from trainables.parallel import ALONE, Parallel
from trainables.planning import TrialContext
from trainables.trial import forget, run_trial

REPORT_SECONDS = 0.5


@dataclass
class Tick:
    """What a rank has to say at one report: its events, whether it has more to train, and why it cannot go on."""

    events: list[Event] = field(default_factory=list)
    busy: bool = False
    why: dict[str, Any] = field(default_factory=dict)

    @property
    def flags(self) -> torch.Tensor:
        """Whether it is busy, was dropped by the judge, has to leave its machine, or cannot go on at all."""
        dropped = any(isinstance(event, TrialDropped) for event in self.events)
        return torch.tensor([self.busy, dropped, LEFT in self.why, bool({HALT, GAVE_UP} & set(self.why))]).long()

    def report(self) -> dict[str, Any]:
        """Return the tick as plain values."""
        return to_report(self.events) | self.why


@dataclass
class Leaving:
    """Whether this rank has to stop at its next epoch: its own machine goes, or that of another rank does."""

    notice: Callable[[], bool]
    another: bool = False

    def __call__(self) -> bool:
        """Ask."""
        return self.another or self.notice()


def train_share(
    parcel: Parcel,
    context: TrialContext,
    own: Parallel,
    judge: Judge | None,
    report: Callable[[dict[str, Any]], None],
    notice: Callable[[], bool] = lambda: False,
) -> None:
    """Train this rank's share of a trial.

    Every rank judges the events of its own fold fits; when one is told that the trial is dropped, all return after the
    tick. An error that would come again ends the trial with its reason; any other is raised, so that Train starts the
    ranks anew. When the machine of one is about to go, all save what they are training and return.

    Args:
        parcel: the trial, and who trains what.
        context: cohort, splits, ledger and cache.
        own: this rank; torch.distributed is up when there is more than one.
        judge: asked after every event.
        report: called by all ranks the same number of times, with `Tick.report()`.
        notice: tells whether this rank's machine is about to be taken away.
    """
    trial, together = parcel.trial(), parcel.together
    team = own if together else ALONE
    word = _shared(judge, own) if judge and together else judge
    leaving = Leaving(notice)
    for wave in parcel.waves(judged=judge is not None):
        mine = wave if together else wave[own.rank :: own.world]
        fits = [trial.fits[position] for position in mine]
        stream = run_trial(
            trial,
            context,
            workers=context.threads,
            judge=word,
            fits=fits,
            parallel=team,
            expendable=True,
            leaving=leaving,
        )
        going_on = True
        while going_on:
            tick = _tick(stream, team)
            report(Tick(why=tick.why).report() if team.rank else tick.report())
            # One collective per report: who has more to train, was dropped, has to leave, cannot go on.
            going_on, dropped, left, hopeless = (bool(count) for count in own.total(tick.flags))
            if dropped:
                for planned in fits:
                    forget(planned, context)
            if dropped or hopeless:
                return
            if left:
                leaving.another = True
                report((_tick(stream, team) if tick.busy and not together else Tick()).report())
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
    except Exception as error:
        tick.why = reason_to_end(error)
        if team.world > 1 and GAVE_UP in tick.why:
            raise  # the other processes wait for this one
    return tick


def _shared(judge: Judge, own: Parallel) -> Judge:
    """Return a judge that rank 0 asks for all: ranks that train together must end together."""

    def ask(identifier: str, event: Event) -> TrialDropped | None:
        word = [judge(identifier, event) if own.rank == 0 else None]
        dist.broadcast_object_list(word, src=0)
        return word[0]

    return ask
