"""What killed processes left behind, removed when a run starts and when it ends: nothing anybody could still want."""

import re
from collections.abc import Iterable

from analysis.accounting.remains import PLACES
from analysis.errors import AnalysisError
from analysis.ledger import Ledger
from analysis.ledger.storage import Storage
from searchspace.workspace import Workspace
from trainables.attempts import Attempts
from trainables.checkpoints import Checkpoints
from trainables.trial import SETTLED

ABANDONED, DONE_WITH = 3600.0, 10.0
"""Seconds after which a file that was being written aside belongs to no living writer: any, or one of a settled fit."""
IN_LEDGER = ("fits", "predictions", "checkpoints", "studies", "maps", "pictures", "attempts")
IN_RUN = ("", "search")


def remove_leftovers(workspace: Workspace, ledger: Ledger) -> int:
    """Remove half-written files and the checkpoints of fold fits that the ledger has; return how many checkpoints.

    A place where nothing can be removed keeps what it has: the run does not need the room.

    Args:
        workspace: the run folder.
        ledger: the run's own or a shared one.
    """
    anything = re.compile(".*")
    _remove_aside(ledger.storage, IN_LEDGER, anything, ABANDONED)
    _remove_aside(workspace.storage, IN_RUN, anything, ABANDONED)
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


def remove_remains(keys: Iterable[str], ledger: Ledger, session: str) -> None:
    """Remove what a run that has ended leaves of its own fold fits: half-written files, and notes on attempts.

    Somebody may be writing other files to the same ledger.
    """
    mine = set(keys)
    if not mine:
        return
    of = re.compile(f"({'|'.join(sorted(mine))})\\..*")
    _remove_aside(ledger.storage, PLACES, of, DONE_WITH)
    try:
        for key in mine.intersection(ledger.storage.names("attempts", ".json")):
            Attempts(ledger.storage, session).end(key)
    except AnalysisError:
        return


def _remove_aside(storage: Storage, folders: tuple[str, ...], of: re.Pattern[str], seconds: float) -> None:
    for folder in folders:
        try:
            storage.remove_leftovers(folder, of=of, seconds=seconds)
        except AnalysisError:
            return
