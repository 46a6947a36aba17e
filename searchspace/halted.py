"""A run that had to stop because a place could not be read or written any more: a full disk, a store out of reach."""

from collections.abc import Iterator
from contextlib import contextmanager

from analysis.errors import StorageError

EXIT_CODE = 74
"""As BSD's sysexits has it: an error of input or output."""


class Halted(Exception):
    """The run stopped; what is finished is kept, nothing is half-written, and the same command goes on."""


@contextmanager
def halting() -> Iterator[None]:
    """Turn what ledger, run folder or cache refuse inside the block into Halted."""
    from trainables.faults import NodeFault

    try:
        yield
    except (StorageError, NodeFault) as error:
        raise Halted(str(error)) from error
