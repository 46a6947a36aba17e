"""What ends a fold fit that hangs: a time limit on its silence, in a process that may be given up and in one that not.

A library that waits for ever (a dead network folder, a lock, a driver) can be woken by nothing in its own thread. A
worker of Ray is therefore ended as a whole, after it has left word; another process takes over. The calling process of
the executor `inline` is the user's own: there an alarm interrupts whatever Python waits for.
"""

import contextlib
import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 124
GRACE_SECONDS = 30.0
"""How long the last word may take; then the process is ended from C, which needs no Python any more."""


class TimeLimit(Exception):
    """A fold fit showed no progress for too long."""


@contextmanager
def ended_when_silent(seconds: float, last_word: Callable[[], None]) -> Iterator[None]:
    """End this process if the block takes longer than `seconds` (0: never), after calling `last_word`."""
    if not seconds:
        yield
        return

    def end() -> None:
        with contextlib.suppress(Exception):
            last_word()
        os._exit(EXIT_CODE)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=sys.__stderr__ or 2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        timer.cancel()


@contextmanager
def interrupted_when_silent(seconds: float) -> Iterator[None]:
    """Raise TimeLimit in the block if it takes longer than `seconds` (0: never).

    Only the main thread can be interrupted; in any other, nothing happens.
    """
    if not seconds or threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TimeLimit(silence(seconds))

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def silence(seconds: float) -> str:
    """Return what is recorded of a fold fit that hung."""
    return f"no progress for {seconds / 60:g} minutes (resources.time_limit)"
