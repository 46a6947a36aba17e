"""Fold fits that sleep, for benchmarks of the scheduling: in a module of their own, because Ray's workers import it."""

import time
from dataclasses import dataclass
from typing import Any

from ray import tune

from trainables.events import FitEnded, to_report

FOLDS = 5


@dataclass(frozen=True)
class FakeFit:
    """A planned fold fit."""

    identity: dict[str, int]


@dataclass(frozen=True)
class FakeTrial:
    """A configuration whose fold fits take `seconds` each; heads need no GPU."""

    label: str
    seconds: float
    head: bool = False

    @property
    def identifier(self) -> str:
        """Its name."""
        return self.label

    @property
    def configuration(self) -> "FakeTrial":
        """Itself."""
        return self

    @property
    def fits(self) -> list[FakeFit]:
        """Its fold fits."""
        return [FakeFit({"repeat": 0, "fold": fold}) for fold in range(FOLDS)]


@dataclass(frozen=True)
class FakeContext:
    """What the dispatch asks."""

    def on_gpu(self, trial: FakeTrial) -> bool:
        """Whether the trial takes a GPU."""
        return not trial.head

    def ranks_of(self, trial: FakeTrial) -> int:
        """Each fold fit by one process."""
        return 1


class SleepingTrial(tune.Trainable):
    """Does what the executor `warm` does, but sleeps where that trains."""

    def setup(self, config: dict[str, Any]) -> None:
        """Take the first parcel."""
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another parcel."""
        parcel = new_config["trial"]
        self._trial, self._left = parcel.trial(), list(parcel.open)
        return True

    def step(self) -> dict[str, Any]:
        """Sleep through one fold fit and tell when it began."""
        fold, began = self._left.pop(0), time.time()
        time.sleep(self._trial.seconds)
        times = {"began": began, "ended": time.time()}
        event = FitEnded(
            repeat=0,
            fold=fold,
            key=f"{self._trial.label}-{fold}",
            state="done",
            reused=False,
            metrics=times,
        )
        return {**to_report([event]), "fits": 1, "done": not self._left}
