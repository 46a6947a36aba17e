"""What another version wrote is refused in one line that says what reads it; it is not skipped nor written over."""

import json

import pytest

import analysis.account
import analysis.report.command_line
from searchspace.command_line import run_command

KEY = "ab" * 32
RECORD = json.dumps({"schema": 2, "key": KEY, "checksum": "", "record": {}})


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(capsys, command, *arguments) -> str:
    capsys.readouterr()
    assert command([str(argument) for argument in arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FUSESEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize("shared", [True, False])
def test_nothing_is_trained_beside_records_of_another_version(tmp_path, capsys, shared):
    ledger = tmp_path / ("shared" if shared else "run/ledger")
    (ledger / "fits").mkdir(parents=True)
    (ledger / "fits" / f"{KEY}.json").write_text(RECORD)
    before = contents(tmp_path)
    place = ["--out", tmp_path / "run", *(["--ledger", ledger] if shared else [])]
    for more in ([], ["--dry-run"]):
        err = refused(capsys, run_command, "quickstart", "--executor", "inline", *place, *more)
        assert f"ledger record {KEY[:12]} has schema version 2, this one reads 1: a newer fusesearch wrote it" in err
        assert str(ledger) in err
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["run.json", "study.json"])
def test_a_run_folder_of_another_version_is_left_alone(tmp_path, capsys, name):
    run = tmp_path / "run"
    run.mkdir()
    (run / name).write_text(json.dumps({"version": 9, "study": {"name": "quickstart"}, "manifest": {}}))
    before = (run / name).read_bytes()
    err = refused(capsys, run_command, "quickstart", "--executor", "inline", "--out", run)
    assert f"{name} has schema version 9, this one reads 1" in err
    assert (run / name).read_bytes() == before
    assert not (run / "ledger").exists()
    if name == "run.json":
        assert "run.json has schema version 9" in refused(capsys, run_command, "--resume", "--out", run)


@pytest.mark.parametrize("command", [analysis.report.command_line.run_command, analysis.account.run_command])
def test_a_report_and_an_account_never_leave_out_what_they_cannot_read(tmp_path, capsys, command):
    (tmp_path / "fits").mkdir()
    (tmp_path / "fits" / f"{KEY}.json").write_text(RECORD)
    assert "has schema version 2, this one reads 1" in refused(capsys, command, tmp_path)
    (tmp_path / "study.json").write_text(json.dumps({"version": 0}))
    assert "an older fusesearch wrote it and reads it" in refused(capsys, command, tmp_path)


@pytest.mark.parametrize("changes", [{"data": 5}, {"ledger": 7}, {"weights": [1]}, {"skip_bad": "x"}, {"executor": {}}])
def test_a_request_of_other_kinds_is_damaged(tmp_path, capsys, changes):
    run = tmp_path / "run"
    run.mkdir()
    request = dict.fromkeys(("data", "weights", "ledger", "executor", "address", "replay")) | {"skip_bad": False}
    content = {"version": 1, "study": {"name": "quickstart"}} | request | changes
    (run / "run.json").write_text(json.dumps(content))
    assert "run.json is damaged; start the run without --resume" in refused(
        capsys, run_command, "--resume", "--out", run
    )
