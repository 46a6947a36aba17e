"""Processes that train a fold fit together meet an error together: one that raised alone would let the others wait.

For what each does between steps of training: reading its data, the ledger, a checkpoint. An error in the middle of a
step cannot be agreed on, because the others wait in that step's own collectives.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import torch.distributed as dist

from analysis.errors import StorageError
from models.errors import InputError
from trainables.faults import NodeFault, in_one_line
from trainables.parallel import Parallel

T = TypeVar("T")
KINDS: dict[str, type[Exception]] = {kind.__name__: kind for kind in (NodeFault, StorageError, InputError)}


def agreed(parallel: Parallel, action: Callable[[], T]) -> T:
    """Return what `action` returns here, once every process has done it.

    Raises:
        Exception: the action's own; where only another process met one, that one's, of the same kind if it is a fault
            of storage, of a machine or of the input, else a RuntimeError.
    """
    if parallel.world == 1:
        return action()
    try:
        result, error = action(), None
    except Exception as raised:
        result, error = None, raised
    words: list[Any] = [None] * parallel.world
    dist.all_gather_object(words, None if error is None else _word(error))
    if error is not None:
        raise error
    for kind, text in filter(None, words):
        raise KINDS.get(kind, RuntimeError)(text)
    return result  # type: ignore[return-value]


def _word(error: Exception) -> tuple[str, str]:
    for name, kind in KINDS.items():
        if isinstance(error, kind):
            return name, str(error)
    return type(error).__name__, in_one_line(error)
