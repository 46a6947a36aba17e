"""Whole searches: killed and resumed, run side by side and replayed, left clean, and refused in one line."""

import json
import os
import signal
import subprocess
import sys
import time

import optuna
import pytest
import yaml

from analysis.importances import read_importances
from analysis.ledger import Ledger
from analysis.ledger.storage import Storage
from analysis.loading import load_run
from searchspace.command_line import run_command
from searchspace.search import SearchRecord

STUDY = {
    "name": "phantom-search",
    "question": "Does a search over nested conditions work?",
    "cohort": {"name": "phantom", "lesions": 120},
    "folds": {"folds": 3},
    "fixed": {
        "backbone": {"name": "test_resnet", "weights": "none", "standardise": True},
        "image": {"size": [32, 32]},
        "training": {"epochs": 6, "batch_size": 64, "inner_share": 0.2},
    },
    "search": {
        "fusion.name": ["none", "concat", "multiply"],
        "metadata.fields": {"subsets": ["age", "sex", "site"], "when": {"fusion.name": {"not": ["none"]}}},
        "fusion.depth": {"values": [1, 2, 3], "when": {"fusion.name": ["multiply"]}},
        "training.learning_rate": {"low": 0.0001, "high": 0.1, "log": True},
    },
    "strategy": {"name": "tpe", "trials": 12, "seed": 3, "startup_trials": 4, "confirm": 1},
    "tables": [{"name": "best", "title": "Best", "kind": "leaderboard", "metrics": ["mcr", "auc"]}],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("study") / "search.yaml"
    path.write_text(yaml.safe_dump(STUDY, sort_keys=False))
    return str(path)


@pytest.fixture(scope="module")
def whole(run, study, tmp_path_factory):
    """An uninterrupted sequential search."""
    out = tmp_path_factory.mktemp("whole") / "run"
    result = run(study, "--out", out, "--executor", "inline")
    assert result.returncode == 0, result.stderr
    return out, result


def tables(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "tables").glob("best*")}


def suggestions(folder) -> list[tuple]:
    entries = SearchRecord(Storage(folder)).load()
    return [(entry.number, entry.parameters, entry.state, entry.value, entry.dropped) for entry in entries]


def test_a_search_says_what_it_spent_and_that_it_can_be_repeated(whole):
    folder, result = whole
    for expected in (
        "12 trials:",
        "dropped by racing",
        "asked again in their order, all",
        "strategy.trials=12 are spent",
    ):
        assert expected in result.stdout, result.stdout
    assert "| trial | configuration |" in (folder / "tables" / "search_summary.md").read_text()


def test_importances_are_stored_beside_the_record_and_told(whole):
    folder, result = whole
    ped, forest = read_importances(Storage(folder))
    assert set(ped.shares) == set(STUDY["search"])
    assert forest.left_out == ("metadata.fields", "fusion.depth")
    for one in (ped, forest):
        assert f"importances by {one.evaluator} ({one.settings}): " in result.stdout
    assert load_run(folder).importances == (ped, forest)


def test_the_best_is_trained_again_on_folds_that_the_search_has_not_seen(whole):
    folder, result = whole
    assert "re-split of searched data" in (folder / "tables" / "confirmation_mcr.md").read_text()
    assert "confirmed: " in result.stdout
    records = Ledger(folder / "ledger").records().values()
    by_seed: dict[int, list] = {}
    for record in records:
        by_seed.setdefault(record.identity["seed"], []).append(record)
    again = by_seed.pop(max(by_seed, key=lambda seed: seed != 0))
    assert len(again) == 3
    assert {record.configuration_id for record in again} <= {r.configuration_id for r in by_seed[0]}
    assert not {r.identity["assignment"] for r in again} & {r.identity["assignment"] for r in by_seed[0]}


def test_optuna_opens_the_database_and_nothing_is_running(whole):
    storage = f"sqlite:///{whole[0] / 'optuna.db'}"
    (name,) = optuna.get_all_study_names(storage)
    assert name.startswith("phantom-search-")
    trials = optuna.load_study(study_name=name, storage=storage).trials
    states = {trial.state.name for trial in trials}
    assert states <= {"COMPLETE", "PRUNED", "FAIL"}
    assert "PRUNED" in states


def test_every_drop_stands_with_its_evidence(whole):
    dropped = [entry for entry in SearchRecord(Storage(whole[0])).load() if entry.dropped]
    assert dropped
    for entry in dropped:
        evidence = entry.dropped["evidence"]
        assert evidence["difference"] < evidence["threshold"] < 0
        assert len(evidence["folds"]) == len(entry.folds) < 3


