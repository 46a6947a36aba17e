"""The executor `train` on a private cluster: inline's predictions, killed ranks, dropped trials, nothing left."""

import dataclasses
import os
import time
from pathlib import Path

import numpy as np
import pytest
from nested_studies import FINE_TUNED, FROZEN, FewFolds, KilledOnce, OneByOne, grid_queue, study_of

from searchspace.cluster import connected
from searchspace.study import Resources
from trainables.events import EpochEnded, FitEnded, TrialDropped
from trainables.executors.inline import run_inline

ROOT = Path(__file__).parents[2]
RAYS_OWN = {"_AutoscalingCoordinatorActor"}
"""One for the whole cluster, detached, without resources: Ray keeps it for the next run."""


@pytest.fixture(scope="module")
def cluster():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, ROOT / "tests"))))  # for the workers
        with connected("local", print, dashboard=True) as cluster:
            yield cluster


@pytest.fixture(scope="module")
def run(cluster):
    """Run trials on so many ranks, one after the other, and return the lines about those that were given up."""
    from searchspace.tune_driver import hosted, nested_trainable, tune_trials

    def start(context, trials, listener, ranks: int, *, judge=None, inside=None) -> list[str]:
        with hosted(judge) as word:
            nested = nested_trainable(context, Resources(), cluster.scratch, inside or word)
            return tune_trials(nested, OneByOne(context, trials, ranks), listener, cluster.scratch)

    return start


class Heard(list):
    """A listener that is slow at first, as a display on a busy machine may be."""

    def __call__(self, trial, event) -> None:
        if isinstance(event, FitEnded) and not any(isinstance(each, FitEnded) for _, each in self):
            time.sleep(3)
        self.append((trial.label, event))

    def of(self, label: str, kind: type) -> list:
        return [event for name, event in self if name == label and isinstance(event, kind)]


@pytest.fixture(scope="module")
def inline(tmp_path_factory) -> dict:
    """The predictions of both trials by the executor inline."""
    context, trials = study_of(tmp_path_factory.mktemp("inline"), FROZEN, FINE_TUNED)
    run_inline([(trial, trial.fits) for trial in trials], context, lambda trial, event: None, workers=1)
    return predictions(context)


def predictions(context) -> dict:
    return {key: context.ledger.predictions(record) for key, record in context.ledger.records().items()}


@pytest.fixture(scope="module")
def ran(run, tmp_path_factory):
    """Three trials one after the other on two ranks; the second is broken in a way that no retry mends."""
    context, (frozen, tuned) = study_of(tmp_path_factory.mktemp("nested"), FROZEN, FINE_TUNED)
    nowhere = dataclasses.replace(frozen.fits[0], split=99, identity=frozen.fits[0].identity | {"fold": 99})
    broken = dataclasses.replace(frozen, label="broken", fits=(nowhere,))
    heard = Heard()
    return context, heard, run(context, [frozen, broken, tuned], heard, 2)


def test_nested_runs_predict_what_inline_does(ran, inline):
    found = predictions(ran[0])
    assert found.keys() == inline.keys()
    assert len(found) == 6
    for key, table in found.items():
        assert table.equals(inline[key])


def test_warm_processes_predict_what_inline_does(cluster, inline, tmp_path):
    from searchspace.tune_driver import tune_trials, warm_trainable

    context, trials = study_of(tmp_path, FROZEN, FINE_TUNED)
    queue = grid_queue(trials, context)
    assert tune_trials(warm_trainable(context, Resources()), queue, Heard(), cluster.scratch) == []
    found = predictions(context)
    assert found.keys() == inline.keys()
    for key, table in found.items():
        assert table.equals(inline[key])


def test_every_event_of_every_rank_reaches_a_slow_listener(ran):
    for label in ("trial 0", "trial 1"):
        ended = ran[1].of(label, FitEnded)
        assert sorted(event.fold for event in ended) == [0, 1, 2]
        assert not any(event.reused for event in ended)
        epochs = [(event.fold, event.epoch) for event in ran[1].of(label, EpochEnded)]
        assert sorted(epochs) == [(fold, epoch) for fold in range(3) for epoch in (1, 2, 3)]
        for fold in range(3):
            assert [epoch for number, epoch in epochs if number == fold] == [1, 2, 3]


