"""Runs whose data, weights, run folder and ledger are on a real S3 server: the same tables, and no secret anywhere."""

import dataclasses
import json
import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import timm
import torch
import yaml
from made_up_cohorts import write_ham10000, write_isic2018_test
from s3_server import CREDENTIALS, SECRET, denying_server, s3_uri

from analysis.errors import StorageError
from analysis.ledger import Ledger
from searchspace.command_line import run_command
from searchspace.preparation import Request, prepare_plans
from searchspace.study import validate_study
from searchspace.study_files import read_study
from trainables.trial import run_trial

ROOT = Path(__file__).parents[2]
STUDY = {
    "name": "afar",
    "question": "Is it the same from afar?",
    "cohort": {"name": "ham10000"},
    "folds": {"folds": 2},
    "fixed": {
        "backbone": {"name": "test_resnet", "weights": "file"},
        "image": {"size": [32, 32]},
        "training": {"epochs": 2, "batch_size": 16},
    },
    "scientific": {"fusion.name": ["none", "concat"], "metadata.fields": [["age"]]},
    "tables": [
        {"name": "subsets", "title": "Subsets", "kind": "ablation", "rows": "metadata.fields",
         "columns": "fusion.name", "metrics": ["mcr"], "reference": {"fusion.name": "none"}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """A folder with a study file, `data` and `weights`."""
    folder = tmp_path_factory.mktemp("sources")
    write_ham10000(folder / "data")
    (folder / "weights").mkdir()
    torch.manual_seed(0)
    torch.save(timm.create_model("test_resnet").state_dict(), folder / "weights" / "test_resnet.pth")
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    return folder


@pytest.fixture(scope="module")
def local_tables(sources, tmp_path_factory) -> dict[str, bytes]:
    """The tables of a run on local folders."""
    out = tmp_path_factory.mktemp("local") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUSESEARCH_CACHE", str(out.parent / "cache"))
        patch.chdir(sources)
        options = ["--data", "data", "--weights", "weights", "--out", str(out), "--executor", "inline", "--no-report"]
        assert run_command(["study.yaml", *options]) == 0
    return {path.name: path.read_bytes() for path in (out / "tables").iterdir()}


@pytest.fixture
def afar(s3, sources, tmp_path, monkeypatch) -> list[str]:
    """The options of a run that has everything on S3."""
    monkeypatch.setenv("FUSESEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(sources)
    for name in ("data", "weights"):
        s3.upload(sources / name, f"in/{name}")
    options = [("--data", "in/data"), ("--weights", "in/weights"), ("--out", "run"), ("--ledger", "ledger")]
    return ["study.yaml", *(word for option, name in options for word in (option, s3.uri(name))), "--no-report"]


@pytest.fixture
def forgetful(sources, monkeypatch) -> Path:
    """The sources, in a process that has no features in memory."""
    monkeypatch.setattr("trainables.data._opened", {})
    return sources


def assert_no_secret(s3, *folders: Path, said: str) -> None:
    places = {name: content for name, content in s3.objects().items()}
    for folder in folders:
        places |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    places["output"] = said.encode()
    assert len(places) > 10
    for name, content in places.items():
        for value in (SECRET, CREDENTIALS["AWS_ACCESS_KEY_ID"]):
            assert value.encode() not in content, name


def test_everything_on_s3_gives_the_local_run_s_tables_and_keeps_no_secret(s3, afar, local_tables, tmp_path, capsys):
    assert run_command([*afar, "--executor", "inline"]) == 0
    first = capsys.readouterr()
    assert s3.objects("run/tables/") == local_tables
    assert json.loads(s3.objects("run/")["run.json"])["data"] == s3.uri("in/data")
    assert "--data s3://" in first.out
    assert "; copying 43 files, " in first.out
    assert "disk: cache " in first.out
    fits = s3.objects("ledger/fits/")
    assert run_command(["--resume", "--out", s3.uri("run"), "--executor", "inline", "--no-report"]) == 0
    second = capsys.readouterr()
    assert "this node has them all" in second.out
    assert s3.objects("ledger/fits/") == fits
    assert s3.objects("run/tables/") == local_tables
    assert_no_secret(s3, tmp_path, said="".join((*first, *second)))


@pytest.mark.parametrize("option", ["--data", "--weights", "--out", "--ledger", "--replay"])
def test_credentials_in_an_option_are_refused(option, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_command([option, f"s3://AKIAIOSFODNN7EXAMPLE:{SECRET}@bucket/x"]) == 2
    said = "".join(capsys.readouterr())
    assert said.startswith(f"error: {option} s3://...: the URI holds a credential (user and password before @)")
    assert said.count("\n") == 1
    assert SECRET not in said
    assert list(tmp_path.iterdir()) == []


def test_credentials_in_a_study_are_refused(s3, afar, tmp_path, capsys):
    study = STUDY | {"arms": {"one": {"data": f"s3://bucket/x?access_key=A&secret_key={SECRET}"}, "two": {}}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    assert run_command([str(tmp_path / "study.yaml"), *afar[1:], "--executor", "inline"]) == 2
    said = "".join(capsys.readouterr())
    assert "arms.one.data" in said
    assert "parameter access_key" in said
    assert SECRET not in said
    assert s3.objects("run/") == {}


def test_arms_and_an_external_cohort_may_be_elsewhere(s3, sources, tmp_path, monkeypatch):
    write_isic2018_test(tmp_path / "other")
    s3.upload(sources / "data", "main/ham10000")
    s3.upload(tmp_path / "other", "other")
    study = STUDY | {"arms": {"here": {}, "there": {"data": s3.uri("main")}}}
    study["fixed"] = {**STUDY["fixed"], "backbone": {"name": "test_resnet"}}
    outer = {"cohort": {"name": "isic2018-test"}, "data": s3.uri("other")}
    study["arms"]["outside"] = {"folds": {"plan": "external"}, "external": outer}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    read = read_study("study.yaml", (), tmp_path)
    request = Request(read, data=str(sources / "data"), weights=None, skip_bad=False, cache=tmp_path / "cache")
    here, there, outside = (plan.context.cohort for plan in prepare_plans(request, Ledger(tmp_path / "ledger")))
    assert here.fingerprint == there.fingerprint
    assert here.images.origin is None
    assert "/main/ham10000?" in there.images.origin
    main, other = outside.images.sources
    assert main.origin is None
    assert "/other?" in other.origin


WORKER = """
import pickle, sys
from trainables.trial import run_trial
context, trial = pickle.load(sys.stdin.buffer)
print(context.cache, [event.state for event in run_trial(trial, context, workers=1) if hasattr(event, "state")])
"""


@pytest.mark.slow
def test_a_worker_without_a_copy_trains_the_same_from_the_uri(s3, forgetful, tmp_path):
    """A fresh process with another cache, as on another machine; the driver's copy is out of its reach."""
    s3.upload(forgetful / "data", "data")
    study = validate_study({**STUDY, "fixed": {**STUDY["fixed"], "backbone": {"name": "test_resnet"}}})
    request = Request(study, data=s3.uri("data"), weights=None, skip_bad=False, cache=tmp_path / "cache")
    (plan,) = prepare_plans(request, Ledger(tmp_path / "here"))
    list(run_trial(plan.trials[0], plan.context, workers=1))
    there = dataclasses.replace(plan.context, ledger=Ledger(tmp_path / "there"))
    (tmp_path / "cache").rename(tmp_path / "away")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FUSESEARCH_CACHE": str(tmp_path / "own")}
    parcel = pickle.dumps((there, plan.trials[0]))
    command = [sys.executable, "-c", WORKER]
    ended = subprocess.run(command, input=parcel, env=environment, capture_output=True, timeout=120, check=False)
    assert ended.stdout.decode().strip() == f"{tmp_path / 'own'} ['done', 'done']", ended.stderr
    assert {path.name for path in (tmp_path / "own").iterdir() if path.is_dir()} == {"pixels", "features"}
    assert not (tmp_path / "cache").exists()
    for fit in plan.trials[0].fits:
        one, other = (ledger.predictions(ledger.get(fit.key)) for ledger in (plan.context.ledger, there.ledger))
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_an_object_that_changed_under_way_fails_its_fold_fits_and_one_out_of_reach_none(s3, forgetful, tmp_path):
    s3.upload(forgetful / "data", "data")
    study = validate_study({**STUDY, "fixed": {**STUDY["fixed"], "backbone": {"name": "test_resnet"}}})
    request = Request(study, data=s3.uri("data"), weights=None, skip_bad=False, cache=tmp_path / "cache")
    (plan,) = prepare_plans(request, Ledger(tmp_path / "ledger"))
    images = plan.context.cohort.images
    (tmp_path / "cache" / "data").rename(tmp_path / "moved")
    with denying_server() as port:
        object.__setattr__(images, "origin", s3_uri("b", "data", port))
        with pytest.raises(StorageError, match=r"sample 'ISIC_\d+': image .* nor can it be read from s3://.*DENIED"):
            list(run_trial(plan.trials[0], plan.context, workers=1))
    assert plan.context.ledger.keys() == []
    object.__setattr__(images, "origin", s3.uri("data"))
    s3.put(f"data/{images.paths[3][0]}", b"another picture")
    ended = list(run_trial(plan.trials[0], plan.context, workers=1))
    assert [event.state for event in ended] == ["failed", "failed"]
    assert "it has changed since the cohort was opened; open the cohort again" in ended[0].reason
    s3.put(f"data/{images.paths[3][0]}", next((tmp_path / "moved").rglob(images.paths[3][0])).read_bytes())
    states = [event.state for event in run_trial(plan.trials[0], plan.context, workers=1) if hasattr(event, "state")]
    assert states == ["done", "done"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--data", "nowhere", "--data s3://{bucket}/nowhere?.*: there is nothing; check bucket and folder"),
        ("--weights", "in/nothing", "--weights s3://{bucket}/in/nothing?.*: there is nothing"),
        ("--weights", "in/data/HAM10000_metadata.csv", "cannot be read as a checkpoint"),
    ],
)
def test_bad_uris_are_one_line(s3, afar, capsys, option, value, message):
    assert run_command([*afar, option, s3.uri(value), "--executor", "inline"]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert s3.objects("run/") == {}

    assert re.search(message.replace("{bucket}", s3.bucket), errors), errors


def start(afar, tmp_path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "searchspace.run", *afar]
    return subprocess.Popen(
        command, cwd=Path.cwd(), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_warm_processes_on_s3_give_the_same_tables_and_keep_no_secret(s3, afar, local_tables, tmp_path):
    process = start([*afar, "--executor", "warm"], tmp_path)
    said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert s3.objects("run/tables/") == local_tables
    assert_no_secret(s3, tmp_path, said="".join(said))


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["inline", "warm"])
def test_a_server_that_goes_away_ends_the_run_in_one_line_and_the_run_goes_on_when_it_is_back(
    s3, afar, local_tables, tmp_path, executor
):
    process = start([*afar, "--executor", executor], tmp_path)
    deadline = time.monotonic() + 300
    while not s3.objects("ledger/fits/"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    s3.stop()
    try:
        output, errors = process.communicate(timeout=400)
    finally:
        s3.start()
    assert process.returncode not in (0, 70), output + errors
    assert "Traceback" not in output + errors
    assert errors.strip().count("\n") == 0, errors
    assert "cannot " in errors
    assert s3.bucket in errors
    kept = s3.objects("ledger/fits/")
    assert 0 < len(kept) < 4
    again = start([*afar, "--executor", executor], tmp_path)
    said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    assert s3.objects("run/tables/") == local_tables
    assert {name: content for name, content in s3.objects("ledger/fits/").items() if name in kept} == kept
