"""The executor `warm`: a Tune class trainable whose process outlives its trial (`reuse_actors=True`).

The cohort in memory and the features survive from trial to trial, so the next trial starts in a fraction of a second.
`step` never raises: a failed fold fit is recorded and reported with its reason (a Tune restart costs seconds each), and
a trial that cannot go on here says so (`endings.py`).
One step carries all events of about `REPORT_SECONDS`, because a Tune result costs more than an epoch of a small head.
"""

import time
from collections.abc import Iterator
from typing import Any

from ray import tune

from trainables.events import Event, FitEnded, Judge, to_report
from trainables.executors.endings import reason_to_end
from trainables.executors.notice import Notice
from trainables.executors.parcel import Parcel
from trainables.planning import TrialContext
from trainables.trial import run_trial

REPORT_SECONDS = 0.5


class WarmTrial(tune.Trainable):
    """Runs the trial in `config["trial"]`, a Parcel, a slice of its events per step."""

    def setup(self, config: dict[str, Any], context: TrialContext | None = None, judge: Judge | None = None) -> None:
        """Take the shared context and the judge once; which trial to run comes with the configuration."""
        if context is None:
            raise ValueError("WarmTrial is built with tune.with_parameters(WarmTrial, context=..., judge=...)")
        self._context, self._judge, self._leaving = context, judge, Notice()
        self._start(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Turn this warm process to another trial; on a machine that is about to go it takes no more."""
        if self._leaving():
            return False
        self._start(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Return the events of about half a second; the last slice says `done`, and why if that is not the end."""
        events: list[Event] = []
        deadline = time.monotonic() + REPORT_SECONDS
        done, why = True, {}
        try:
            for event in self._events:
                events.append(event)
                if time.monotonic() >= deadline:
                    done = False
                    break
        except Exception as error:
            why = reason_to_end(error)
        fits = sum(isinstance(event, FitEnded) for event in events)
        return {**to_report(events), "fits": fits, "done": done, **why}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing to save: the ledger is the state of a trial."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing to load: a restarted trial skips what the ledger has."""

    def _start(self, config: dict[str, Any]) -> None:
        parcel: Parcel = config["trial"]
        trial = parcel.trial()
        self._events: Iterator[Event] = run_trial(
            trial,
            self._context,
            workers=self._context.threads,
            judge=self._judge,
            fits=parcel.fits(trial),
            expendable=True,
            leaving=self._leaving,
        )
