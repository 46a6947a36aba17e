"""Curves in TensorBoard: each epoch of a fold fit once, whatever happened to the processes that trained it."""

from types import SimpleNamespace

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from searchspace.tensorboard import TensorBoardLog
from trainables.events import EpochEnded, FitEnded

EPOCHS = 4
FIT = SimpleNamespace(identity={"repeat": 0, "fold": 1})
TRIAL = SimpleNamespace(identifier="t", label="concat", fits=[FIT], configuration=None)
HISTORY = [{"epoch": n, "loss": 1.0 / n, "learning_rate": 0.1, "inner": {"mcr": 0.1 * n}} for n in range(1, EPOCHS + 1)]
LEDGER = SimpleNamespace(get=lambda key: SimpleNamespace(history=HISTORY))


def epoch(entry: dict) -> EpochEnded:
    return EpochEnded(repeat=0, fold=1, epochs=EPOCHS, **entry)


def ended(*, reused: bool) -> FitEnded:
    return FitEnded(repeat=0, fold=1, key="k", state="done", reused=reused, metrics={"mcr": 0.5, "auc": 0.5})


@pytest.mark.parametrize(
    ("seen", "reused"),
    [
        (HISTORY, False),
        ([], True),  # it was in the ledger already
        (HISTORY[:2], True),  # its process died after the record, before it could say so
        (HISTORY, True),
        (HISTORY[2:], False),  # it went on from a checkpoint of an earlier run
    ],
)
def test_a_curve_has_every_epoch_once(tmp_path, seen, reused):
    log = TensorBoardLog(tmp_path / "tensorboard", [])
    log.start()
    for entry in seen:
        log.handle(TRIAL, epoch(entry), LEDGER)
    log.handle(TRIAL, ended(reused=reused), LEDGER)
    log.close()
    events = EventAccumulator(str(tmp_path / "tensorboard" / "concat" / "fold 1")).Reload()
    for name, value in (("loss", lambda n: 1.0 / n), ("inner/mcr", lambda n: 0.1 * n)):
        found = [(event.step, event.value) for event in events.Scalars(name)]
        assert found == [(n, pytest.approx(value(n))) for n in range(1, EPOCHS + 1)]
    assert (
        EventAccumulator(str(tmp_path / "tensorboard" / "concat")).Reload().Scalars("cross-validated/mcr")[0].value
        == 0.5
    )
