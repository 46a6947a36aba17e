"""Fold fits in progress: `checkpoints/<key>.pt` beside the ledger's records, so any process may go on with them.

The ledger's storage writes them whole or not at all; they are named by the key of the fold fit, so a checkpoint can
belong to nothing else, and removed when the fold fit is done.
"""

import hashlib
import io
import pickle
from dataclasses import dataclass
from typing import Any

import torch

from analysis.ledger.storage import Storage

CHECKSUM = hashlib.sha256().digest_size
"""Bytes in front of the checkpoint: torch reads one with changed numbers without a word."""


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints in a ledger's storage. `state` is what `FoldFit.state` gives, tensors and plain values."""

    storage: Storage

    def save(self, key: str, state: dict[str, Any], micro_batches: int) -> None:
        """Replace the checkpoint of a fold fit; `micro_batches` is how its batches are cut.

        Raises:
            AnalysisError: it cannot be written.
        """
        self._write(key, state, micro_batches)

    def load(self, key: str, device: str) -> tuple[dict[str, Any] | None, int]:
        """Return the state and the micro-batches of a fold fit in progress.

        The state is None when it has to start from its first epoch: nothing was saved, it cannot be read, or only the
        micro-batches were noted.
        """
        content = self.storage.read(_name(key)) or b""
        checksum, body = content[:CHECKSUM], content[CHECKSUM:]
        if hashlib.sha256(body).digest() != checksum:
            return None, 1
        try:
            found = torch.load(io.BytesIO(body), map_location=device, weights_only=True)
        except (RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError):
            return None, 1
        state, parts = (found.get("state"), found.get("micro_batches")) if isinstance(found, dict) else (None, None)
        if isinstance(state, dict | None) and isinstance(parts, int) and parts >= 1:
            return state, parts
        return None, 1

    def remove(self, key: str) -> None:
        """Remove the checkpoint of a fold fit, and what a killed process was writing; none is no error."""
        self.storage.remove(_name(key))
        if self.storage.local is not None:
            for aside in (self.storage.local / "checkpoints").glob(f".{key}.pt.*"):
                aside.unlink(missing_ok=True)

    def restart(self, key: str, micro_batches: int) -> None:
        """Note that a fold fit starts again from its first epoch, with its batches cut into more parts."""
        self._write(key, None, micro_batches)

    def _write(self, key: str, state: dict[str, Any] | None, micro_batches: int) -> None:
        content = io.BytesIO()
        torch.save({"state": state, "micro_batches": micro_batches}, content)
        self.storage.write(_name(key), hashlib.sha256(content.getvalue()).digest() + content.getvalue())


def _name(key: str) -> str:
    return f"checkpoints/{key}.pt"
