"""Asynchronous successive halving by epoch (Li et al., MLSys 2020, in the form that stops instead of promoting).

At epoch `minimum_epochs * reduction**k` of its first fold a configuration is ranked among all that came that far, by
the MCR of the inner part. It goes on when it is among the best 1/`reduction` of them, itself included and rounded up.
"""

import math
from typing import Any

from searchspace.search.settings import HalvingSettings


class Halving:
    """The rungs: by epoch, the inner MCR of every configuration that reached it."""

    def __init__(self, settings: HalvingSettings) -> None:
        self._settings = settings
        self._rungs: dict[int, dict[str, float]] = {}

    def is_rung(self, epoch: int, epochs: int) -> bool:
        """Say whether a configuration of `epochs` epochs is judged at `epoch`; at its last there is nothing to save."""
        rung = self._settings.minimum_epochs
        while rung < epoch:
            rung *= self._settings.reduction
        return rung == epoch < epochs

    def add(self, identifier: str, epoch: int, mcr: float) -> None:
        """Note the inner MCR of a configuration at a rung."""
        self._rungs.setdefault(epoch, {})[identifier] = mcr

    def judge(self, identifier: str, epoch: int) -> dict[str, Any] | None:
        """Return the evidence on which a configuration is dropped at a rung, or None: it goes on.

        Nothing is dropped before as many configurations reached the rung as one of them is the best share of.
        """
        rung = self._rungs.get(epoch, {})
        if identifier not in rung or len(rung) < self._settings.reduction:
            return None
        kept = math.ceil(len(rung) / self._settings.reduction)
        cutoff = sorted(rung.values(), reverse=True)[kept - 1]
        mcr = rung[identifier]
        if mcr >= cutoff:
            return None
        rank = 1 + sum(other > mcr for other in rung.values())
        return {"epoch": epoch, "inner_mcr": mcr, "cutoff": cutoff, "rank": rank, "reached": len(rung), "kept": kept}
