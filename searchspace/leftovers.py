"""What killed processes left behind, removed when a run starts and when it ends: nothing anybody could still want."""

import re

from analysis.errors import AnalysisError
from analysis.ledger import Ledger
from analysis.ledger.storage import Storage
from searchspace.workspace import Workspace
from trainables.checkpoints import Checkpoints
from trainables.trial import SETTLED

ABANDONED = 3600.0
"""Seconds after which a file that was being written aside belongs to no living writer."""
IN_LEDGER = ("fits", "predictions", "checkpoints", "studies", "maps", "pictures", "attempts")
IN_RUN = ("", "search")


def remove_leftovers(workspace: Workspace, ledger: Ledger, seconds: float = ABANDONED) -> int:
    """Remove half-written files and the checkpoints of fold fits that the ledger has; return how many checkpoints.

    A place where nothing can be removed keeps what it has: the run does not need the room.

    Args:
        workspace: the run folder.
        ledger: the run's own or a shared one.
        seconds: how old a half-written file in the ledger is at least; 0 where nobody writes to it any more.
    """
    _remove_aside(ledger.storage, IN_LEDGER, seconds)
    _remove_aside(workspace.storage, IN_RUN, ABANDONED)
    removed = 0
    try:
        for key in ledger.storage.names("checkpoints", ".pt"):
            record = ledger.get(key)
            if record is not None and record.state in SETTLED:
                Checkpoints(ledger.storage).remove(key)
                removed += 1
    except AnalysisError:
        return removed
    return removed


def _remove_aside(storage: Storage, folders: tuple[str, ...], seconds: float) -> None:
    for folder in folders:
        try:
            storage.remove_leftovers(folder, of=re.compile(".*"), seconds=seconds)
        except AnalysisError:
            return
