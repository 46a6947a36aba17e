"""What is left of a grid, handed out to whoever is free: no process idles while a fold fit waits.

A parcel holds as many fold fits of one trial as keep start-up cheap, and ever fewer towards the end (guided
self-scheduling: a share of what is left, divided by twice the processes), so that the last ones end together. Fold fits
that train on a GPU and those that do not have lanes of their own: a machine without a GPU takes heads while the others
fine-tune. What comes back unfinished, because its process or its machine went, is handed out again first.
"""

import math
from collections import Counter, deque
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field

from searchspace.capacity import Lanes
from trainables.executors.endings import GAVE_UP, LEFT
from trainables.executors.parcel import Parcel
from trainables.planning import Trial, TrialContext

MOST_RUNS = 16
"""Nested runs at a time; each has a handful of processes on the head node."""
MOST_RETURNS = 10
"""How often in a row a fold fit may come back, and none of its parcel done, before it is given up."""


@dataclass(eq=False)
class Work:
    """A trial with the positions of its fold fits that nobody has, and how often each came back for nothing."""

    trial: Trial
    open: list[int]
    returns: Counter[int] = field(default_factory=Counter)

    def take_back(self, positions: Sequence[int], *, for_nothing: bool) -> list[int]:
        """Take fold fits back; return those that are to be given up."""
        for position in positions:
            self.returns[position] = self.returns[position] + 1 if for_nothing else 0
        lost = [position for position in positions if self.returns[position] > MOST_RETURNS]
        self.open[:] = sorted({*positions, *self.open} - set(lost))
        return lost


@dataclass(frozen=True)
class Handed:
    """A parcel that somebody has, and where it came from."""

    parcel: Parcel
    work: Work

    @property
    def places(self) -> dict[tuple[int, int], int]:
        """The positions of its fold fits by (repeat, fold)."""
        fits = {position: self.work.trial.fits[position].identity for position in self.parcel.open}
        return {(fit["repeat"], fit["fold"]): position for position, fit in fits.items()}


class Dispatch:
    """Hands parcels out and takes them back. It knows nothing of Ray.

    Args:
        work: trials, each with the positions of its fold fits to train.
        context: what the trials share.
        lanes: how many processes fit now; asked before every parcel, for a cluster grows and shrinks.
        nested: whether a parcel may have several ranks, as in the executor `train`.
    """

    def __init__(
        self,
        work: Sequence[tuple[Trial, Sequence[int]]],
        context: TrialContext,
        lanes: Callable[[], Lanes],
        *,
        nested: bool,
    ) -> None:
        self.gave_up: list[str] = []
        self._context, self._lanes, self._nested = context, lanes, nested
        self._waiting: dict[bool, deque[Work]] = {True: deque(), False: deque()}
        for trial, positions in work:
            if positions:
                self._waiting[context.on_gpu(trial.configuration)].append(Work(trial, list(positions)))
        self._handed: dict[str, Handed] = {}

    @property
    def finished(self) -> bool:
        """Whether nothing waits and nothing is out."""
        return not self._handed and not any(self._waiting.values())

    @property
    def out(self) -> int:
        """How many processes are taken by what is out."""
        return sum(handed.parcel.ranks for handed in self._handed.values())

    def next(self, name: str) -> Parcel | None:
        """Return a parcel under a name of the caller's; None while all processes are taken, or nothing waits."""
        lanes = self._lanes()
        busy_gpu = bool(self._waiting[True]) or self._taken(on_gpu=True) > 0
        room = {True: lanes.gpu, False: lanes.cpu if busy_gpu else lanes.cpu_alone}
        for on_gpu, waiting in self._waiting.items():
            free = room[on_gpu] - self._taken(on_gpu=on_gpu)
            if waiting and free > 0:
                parcel = self._cut(waiting, room[on_gpu], free)
                if parcel is not None:
                    self._handed[name] = Handed(parcel, waiting[0])
                    if not waiting[0].open:
                        waiting.popleft()
                    return parcel
        return None

    def back(self, name: str, settled: Set[tuple[int, int]], why: dict[str, str]) -> None:
        """Take a parcel back: `settled` are the (repeat, fold) that ended, `why` the entries of `endings.py`."""
        handed = self._handed.pop(name)
        work = handed.work
        left = [position for place, position in handed.places.items() if place not in settled]
        if not left:
            return
        waiting = self._waiting[handed.parcel.on_gpu]
        if work in waiting:
            waiting.remove(work)
        lost = work.take_back(left, for_nothing=not settled and LEFT not in why)
        if GAVE_UP in why:
            work.open.clear()
        if GAVE_UP in why or lost:
            self.gave_up.append(f"{work.trial.label}: {' '.join(map(str, why.values()))[-300:]}")
        if work.open:
            waiting.appendleft(work)

    def _taken(self, *, on_gpu: bool) -> int:
        return sum(handed.parcel.ranks for handed in self._handed.values() if handed.parcel.on_gpu is on_gpu)

    def _cut(self, waiting: deque[Work], slots: int, free: int) -> Parcel | None:
        """Cut a parcel from the first work that waits; None when it needs more processes than are free."""
        work = waiting[0]
        together = self._context.ranks_of(work.trial.configuration)
        if together > 1:
            count, ranks = len(work.open), together
            if together > free:
                return None
        else:
            left = sum(len(each.open) for each in waiting)
            share = max(1, left // (2 * slots))
            ranks = 1
            if self._nested:
                ranks = min(free, max(math.ceil(slots / MOST_RUNS), math.ceil(len(work.open) / share)))
            count = min(len(work.open), share * ranks)
        taken, work.open[:] = work.open[:count], work.open[count:]
        return Parcel.of(work.trial, self._context, ranks=ranks, fits=taken)