def test_killed_and_resumed_is_the_uninterrupted_search(study, whole, run, run_environment, tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "searchspace.run", study, "--out", str(out), "--executor", "inline", "--no-report"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=run_environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 120
        while len(list((out / "search").glob("*.json"))) < 6:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    before = {path.name: path.stat().st_mtime_ns for path in (out / "ledger" / "fits").iterdir()}
    result = run("--out", out, "--resume")
    assert result.returncode == 0, result.stderr
    assert suggestions(out) == suggestions(whole[0])
    assert tables(out) == tables(whole[0])
    assert (
        before.items() <= {path.name: path.stat().st_mtime_ns for path in (out / "ledger" / "fits").iterdir()}.items()
    )


def test_trials_side_by_side_are_replayed_from_their_record(study, run, tmp_path):
    concurrent = run(study, "--out", tmp_path / "concurrent", "--executor", "warm")
    assert concurrent.returncode == 0, concurrent.stderr
    assert "asked again in their order, all" in concurrent.stdout
    again = run(study, "--out", tmp_path / "again", "--executor", "inline", "--replay", tmp_path / "concurrent")
    assert again.returncode == 0, again.stderr
    assert "fold fits have the recorded scores" in again.stdout, again.stdout
    assert suggestions(tmp_path / "again") == suggestions(tmp_path / "concurrent")
    assert tables(tmp_path / "again") == tables(tmp_path / "concurrent")


def test_a_fold_fit_that_diverges_fails_its_trial_and_the_search_goes_on(study, run, tmp_path):
    search = {"training.learning_rate": [0.01, 100.0, 99.0], "fusion.name": ["none"]}
    result = run(
        study, "--out", tmp_path / "run", "--executor", "inline", "--set", f"search={json.dumps(search)}",
        "--set", "training.optimiser=sgd", "--set", "training.weight_decay=10", "--set", "training.batch_size=8",
        "--set", "training.epochs=30",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    entries = SearchRecord(Storage(tmp_path / "run")).load()
    failed = [entry for entry in entries if entry.state == "failed"]
    assert {entry.settings["training.learning_rate"] for entry in failed} == {100.0, 99.0}
    assert all("diverged" in entry.reason for entry in failed)
    assert "the space is exhausted" in result.stdout


@pytest.mark.slow
def test_nested_runs_one_at_a_time_are_the_sequential_search(study, whole, run, tmp_path):
    """Dropped trials included: Tune, Train and the referee in its own process find what one process finds."""
    result = run(
        study, "--out", tmp_path / "run", "--executor", "train", "--set", "strategy.trials=4",
        "--set", "strategy.at_once=1", timeout=500,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert [each[:4] for each in suggestions(tmp_path / "run")] == [each[:4] for each in suggestions(whole[0])[:4]]
    assert "dropped by" in result.stdout
    storage = f"sqlite:///{tmp_path / 'run' / 'optuna.db'}"
    (name,) = optuna.get_all_study_names(storage)
    states = {trial.state.name for trial in optuna.load_study(study_name=name, storage=storage).trials}
    assert states == {"COMPLETE", "PRUNED"}
    assert not list((tmp_path / "run" / "ledger").glob("checkpoints/*"))
    assert all(record.state == "done" for record in Ledger(tmp_path / "run" / "ledger").records().values())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("strategy={name: tpe}", "a search needs a budget"),
        ("strategy={name: grid}", "strategy.name=grid walks the space under scientific"),
        ("strategy.fold_fits=2", "strategy.fold_fits=2 is less than one trial takes, 3"),
        ("search.metadata.fields={subsets: [age, age]}", "subsets=['age', 'age'] names one twice"),
        ("search={space: 'nowhere:space'}", "search.space='nowhere:space' cannot be imported"),
        ("search.fusion.depht=[1]", "fusion.depht is not a known setting; did you mean 'depth'"),
        ("training.learning_rate=0.1", "this study searches training.learning_rate"),
        ("tables=[{name: t, title: T, rows: fusion.name, reference: {fusion.name: none}}]", "ablation"),
        ("strategy.start=[{fusion.name: add}]", "strategy.start.0: fusion.name='add' is outside the space"),
    ],
)
def test_a_wrong_search_is_one_line(study, setting, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FUSESEARCH_CACHE", str(tmp_path / "cache"))
    assert run_command([study, "--set", setting]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out.count("\n") <= 1
    assert not (tmp_path / "runs" / "phantom-search" / "optuna.db").exists()


def test_halving_needs_an_inner_part(study, run):
    result = run(study, "--set", "training.inner_share=0", "--set", "strategy.halving={reduction: 3}")
    assert result.returncode == 2
    assert "strategy.halving reads the inner part" in result.stderr


def test_a_replay_of_other_trials_is_refused(study, run, whole, tmp_path):
    result = run(study, "--out", tmp_path / "run", "--replay", whole[0], "--set", "training.epochs=5")
    assert result.returncode == 2
    assert "holds a search on other data, folds, fixed settings or component versions" in result.stderr


def test_several_processes_for_a_fold_fit_need_the_executor_train(run):
    arguments = ("--set", "backbone.frozen_stages=0", "--set", "resources.ranks_per_fit=2", "--executor", "inline")
    result = run("quickstart", *arguments)
    assert result.returncode == 2
    assert "resources.ranks_per_fit=2 needs --executor train, not inline" in result.stderr


def test_a_replay_of_nothing_is_one_line(study, run, tmp_path):
    result = run(study, "--replay", tmp_path)
    assert result.returncode == 2
    assert "there is no search in that run folder" in result.stderr