def test_an_error_that_would_come_again_is_told_and_not_retried(ran):
    assert ran[2] == ["broken: IndexError: tuple index out of range"]


@pytest.mark.slow
def test_a_killed_rank_goes_on_from_its_checkpoint(run, inline, tmp_path):
    context, [trial] = study_of(tmp_path, FINE_TUNED)
    judge, heard = KilledOnce(tmp_path / "killed"), Heard()
    assert run(context, [trial], heard, 2, inside=judge) == []
    assert judge.mark.exists()
    assert [event.epoch for event in heard.of("trial 0", EpochEnded) if event.fold == 2] == [3]
    for key, table in predictions(context).items():
        assert table.equals(inline[key])
    assert len(predictions(context)) == 3
    assert context.ledger.storage.names("checkpoints", ".pt") == []


@pytest.mark.slow
def test_on_one_cpu_a_judged_trial_is_dropped_and_not_killed(cluster, run, tmp_path):
    import ray

    context, [trial] = study_of(tmp_path, FROZEN)
    others = [ray.remote(num_cpus=1)(Heard).remote() for _ in range(int(cluster.cpus) - 1)]
    heard = Heard()
    lines = run(context, [trial], heard, 1, judge=FewFolds(2))
    for other in others:
        ray.kill(other)
    assert lines == []
    assert [event.fold for event in heard.of("trial 0", FitEnded)] == [0, 1]
    evidence = {"trial": trial.identifier, "folds": 2}
    assert heard[-1] == ("trial 0", TrialDropped(rule="few folds", evidence=evidence))
    assert len(context.ledger.keys()) == 2


def test_two_ranks_that_train_a_fold_fit_together_predict_the_same(run, inline, tmp_path):
    context, [trial] = study_of(tmp_path, FINE_TUNED, ranks_per_fit=2)
    heard = Heard()
    assert run(context, [trial], heard, 2) == []
    assert sorted(event.fold for event in heard.of("trial 0", FitEnded)) == [0, 1, 2]
    assert len(heard.of("trial 0", EpochEnded)) == 9
    found, expected = by_fold(predictions(context)), by_fold(inline)
    for fold in range(3):
        np.testing.assert_allclose(found[fold], expected[fold], atol=1e-5)


def by_fold(tables: dict) -> dict[int, np.ndarray]:
    """The probabilities of the fine-tuned trial."""
    _, [tuned] = study_of(Path("unused"), FINE_TUNED)
    chosen = [table for table in tables.values() if (table["configuration"] == tuned.identifier).all()]
    return {int(t["fold"].iloc[0]): t.filter(like="probability:").to_numpy() for t in chosen}


def test_a_judge_whose_process_died_comes_back(cluster):
    import ray

    from searchspace.tune_driver import hosted

    event = FitEnded(repeat=0, fold=0, key="k", state="done", reused=False, metrics={"mcr": 0.5})
    with hosted(FewFolds(1)) as word:
        before = word("trial", event)
        ray.kill(word.actor, no_restart=False)
        deadline = time.monotonic() + 60
        while word("trial", event) != before:  # the old process may answer once more
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_nothing_is_left_on_the_cluster(cluster, ran):
    import ray
    from ray.util.state import list_actors

    here, deadline = ray.get_runtime_context().gcs_address, time.monotonic() + 20
    while True:
        groups = [group for group in ray.util.placement_group_table().values() if group["state"] != "REMOVED"]
        actors = {
            actor.class_name for actor in list_actors(address=here, limit=1000) if actor.state != "DEAD"
        } - RAYS_OWN
        free = ray.available_resources().get("CPU", 0.0)
        if (not groups and not actors and free == cluster.cpus) or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert groups == []
    assert actors == set()
    assert free == cluster.cpus
