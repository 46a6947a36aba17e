"""TensorBoard: a run per fold fit with its curves while it trains, and one HParams row per configuration.

`tensorboard --logdir <run>` shows `loss`, `learning rate`, and from the inner validation part `inner/loss`, `inner/mcr`
and `inner/auc`. Fold fits that were in the ledger already, and those that went on from a checkpoint of another run, are
written from the ledger's history, so the picture is whole after a restart.
"""

import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from analysis.ledger import Ledger
from models.errors import InputError
from searchspace.grid import level
from trainables.events import EpochEnded, Event, FitEnded, TrialDropped
from trainables.planning import Trial

Place = tuple[str, int, int]
"""A fold fit: its trial, repeat and fold."""


@dataclass(frozen=True)
class _Curve:
    """The curve of a fold fit that trains, and the epoch that it begins with."""

    writer: SummaryWriter
    first: int


class TensorBoardLog:
    """Writes events under `folder` once it is started.

    Curves are for looking at: when they cannot be written any more the run goes on, and `lost` says why there are none.
    """

    def __init__(self, folder: Path, factors: list[str]) -> None:
        self.folder, self.factors = folder, factors
        self.lost: str | None = None
        self._open: dict[Place, _Curve] = {}
        self._finished: dict[str, dict[tuple[int, int], FitEnded]] = {}

    def start(self) -> None:
        """Empty the folder: everything in it can be written again from the ledger.

        Raises:
            InputError: it cannot be emptied.
        """
        threading.excepthook = _without_writers
        try:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise InputError(f"cannot write {self.folder}: {error.strerror or error}") from error

    def handle(self, trial: Trial, event: Event, ledger: Ledger) -> None:
        """Write one event; when a trial is dropped or its last fold fit ends, write its HParams row."""
        if self.lost is not None:
            return
        try:
            self._write(trial, event, ledger)
        except OSError as error:
            self.lost = error.strerror or str(error)
            self.close()

    def _write(self, trial: Trial, event: Event, ledger: Ledger) -> None:
        if isinstance(event, EpochEnded):
            _write_epoch(self._curve(trial, event).writer, event)
            return
        if isinstance(event, TrialDropped):
            self._close(trial)
            self._write_row(trial, list(self._finished.get(trial.identifier, {}).values()), f"dropped: {event.rule}")
            return
        curve = self._open.pop(_place(trial, event), None)
        if curve:
            curve.writer.close()
        if event.reused or (curve and curve.first > 1):
            self._replay(trial, event, ledger)
        ended = self._finished.setdefault(trial.identifier, {})
        ended[event.repeat, event.fold] = event
        if len(ended) == len(trial.fits):
            self._write_row(trial, list(ended.values()), "complete")

    def close(self) -> None:
        """Flush what is open."""
        while self._open:
            _, curve = self._open.popitem()
            try:
                curve.writer.close()
            except OSError as error:
                self.lost = error.strerror or str(error)

        threading.excepthook = threading.__excepthook__

    def _close(self, trial: Trial) -> None:
        for place in [place for place in self._open if place[0] == trial.identifier]:
            self._open.pop(place).writer.close()

    def _curve(self, trial: Trial, event: EpochEnded) -> "_Curve":
        place = _place(trial, event)
        if place not in self._open:
            writer = SummaryWriter(str(self._folder_of(trial, event)), flush_secs=5)
            self._open[place] = _Curve(writer, event.epoch)
        return self._open[place]

    def _folder_of(self, trial: Trial, event: EpochEnded | FitEnded) -> Path:
        once = len({fit.identity["repeat"] for fit in trial.fits}) == 1
        name = f"fold {event.fold}" if once else f"repeat {event.repeat} fold {event.fold}"
        return self.folder / _safe(trial.label) / name

    def _replay(self, trial: Trial, event: FitEnded, ledger: Ledger) -> None:
        """Write the whole curve of a fold fit anew: what is there is a part of it."""
        folder = self._folder_of(trial, event)
        shutil.rmtree(folder, ignore_errors=True)
        record = ledger.get(event.key)
        if record and record.history:
            with SummaryWriter(str(folder)) as writer:
                for entry in record.history:
                    epochs = len(record.history)
                    _write_epoch(writer, EpochEnded(repeat=event.repeat, fold=event.fold, epochs=epochs, **entry))

    def _write_row(self, trial: Trial, ended: list[FitEnded], status: str) -> None:
        settings = {factor: _text(level(trial.configuration, factor)) for factor in self.factors} | {"status": status}
        # The mean of some folds would look like that of all.
        of = ended if len(ended) == len(trial.fits) else []
        metrics = {f"cross-validated/{name}": _mean(of, name) for name in ("mcr", "auc")}
        metrics["cross-validated/fold fits done"] = float(sum(event.state == "done" for event in ended))
        with SummaryWriter(str(self.folder / _safe(trial.label))) as writer:
            for summary in hparams(settings, metrics):
                writer.file_writer.add_summary(summary)
            for name, value in metrics.items():
                writer.add_scalar(name, value)


def _without_writers(fault: threading.ExceptHookArgs) -> None:
    """Print what a thread died of, unless it is TensorBoard's own, which tells us by raising it again."""
    if not type(fault.thread).__module__.startswith("tensorboard."):
        threading.__excepthook__(fault)


def _place(trial: Trial, event: EpochEnded | FitEnded) -> Place:
    return trial.identifier, event.repeat, event.fold


def _write_epoch(writer: SummaryWriter, event: EpochEnded) -> None:
    writer.add_scalar("loss", event.loss, event.epoch)
    writer.add_scalar("learning rate", event.learning_rate, event.epoch)
    for name, value in event.inner.items():
        if value is not None:
            writer.add_scalar(f"inner/{name}", value, event.epoch)


def _mean(ended: list[FitEnded], name: str) -> float:
    """Return the mean over folds, or NaN while any fold has no value: half a mean would look like a whole one."""
    values = [event.metrics.get(name) for event in ended]
    if not values or any(value is None for value in values):
        return float("nan")
    return float(np.mean([value or 0.0 for value in values]))


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(str(item) for item in value) or "none"
    return "none" if value is None else str(value)


def _safe(label: str) -> str:
    return "".join(letter if letter.isalnum() or letter in " +-_.=," else "_" for letter in label)
