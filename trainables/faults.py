"""Sorts what goes wrong around a fold fit: memory, which smaller micro-batches can mend; places that cannot be read or
written, for which no fold fit is to blame; a machine that is about to go; and everything else, which fails the fit.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import torch

from analysis.errors import StorageError
from models.errors import InputError

T = TypeVar("T")

SMALLEST_MICRO_BATCH = 2
"""Batch normalisation needs two samples."""
PATIENCE_SECONDS = 60.0
"""How long a remote store may be out of reach before the run stops."""
PASSING = ("NETWORK_CONNECTION", "REQUEST_TIMEOUT", "SLOW_DOWN", "SERVICE_UNAVAILABLE", "INTERNAL_FAILURE", "timed out")
"""Words of a remote store's errors that may be gone a moment later."""


class NodeFault(InputError):
    """This machine cannot go on, whatever fold fit it takes: its cache cannot be written."""


class NodeLeaves(Exception):
    """This machine is about to be taken away; the fold fit is saved and another machine may go on with it."""


def patiently(action: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Return what `action` returns, called again while a remote store is out of reach for a moment.

    Raises:
        StorageError: it is still out of reach after `seconds`, or for another reason.
    """
    deadline, pause = time.monotonic() + seconds, 0.5
    while True:
        try:
            return action()
        except StorageError as error:
            passing = any(word in str(error) for word in PASSING)
            if not passing or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 8.0)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that the device, or this machine, had no memory left for a tensor."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in said or "can't allocate memory" in said)


def smaller_batches(micro_batches: int, batch_size: int, world: int) -> int | None:
    """Return twice as many micro-batches, or None when a part would get too small to be trained on."""
    doubled = 2 * micro_batches
    return doubled if batch_size // (doubled * world) >= SMALLEST_MICRO_BATCH else None


def in_one_line(error: BaseException) -> str:
    """Return an error as it is recorded."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
