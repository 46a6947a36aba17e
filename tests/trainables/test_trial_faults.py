"""Trials in trouble: hangs, processes that die, machines that leave, places that cannot be written."""

import subprocess
import sys
import time

import pytest
from nested_studies import FINE_TUNED, FROZEN, study_of

from analysis.errors import StorageError
from analysis.ledger.storage import Storage
from trainables import faults, fit_run
from trainables.attempts import MOST, Attempts
from trainables.checkpoints import Checkpoints
from trainables.events import EpochEnded, FitEnded
from trainables.faults import NodeFault, NodeLeaves, patiently
from trainables.fit import FoldFit
from trainables.trial import run_trial
from trainables.watchdog import EXIT_CODE


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_a_hanging_fold_fit_fails_with_its_reason_and_the_next_one_runs(tmp_path, monkeypatch):
    context, [trial] = study_of(tmp_path, FROZEN, time_limit=1.0)
    list(run_trial(trial, study_of(tmp_path / "warm", FROZEN)[0], workers=1, fits=trial.fits[:1]))  # imports and caches
    whole = FoldFit.run

    def hanging(self):
        if self.split.fold == 0:
            time.sleep(60)
        yield from whole(self)

    monkeypatch.setattr(FoldFit, "run", hanging)
    ended = of(run_trial(trial, context, workers=1), FitEnded)
    assert [event.state for event in ended] == ["failed", "done", "done"]
    assert ended[0].reason == "TimeLimit: no progress for 0.0166667 minutes (resources.time_limit)"


HANGING = """
import sys, time
from pathlib import Path
from nested_studies import FROZEN, study_of
from trainables.fit import FoldFit
from trainables.trial import run_trial

context, [trial] = study_of(Path(sys.argv[1]), FROZEN, time_limit=float(sys.argv[2]), session="run")
whole = FoldFit.run
def hanging(self):
    if self.split.fold == 1:
        time.sleep(60)
    yield from whole(self)
FoldFit.run = hanging
for event in run_trial(trial, context, workers=1, expendable=True):
    print(type(event).__name__, event.fold, flush=True)
"""


def test_a_worker_that_hangs_leaves_word_and_ends_and_the_next_one_goes_on(tmp_path):
    command = [sys.executable, "-c", HANGING, str(tmp_path), "8"]
    environment = {"PYTHONPATH": ".:tests", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    first = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert first.returncode == EXIT_CODE, first.stderr
    assert first.stdout.split()[-2:] == ["FitEnded", "0"]
    context, [trial] = study_of(tmp_path, FROZEN, session="run")
    record = context.ledger.get(trial.fits[1].key)
    assert record.state == "failed"
    assert record.reason == "no progress for 0.133333 minutes (resources.time_limit)"
    ended = of(run_trial(trial, context, workers=1, expendable=True), FitEnded)  # another worker of the same run
    assert [(event.state, event.reused) for event in ended] == [("done", True), ("failed", True), ("done", False)]
    later, _ = study_of(tmp_path, FROZEN, session="later")
    ended = of(run_trial(trial, later, workers=1, expendable=True), FitEnded)  # a later run tries it again
    assert [(event.state, event.reused) for event in ended] == [("done", True), ("done", False), ("done", True)]
    assert context.ledger.storage.names("attempts", ".json") == []


def test_a_fold_fit_that_kills_its_process_every_time_fails_in_the_end(tmp_path):
    context, [trial] = study_of(tmp_path, FROZEN, session="run")
    attempts = Attempts(context.ledger.storage, "run")
    for _ in range(MOST):
        attempts.begin(trial.fits[1].key, 0)
    ended = of(run_trial(trial, context, workers=1, expendable=True), FitEnded)
    assert [event.state for event in ended] == ["done", "failed", "done"]
    assert f"its process died {MOST} times in a row after epoch 0" in ended[1].reason


def test_a_machine_that_leaves_saves_after_its_epoch_and_another_goes_on_from_there(tmp_path):
    context, [trial] = study_of(tmp_path, FINE_TUNED, checkpoint_every=0)
    asked = iter([False, False, True])  # before the fit, after epochs 1 and 2
    stream, events = run_trial(trial, context, workers=1, fits=trial.fits[:1], leaving=lambda: next(asked, True)), []
    with pytest.raises(NodeLeaves):
        events.extend(stream)  # takes over what came before the error
    assert len(of(events, EpochEnded)) < 3
    state, _ = Checkpoints(context.ledger.storage).load(trial.fits[0].key, "cpu")
    reached = len(state["history"])
    assert reached == len(events) > 0
    rest = list(run_trial(trial, context, workers=1, fits=trial.fits[:1]))
    assert [event.epoch for event in of(rest, EpochEnded)] == list(range(reached + 1, 4))
    whole, [same] = study_of(tmp_path / "whole", FINE_TUNED)
    list(run_trial(same, whole, workers=1, fits=same.fits[:1]))
    here, there = (c.ledger.predictions(c.ledger.get(trial.fits[0].key)) for c in (context, whole))
    assert here.equals(there)


def test_on_a_machine_that_leaves_no_fold_fit_is_begun(tmp_path):
    context, [trial] = study_of(tmp_path, FROZEN)
    with pytest.raises(NodeLeaves):
        next(run_trial(trial, context, workers=1, leaving=lambda: True))
    assert context.ledger.keys() == []


def test_a_ledger_that_cannot_be_written_is_raised_and_nothing_is_recorded(tmp_path, monkeypatch):
    context, [trial] = study_of(tmp_path, FROZEN)
    write = Storage.write

    def full(self, name, content):
        if name.startswith("fits/"):
            raise StorageError(f"cannot write {name}: no space left on device")
        write(self, name, content)

    monkeypatch.setattr(Storage, "write", full)
    with pytest.raises(StorageError, match="no space left"):
        list(run_trial(trial, context, workers=1))
    monkeypatch.undo()
    assert context.ledger.keys() == []
    assert {event.state for event in of(run_trial(trial, context, workers=1), FitEnded)} == {"done"}


def test_a_cache_that_cannot_be_written_is_no_fault_of_the_fold_fit(tmp_path, monkeypatch):
    context, [trial] = study_of(tmp_path, FROZEN)

    def full(*arguments, **named):
        raise NodeFault("cannot write the cache: no space left on device")

    monkeypatch.setattr("trainables.trial.open_data", full)
    with pytest.raises(NodeFault, match="cache"):
        list(run_trial(trial, context, workers=1))
    assert context.ledger.keys() == []


def test_patience_is_for_stores_that_are_out_of_reach_for_a_moment(monkeypatch):
    monkeypatch.setattr(faults.time, "sleep", lambda seconds: None)
    calls = []

    def flaky():
        calls.append(1)
        if len(calls) < 4:
            raise StorageError("cannot read x: AWS Error NETWORK_CONNECTION during GetObject")
        return "content"

    assert patiently(flaky) == "content"
    with pytest.raises(StorageError, match="ACCESS_DENIED"):
        patiently(lambda: (_ for _ in ()).throw(StorageError("cannot read x: AWS Error ACCESS_DENIED")))
    assert fit_run.MOST == MOST
