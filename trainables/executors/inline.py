"""The executor `inline`: trials one after the other in the calling process, without Ray.

For a debugger, for tests, and for a single machine where Ray is not installed.
"""

from collections.abc import Callable, Iterable

from trainables.events import Event
from trainables.planning import Trial, TrialContext
from trainables.trial import run_trial

Listener = Callable[[Trial, Event], None]
"""Called in the driver with every event of every trial."""


def run_inline(trials: Iterable[Trial], context: TrialContext, listener: Listener, *, workers: int) -> None:
    """Run every trial to its end in this process; events reach the listener as they happen."""
    for trial in trials:
        for event in run_trial(trial, context, workers=workers):
            listener(trial, event)
