"""What a person sees while a study runs: a live line on a terminal, plain lines elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from trainables.events import EpochEnded, Event, TrialDropped
from trainables.images.pixels import Tick
from trainables.planning import Trial

PLAIN_SECONDS = 10.0
"""How often a line is printed when the output is not a terminal."""


class Display:
    """Follows stages (images, features) and fold fits; use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", style="dim"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._ended: set[tuple[str, int, int]] = set()
        self._seen: set[tuple[str, int, int]] = set()
        self._total = 0
        self._printed = time.monotonic()

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stage(self, name: str) -> Tick:
        """Return a callback (done, total) for a stage of the preparation."""
        return lambda done, total: self._show(name, done, total, "")

    def fits(self, total: int) -> None:
        """Announce how many fold fits there are to train."""
        self._total = total
        if total:
            self._show("fold fits", 0, total, "")

    def say(self, line: str) -> None:
        """Print a plain line that stays."""
        self.console.print(line, markup=False, highlight=False)

    def warn(self, line: str) -> None:
        """Print a line that stays."""
        self.console.print(line, style="yellow", markup=False, highlight=False)

    def handle(self, trial: Trial, event: Event) -> None:
        """Follow one event of a trial."""
        if isinstance(event, EpochEnded):
            self._detail(f"{trial.label}: fold {event.fold}, epoch {event.epoch}/{event.epochs}, loss {event.loss:.3f}")
            return
        if isinstance(event, TrialDropped):
            saved = len(trial.fits) - sum(place[0] == trial.identifier for place in self._seen)
            self._total = max(0, self._total - saved)
            self._show("fold fits", len(self._ended), self._total, f"{trial.label}: dropped by {event.rule}")
            return
        place = (trial.identifier, event.repeat, event.fold)
        self._seen.add(place)
        hung = event.reused and event.state == "failed"  # by a process that could only record it and end
        if place in self._ended or (event.reused and not hung):
            return
        self._ended.add(place)
        if event.state != "done":
            self.warn(f"{trial.label}, fold {event.fold}: {event.state} ({event.reason})")
        mcr = event.metrics.get("mcr")
        shown = f"MCR {mcr:.3f}" if mcr is not None else event.state
        self._show("fold fits", len(self._ended), self._total, f"{trial.label}, fold {event.fold}: {shown}")

    def _show(self, name: str, done: int, total: int, detail: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, detail="")
        self._progress.update(self._tasks[name], completed=done, detail=detail)
        self._plain(f"{name}: {done}{f'/{total}' if total else ''}  {detail}".rstrip(), always=done == total)

    def _detail(self, detail: str) -> None:
        if "fold fits" in self._tasks:
            self._progress.update(self._tasks["fold fits"], detail=detail)

    def _plain(self, line: str, *, always: bool) -> None:
        """Print at most one line every few seconds, so that a log file stays readable."""
        if self.console.is_terminal or (not always and time.monotonic() - self._printed < PLAIN_SECONDS):
            return
        self._printed = time.monotonic()
        self.console.print(line, markup=False, highlight=False)
