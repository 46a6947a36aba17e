"""Fold fits that were begun: notes beside the ledger, so that one that kills its process every time ends as failed.

A process that dies while it trains (killed, out of memory, a crash inside a library) leaves no word of its own. Its
fold fit is begun again by another process, from its checkpoint; `attempts/<key>.json` counts how often that happened
in this run without getting further. A note also tells that this run has recorded the fold fit as failed already, so
that a trial that is taken up again does not fail in the same way twice.
"""

import json
from dataclasses import dataclass
from typing import Any

from analysis.ledger.storage import Storage

FOLDER = "attempts"
MOST = 5
"""Deaths in a row, without one more epoch saved, after which a fold fit counts as failed."""


@dataclass(frozen=True)
class Attempts:
    """The notes in a ledger's storage that one run keeps; those of an earlier run count for nothing."""

    storage: Storage
    session: str

    def begin(self, key: str, epoch: int) -> int:
        """Note that a fold fit is begun after `epoch` saved epochs.

        Returns:
            How often it was begun from there before in this run and never ended.
        """
        note = self._read(key)
        before = int(note["begun"]) if note.get("epoch") == epoch else 0
        self._write(key, {"epoch": epoch, "begun": before + 1})
        return before

    def fail(self, key: str) -> None:
        """Note that the fold fit was recorded as failed in this run."""
        self._write(key, {"failed": True})

    def failed(self, key: str) -> bool:
        """Tell whether this run has recorded the fold fit as failed."""
        return bool(self._read(key).get("failed"))

    def end(self, key: str) -> None:
        """Remove the note of a fold fit that is settled."""
        self.storage.remove(_name(key))

    def _read(self, key: str) -> dict[str, Any]:
        try:
            note = json.loads(self.storage.read(_name(key)) or b"{}")
            return dict(note) if note.get("session") == self.session else {}
        except (ValueError, AttributeError):
            return {}

    def _write(self, key: str, note: dict[str, Any]) -> None:
        self.storage.write(_name(key), json.dumps({"session": self.session, **note}).encode())


def _name(key: str) -> str:
    return f"{FOLDER}/{key}.json"
