"""The referee: both rules behind one judge, restored from the record, and sent to another process."""

import pickle

import pytest

from searchspace.search import Constraints, HalvingSettings, RandomSearch, Referee
from trainables.events import EpochEnded, FitEnded, TrialDropped

FOLDS = {(0, fold): 400 for fold in range(5)}


def fit(fold, mcr, **given):
    values = {"state": "done", "reused": False, "seconds": 10.0, **given}
    return FitEnded(repeat=0, fold=fold, key="0" * 64, metrics={"mcr": mcr}, **values)


def epoch(number, mcr, fold=0):
    inner = {"loss": 1.0, "mcr": mcr}
    return EpochEnded(repeat=0, fold=fold, epoch=number, epochs=30, loss=1.0, learning_rate=0.1, inner=inner)


def referee(world, **given):
    return Referee(RandomSearch(trials=9, **given), FOLDS, world(None).ledger)


def test_a_loser_is_dropped_between_folds(world):
    judge = referee(world).judge
    for name, shift in (("a", 0.0), ("b", -0.01)):
        assert all(judge(name, fit(fold, 0.6 + shift + fold / 100)) is None for fold in range(5))
    assert judge("c", fit(0, 0.59)) is None
    dropped = judge("c", fit(1, 0.3))
    assert dropped.rule == "racing"
    assert dropped.evidence["incumbent"] == "a"
    assert dropped.evidence["folds"] == [[0, 0], [0, 1]]
    assert judge("c", dropped) is None


def test_halving_looks_at_the_first_fold_only(world):
    judge = referee(world, racing=None, halving=HalvingSettings(reduction=2)).judge
    assert judge("a", epoch(1, 0.6)) is None
    assert judge("b", epoch(1, 0.3, fold=1)) is None
    assert judge("b", epoch(1, None)) is None
    dropped = judge("b", epoch(1, 0.3))
    assert dropped == TrialDropped(
        rule="halving",
        evidence={"epoch": 1, "inner_mcr": 0.3, "cutoff": 0.6, "rank": 2, "reached": 2, "kept": 1},
    )
    assert judge("b", fit(0, 0.1)) is None  # racing is off


@pytest.mark.parametrize(
    ("event", "reason"),
    [(fit(0, None, state="failed", reason="lost"), "lost"), (fit(0, None), None), (fit(0, float("nan")), None)],
)
def test_what_lost_a_fold_fit_can_never_be_complete(world, event, reason):
    dropped = referee(world, racing=None).judge("a", event)
    assert dropped.rule == "failure"
    assert dropped.evidence == {"fold": [0, 0], "state": event.state, "reason": reason}


def test_a_slow_configuration_is_no_standard(world):
    judge = referee(world, constraints=Constraints(seconds=20)).judge
    for name, seconds, level in (("slow", 50.0, 0.9), ("a", 10.0, 0.6), ("b", 10.0, 0.6)):
        for fold in range(5):
            judge(name, fit(fold, level, seconds=seconds))
    assert judge("c", fit(0, 0.59)) is None


def test_it_is_restored_and_sent(world):
    settings = RandomSearch(trials=12, halving=HalvingSettings(reduction=3))
    run = world(settings)
    searched = run.run()
    fresh = pickle.loads(pickle.dumps(run.referee()))
    complete = next(entry for entry in searched.entries if entry.state == "complete")
    assert fresh.judge(complete.configuration, epoch(1, 0.0)) is None  # only runs to replace what was lost
    assert fresh.judge("new", epoch(1, 0.0)).rule == "halving"
    dropped = fresh.judge("new", fit(0, 0.01))
    best = max((entry for entry in searched.entries if entry.state == "complete"), key=lambda entry: entry.value)
    assert dropped.evidence["incumbent"] == best.configuration
