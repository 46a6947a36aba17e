"""The executor `inline`: trials one after the other in the calling process, without Ray.

For a debugger, for tests, and for a single machine where Ray is not installed.
"""

from collections.abc import Callable, Iterable, Sequence

from trainables.events import Event
from trainables.planning import PlannedFit, Trial, TrialContext
from trainables.trial import run_trial

Listener = Callable[[Trial, Event], None]
"""Called in the driver with every event of every trial."""


def run_inline(
    work: Iterable[tuple[Trial, Sequence[PlannedFit]]], context: TrialContext, listener: Listener, *, workers: int
) -> None:
    """Run the given fold fits of every trial in this process; events reach the listener as they happen."""
    for trial, fits in work:
        for event in run_trial(trial, context, workers=workers, fits=fits):
            listener(trial, event)
