"""Sorts what goes wrong inside a fold fit: memory, which smaller micro-batches can mend, and everything else."""

import torch

SMALLEST_MICRO_BATCH = 2
"""Batch normalisation needs two samples."""


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
