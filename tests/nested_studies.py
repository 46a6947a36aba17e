"""Small studies for the tests of the executors on Ray, and judges that cross processes."""

import dataclasses
import hashlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from array_cohorts import grouped_cohort

from analysis.ledger import Ledger
from searchspace.capacity import Lanes
from searchspace.dispatch import Dispatch
from searchspace.tune_search import GridQueue
from trainables.configuration import Configuration
from trainables.events import EpochEnded, Event, FitEnded, TrialDropped
from trainables.executors.parcel import Parcel
from trainables.folds import FoldSettings
from trainables.planning import Trial, TrialContext, plan_trial, splits_for

FROZEN: dict[str, Any] = {
    "backbone": {"name": "test_resnet", "weights": "none"},
    "image": {"size": [32, 32]},
    "training": {"epochs": 3, "batch_size": 16},
}
FINE_TUNED = FROZEN | {
    "backbone": FROZEN["backbone"] | {"frozen_stages": 0},
    # Small steps of SGD do not multiply the rounding in which two processes differ from one; Adam's first steps do.
    "training": FROZEN["training"] | {"optimiser": "sgd", "learning_rate": 0.001},
}


class NoisePictures:
    """Pictures of noise: batch statistics of single colours are so small that rounding would show."""

    def read(self, row: int, image: str) -> np.ndarray:
        return np.random.default_rng(row).integers(256, size=(32, 32, 3), dtype=np.uint8)

    def digest(self, row: int, image: str) -> str:
        return hashlib.sha256(self.read(row, image).tobytes()).hexdigest()


def study_of(root: Path, *sections: dict[str, Any], **context: Any) -> tuple[TrialContext, list[Trial]]:
    """A context with its ledger in `root`, and one trial of three folds for each configuration."""
    cohort = dataclasses.replace(grouped_cohort(40), images=NoisePictures(), fingerprint="noise")
    folds = FoldSettings(folds=3)
    configurations = [Configuration.of(each) for each in sections]
    shared = TrialContext(
        cohort=cohort,
        folds=folds,
        splits=splits_for(cohort, folds, configurations),
        ledger=Ledger(root / "ledger"),
        cache=root / "cache",
        weights={},
        **context,
    )
    return shared, [plan_trial(f"trial {n}", each, shared) for n, each in enumerate(configurations)]


def grid_queue(trials: list[Trial], context: TrialContext, processes: int = 2, *, nested: bool = False) -> GridQueue:
    """All fold fits of the trials, as a grid hands them out to so many processes."""
    work = [(trial, range(len(trial.fits))) for trial in trials]
    return GridQueue(Dispatch(work, context, lambda: Lanes(0, processes, processes), nested=nested))


class OneByOne(GridQueue):
    """Whole trials one after the other, on so many ranks each; what comes back is handed out again."""

    def __init__(self, context: TrialContext | None = None, trials: Sequence[Trial] = (), ranks: int = 1) -> None:
        super().__init__()
        self._context, self._trials, self._ranks, self._out, self._lines = context, list(trials), ranks, None, []

    @property
    def gave_up(self) -> list[str]:
        return self._lines

    def suggest(self, trial_id: str):
        if not self._trials and self._out is None:
            return self.FINISHED
        if self._out is not None:
            return None
        self._out = self._trials.pop(0)
        return {"trial": Parcel.of(self._out, self._context, ranks=self._ranks)}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        pass

    def on_trial_complete(self, trial_id: str, result=None, error: bool = False) -> None:
        if error or {"died", "left"} & set(result or {}):
            self._trials.insert(0, self._out)
        elif "gave_up" in (result or {}):
            self._lines.append(f"{self._out.label}: {result['gave_up']}")
        self._out = None


@dataclass(frozen=True)
class KilledOnce:
    """Not a judge at all: kills the process that asks after epoch 2 of the last fold, the first time."""

    mark: Path

    def __call__(self, identifier: str, event: Event) -> TrialDropped | None:
        if isinstance(event, EpochEnded) and (event.fold, event.epoch) == (2, 2) and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return None


@dataclass
class FewFolds:
    """Drops a trial after some fold fits, and remembers what it was asked."""

    folds: int
    seen: int = 0

    def __call__(self, identifier: str, event: Event) -> TrialDropped | None:
        self.seen += isinstance(event, FitEnded)
        if self.seen < self.folds:
            return None
        return TrialDropped(rule="few folds", evidence={"trial": identifier, "folds": self.seen})
