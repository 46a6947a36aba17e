"""A trial on its way to another process.

Its content stays pickled until somebody needs it: a process that only hands it on need not import torch and timm,
which takes seconds. What decides how many processes a trial gets stands beside it.
"""

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.planning import Trial, TrialContext


@dataclass(frozen=True)
class Parcel:
    """A trial, the positions of its fold fits that the ledger has and has not, and how many ranks train one together.

    The positions are fixed here, in the one process that sends the trial: ranks that each looked into the ledger could
    disagree about who trains what.
    """

    identifier: str
    known: tuple[int, ...]
    open: tuple[int, ...]
    together: int
    content: bytes

    @classmethod
    def of(cls, trial: "Trial", context: "TrialContext") -> "Parcel":
        """Pack a trial for the study of `context`."""
        from trainables.trial import SETTLED

        records = context.ledger.records(planned.key for planned in trial.fits)
        keys = {key for key, record in records.items() if record.state in SETTLED}
        known = tuple(position for position, planned in enumerate(trial.fits) if planned.key in keys)
        missing = tuple(position for position, planned in enumerate(trial.fits) if planned.key not in keys)
        return cls(trial.identifier, known, missing, context.ranks_of(trial.configuration), pickle.dumps(trial))

    def trial(self) -> "Trial":
        """Unpack the trial."""
        trial: Trial = pickle.loads(self.content)
        return trial

    def ranks(self, most: int) -> int:
        """Return how many processes train this trial when `most` may; 0 when the ledger has all of it."""
        if not self.open:
            return 0
        return self.together if self.together > 1 else min(len(self.open), most)

    def waves(self, *, judged: bool) -> tuple[tuple[int, ...], ...]:
        """Return the positions that may be trained at the same time.

        When a judge may end the trial, the first two fold fits are trained one after the other: nothing more is spent
        on a configuration that one or two folds already tell to be worse.
        """
        if not judged:
            return (self.known + self.open,)
        alone = tuple((position,) for position in self.open[:2])
        waves = (self.known, *alone, self.open[2:])
        return tuple(wave for wave in waves if wave)

    def __str__(self) -> str:
        return self.identifier
