"""The proposer: what is told as what, constraints, budgets, duplicates, impossible points, and Optuna's database."""

import optuna
import pytest
from optuna.trial import TrialState

from models.errors import InputError
from searchspace.search import Constraints, HalvingSettings, RandomSearch, TreeParzenSearch
from trainables.events import FitEnded


def study_of(world, proposer) -> optuna.Study:
    storage = optuna.storages.RDBStorage(f"sqlite:///{world.folder}/optuna.db")
    return optuna.load_study(study_name=proposer.name, storage=storage)


def test_complete_and_pruned_trials_are_told_as_such(world):
    run = world(TreeParzenSearch(trials=20, seed=1, halving=HalvingSettings(reduction=2)), database=True)
    proposer = run.run()
    assert proposer.finished == "strategy.trials=20 are spent"
    found = study_of(run, proposer).trials
    assert len(found) == len(proposer.entries)
    rules = set()
    for trial, entry in zip(found, proposer.entries, strict=True):
        assert trial.params == entry.parameters
        if entry.state == "complete":
            assert trial.state == TrialState.COMPLETE
            assert trial.value == entry.value == pytest.approx(sum(entry.scores.values()) / 5)
            assert len(entry.folds) == 5
        elif entry.state == "pruned":
            rules.add(entry.dropped["rule"])
            assert trial.state == TrialState.PRUNED
            assert trial.intermediate_values == entry.intermediate
            assert max(entry.intermediate) == len(entry.folds) < 5
            assert trial.user_attrs["configuration"] == entry.configuration
    assert rules == {"racing", "halving"}
    assert not [trial for trial in found if trial.state == TrialState.RUNNING]


def test_a_dropped_trial_is_told_the_blocked_estimate(world):
    run = world(RandomSearch(trials=12, racing=0.5))
    entries = run.run().entries
    pruned = next(entry for entry in entries if entry.state == "pruned" and len(entry.folds) == 1)
    # Fold 0 is the easiest of all (scores fall by .02 a fold), so the estimate lies below the raw score.
    assert pruned.intermediate[1] == pytest.approx(pruned.folds[0].mcr - 0.04, abs=0.02)


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ({"metrics": {"mcr": float("nan")}}, "repeat 0, fold 1 done: it has no finite MCR"),
        ({"metrics": {"mcr": None}}, "repeat 0, fold 1 done: it has no finite MCR"),
        ({"metrics": {}}, "repeat 0, fold 1 done: it has no finite MCR"),
        ({"state": "diverged", "metrics": {}, "reason": "loss is nan"}, "repeat 0, fold 1 diverged: loss is nan"),
        ({"state": "failed", "metrics": {}, "reason": "KeyError: x"}, "repeat 0, fold 1 failed: KeyError: x"),
    ],
)
def test_one_lost_fold_fails_the_trial_with_its_reason(world, spoilt, reason):
    run = world(
        RandomSearch(trials=4),
        spoil=lambda settings, fold: spoilt if fold == 1 and settings["fusion.name"] == "none" else {},
    )  # fmt: skip
    proposer = run.run()
    failed = [entry for entry in proposer.entries if entry.state == "failed"]
    assert failed
    for entry in failed:
        assert entry.reason == reason
        assert (entry.value, entry.intermediate, len(entry.folds)) == (None, {}, 2)  # the rest was not trained
    states = [trial.state for trial in proposer.study.trials]
    assert states.count(TrialState.FAIL) == len(failed)
    assert TrialState.RUNNING not in states


def test_a_trial_that_was_given_up_fails(world):
    proposer = world(RandomSearch(trials=2)).proposer()
    assert proposer.tell(proposer.ask().number, "its process died 3 times").reason == "its process died 3 times"
    assert proposer.tell(proposer.ask().number).reason == "it ended after 0 of 5 fold fits"
    assert proposer.ask() is None
    assert proposer.finished == "strategy.trials=2 are spent"


def test_constraints_are_told_as_shares_of_the_limit(world):
    limits = Constraints(parameters=2000, seconds=5)
    run = world(RandomSearch(trials=12, constraints=limits, racing=None))
    proposer = run.run()
    for trial, entry in zip(proposer.study.trials, proposer.entries, strict=True):
        if entry.handed_out:
            depth = entry.settings.get("fusion.depth", 0)
            assert entry.constraints == {"parameters": (1000 + 1000 * depth) / 2000 - 1, "seconds": 1.0}
            assert trial.constraints == entry.constraints
            assert not entry.feasible


