"""Why a trial came back from a worker before its end, as plain entries of a report.

`left`: its machine is about to go, somebody else goes on with it. `halt`: the ledger or the cache cannot be used, and
nobody can go on. `gave_up`: an error that a second attempt would meet again. `died`: its processes did, too often.
"""

from typing import Any

from analysis.errors import StorageError
from trainables.faults import NodeFault, NodeLeaves, in_one_line

LEFT, HALT, GAVE_UP, DIED = "left", "halt", "gave_up", "died"
REASONS = (LEFT, HALT, GAVE_UP, DIED)
HOPELESS = (ValueError, TypeError, LookupError, AttributeError, ImportError, AssertionError, NotImplementedError)
"""Errors that a second attempt would meet again."""


def reason_to_end(error: Exception) -> dict[str, Any]:
    """Return the entry for an error; one that may be gone at a second attempt is raised again."""
    if isinstance(error, NodeLeaves):
        return {LEFT: True}
    if isinstance(error, StorageError | NodeFault):
        return {HALT: str(error)}
    if isinstance(error, HOPELESS):
        return {GAVE_UP: in_one_line(error)}
    raise error
