"""A trial, or some of its fold fits, on the way to another process.

Its content stays pickled until somebody needs it: a process that only hands it on need not import torch and timm,
which takes seconds. What decides how many processes train it stands beside it.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.planning import PlannedFit, Trial, TrialContext


@dataclass(frozen=True)
class Parcel:
    """Fold fits of a trial by their positions: those that the ledger has and that are only told, and those to train.

    The positions are fixed here, in the one process that sends the trial: ranks that each looked into the ledger could
    disagree about who trains what. `ranks` processes share the fold fits out, or, `together`, train each of them as
    one. `on_gpu`: whether they train on a GPU.
    """

    identifier: str
    known: tuple[int, ...]
    open: tuple[int, ...]
    together: bool
    content: bytes
    ranks: int = 1
    on_gpu: bool = False

    @classmethod
    def of(
        cls,
        trial: "Trial",
        context: "TrialContext",
        *,
        ranks: int = 1,
        fits: Sequence[int] | None = None,
        known: Sequence[int] | None = None,
    ) -> "Parcel":
        """Pack a trial for the study of `context`.

        Args:
            trial: what is sent.
            context: says what the ledger has, and how many processes train one fold fit together.
            ranks: how many processes share the fold fits out at most.
            fits: positions of the fold fits to train; unless given, those that the ledger does not have.
            known: positions of those that are told; with `fits` only.
        """
        if fits is None:
            known, fits = _looked_up(trial, context)
        together = context.ranks_of(trial.configuration)
        most = together if together > 1 else min(max(1, ranks), max(1, len(fits)))
        on_gpu = context.on_gpu(trial.configuration)
        return cls(trial.identifier, tuple(known or ()), tuple(fits), together > 1, pickle.dumps(trial), most, on_gpu)

    def trial(self) -> "Trial":
        """Unpack the trial."""
        trial: Trial = pickle.loads(self.content)
        return trial

    @property
    def positions(self) -> tuple[int, ...]:
        """All positions, those that are only told first."""
        return self.known + self.open

    def fits(self, trial: "Trial") -> "list[PlannedFit]":
        """Return the fold fits of the unpacked trial that this parcel is about."""
        return [trial.fits[position] for position in self.positions]

    def waves(self, *, judged: bool) -> tuple[tuple[int, ...], ...]:
        """Return the positions that may be trained at the same time.

        When a judge may end the trial, the first two fold fits are trained one after the other: nothing more is spent
        on a configuration that one or two folds already tell to be worse.
        """
        if not judged:
            return (self.positions,)
        alone = tuple((position,) for position in self.open[:2])
        waves = (self.known, *alone, self.open[2:])
        return tuple(wave for wave in waves if wave)

    def __str__(self) -> str:
        return self.identifier


def _looked_up(trial: "Trial", context: "TrialContext") -> tuple[list[int], list[int]]:
    """Return the positions that the ledger has, and those it has not."""
    from trainables.trial import SETTLED

    records = context.ledger.records(planned.key for planned in trial.fits)
    keys = {key for key, record in records.items() if record.state in SETTLED}
    known = [position for position, planned in enumerate(trial.fits) if planned.key in keys]
    return known, [position for position, planned in enumerate(trial.fits) if planned.key not in keys]