def test_a_known_configuration_is_not_run_twice(world):
    space = {"fusion.name": ["none", "concat"], "metadata.fields": [["age"], ["sex"]]}
    run = world(RandomSearch(trials=50), space=space)
    proposer = run.run()
    assert "the space is exhausted" in proposer.finished
    handed_out = [entry for entry in proposer.entries if entry.handed_out]
    assert len({entry.configuration for entry in handed_out}) == len(handed_out) == 3  # none has no fields
    assert len(run.trained) == len(set(run.trained))
    skipped = [entry for entry in proposer.entries if entry.state == "skipped"]
    assert skipped[0].reason.startswith("the same configuration as trial ")
    assert run.proposer().ask() is None


def test_while_all_that_is_left_runs_there_is_nothing_to_do_yet(world):
    proposer = world(RandomSearch(trials=50), space={"fusion.name": ["concat", "multiply"]}).proposer()
    first = proposer.ask()
    assert proposer.ask() is None  # without fields both are image only
    assert proposer.finished is None
    before = len(proposer.entries)
    assert proposer.ask() is None
    assert len(proposer.entries) == before  # waiting costs nothing
    proposer.tell(first.number, "given up")
    assert proposer.ask() is None
    assert proposer.finished


def test_an_impossible_point_is_told_and_asked_anew(world):
    space = {"fusion.name": ["multiply"], "metadata.fields": [["age"]], "fusion.depth": [0, 1, 2, 3]}
    proposer = world(RandomSearch(trials=9), space=space).run()
    assert [entry.state for entry in proposer.entries if entry.handed_out] == ["complete"] * 3
    impossible = [entry for entry in proposer.entries if entry.settings["fusion.depth"] == 0]
    assert impossible
    assert "the space is exhausted" in proposer.finished
    assert all(entry.reason.startswith("impossible: fusion.depth=0 is not possible") for entry in impossible)


def test_a_space_of_impossible_points_is_an_error(world):
    space = {"fusion.name": ["multiply"], "metadata.fields": [["age"]], "fusion.depth": {"low": 7, "high": 99}}
    proposer = world(RandomSearch(trials=3), space=space).proposer()
    with pytest.raises(InputError, match="search: 100 suggestions in a row cannot be used; the last one: impossible"):
        proposer.ask()


def test_the_budget_in_fold_fits_is_kept(world):
    run = world(RandomSearch(fold_fits=23, racing=None))
    proposer = run.run()
    assert len(run.trained) == 20
    assert proposer.finished == "strategy.fold_fits=23 are spent"
    with pytest.raises(InputError, match=r"strategy.fold_fits=4 is less than one trial takes, 5"):
        world(RandomSearch(fold_fits=4)).proposer()


def test_running_trials_reserve_their_fold_fits(world):
    proposer = world(RandomSearch(fold_fits=12)).proposer()
    first, second = proposer.ask(), proposer.ask()
    assert proposer.ask() is None
    assert proposer.finished is None
    for proposal in (first, second):
        event = FitEnded(repeat=0, fold=0, key="k", state="failed", reused=False, reason="lost")
        proposer.hear(proposal.number, event)
        proposer.tell(proposal.number)
    assert proposer.ask()  # both ended after one


def test_the_budget_in_hours_counts_all_processes(world):
    now = [100.0]
    run = world(RandomSearch(hours=2.0))
    proposer = run.proposer(clock=lambda: now[0])
    now[0] += 3600.0
    proposer.tell(proposer.ask().number, "given up")
    now[0] = 0.0  # another process, some time later
    proposer = run.proposer(clock=lambda: now[0])
    now[0] += 3599.0
    proposer.tell(proposer.ask().number, "given up")
    now[0] += 1.0
    assert proposer.ask() is None
    assert proposer.finished == "strategy.hours=2 are over"


def test_starting_points_come_first(world):
    start = ({"fusion.name": "multiply", "metadata.fields": ["age"], "fusion.depth": 3}, {"fusion.name": "none"})
    entries = world(TreeParzenSearch(trials=4, start=start)).run().entries
    for entry, point in zip(entries, start, strict=False):
        assert {name: entry.settings[name] for name in point} == point
    with pytest.raises(InputError, match=r"strategy.start.0: fusion.name='gate' is outside the space"):
        world(RandomSearch(trials=4, start=({"fusion.name": "gate"},))).proposer()


def test_tpe_finds_the_learning_rate(world):
    def best(settings):
        values = [entry.value for entry in world(settings).run().entries if entry.value is not None]
        return max(values)

    assert best(TreeParzenSearch(trials=40, racing=None, seed=2)) > 0.66


def test_a_search_of_other_data_or_another_space_is_refused(world):
    run = world(RandomSearch(trials=2))
    run.run()
    with pytest.raises(InputError, match=r"the run folder holds the search small-.*another space"):
        world(RandomSearch(trials=2), space={"fusion.name": ["none"]}).proposer()
    with pytest.raises(InputError, match="on other data, folds, fixed settings or component versions"):
        world(RandomSearch(trials=2), folds=3).proposer()
