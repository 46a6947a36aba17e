"""Whole runs: the known truth, the same predictions from every executor, kill -9 and go on, a foreign `models`."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from analysis.ledger import Ledger

ROOT = Path(__file__).parents[2]


def verdicts(run_folder) -> dict[str, str]:
    table = pd.read_csv(run_folder / "tables" / "comparisons_mcr_long.csv")
    table = table[table["metric"] == "mcr"]
    return dict(zip(table["label"], table["verdict"], strict=True))


def table_files(run_folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((run_folder / "tables").iterdir())}


def ledger_files(run_folder) -> dict[str, int]:
    files = (path for folder in ("fits", "predictions") for path in (run_folder / "ledger" / folder).iterdir())
    return {path.name: path.stat().st_mtime_ns for path in files}


def predictions(run_folder) -> dict[str, pd.DataFrame]:
    ledger = Ledger(run_folder / "ledger")
    return {key: ledger.predictions(record) for key, record in ledger.records().items()}


def assert_same_predictions(one, other) -> None:
    first, second = predictions(one), predictions(other)
    assert first.keys() == second.keys()
    for key, table in first.items():
        pd.testing.assert_frame_equal(table, second[key], check_exact=True)


@pytest.fixture(scope="module")
def warm(run, tmp_path_factory):
    """The quickstart by the warm executor, started in a folder with another `models` and `analysis` in it."""
    cwd = tmp_path_factory.mktemp("foreign")
    for name in ("models", "analysis", "trainables"):
        (cwd / name).mkdir()
        (cwd / name / "__init__.py").write_text("raise RuntimeError('the foreign package was imported')")
    result = run(cwd=cwd)
    assert result.returncode == 0, result.stderr
    return cwd / "runs" / "quickstart", result


def test_the_search_finds_what_is_known_to_be_true(quickstart):
    found = verdicts(quickstart)
    for fusion in ("concat", "multiply"):
        assert found[f"{fusion} age"] == "supported better"
        assert found[f"{fusion} site"] == "supported better"
        assert found[f"{fusion} sex"] in ("unsure", "equivalent")


def test_warm_and_inline_give_the_same_predictions_and_tables(quickstart, warm):
    assert_same_predictions(quickstart, warm[0])
    assert table_files(quickstart) == table_files(warm[0])


def test_a_warm_run_prints_the_table_and_what_to_type_next(warm):
    out = warm[1].stdout
    for expected in (
        "image only",
        "45 of 45 fold fits done",
        "tables/",
        "predictions/*.parquet",
        "tensorboard --logdir",
        "next, on real data",
    ):
        assert expected in out
    assert "Traceback" not in out + warm[1].stderr


def test_nothing_is_left_running_and_nothing_beside_the_run(warm, run_environment):
    assert processes_of(run_environment["HOME"]) == {}
    assert sorted(entry.name for entry in warm[0].parent.parent.iterdir()) == [
        "analysis",
        "models",
        "runs",
        "trainables",
    ]


def test_tensorboard_has_a_curve_per_fold_fit_and_a_row_per_configuration(warm):
    fold = EventAccumulator(str(warm[0] / "tensorboard" / "concat age" / "fold 2")).Reload()
    assert set(fold.Tags()["scalars"]) == {"loss", "learning rate", "inner/loss", "inner/mcr", "inner/auc"}
    steps = [event.step for event in fold.Scalars("inner/mcr")]
    assert steps == list(range(1, 31))
    rows = 0
    for folder in (warm[0] / "tensorboard").iterdir():
        row = EventAccumulator(str(folder)).Reload()
        rows += "_hparams_/session_start_info" in row.summary_metadata
        assert {"cross-validated/mcr", "cross-validated/auc"} <= set(row.Tags()["scalars"])
    assert rows == 9


def test_running_again_trains_nothing_and_writes_the_same_tables(run, warm, quickstart):
    before = ledger_files(warm[0])
    result = run("--out", warm[0], "--resume")
    assert result.returncode == 0, result.stderr
    assert ledger_files(warm[0]) == before
    assert table_files(warm[0]) == table_files(quickstart)


@pytest.mark.parametrize("executor", ["warm", pytest.param("inline", marks=pytest.mark.slow)])
def test_kill_9_and_starting_again_ends_in_the_same_table(executor, run, run_environment, quickstart, tmp_path):
    process, out = start(run_environment, tmp_path, executor, fits=7)
    process.kill()
    process.communicate()
    time.sleep(2)  # workers of the dead driver may finish the write they were in
    finished = ledger_files(out)
    result = run("--out", out, "--executor", executor)
    assert result.returncode == 0, result.stderr
    after = ledger_files(out)
    untouched = [name for name in finished if name.endswith(".json") and after[name] == finished[name]]
    assert len(untouched) >= 7
    assert len(untouched) == sum(name.endswith(".json") and not name.startswith(".") for name in finished)
    assert table_files(out) == table_files(quickstart)


def start(run_environment, tmp_path, executor: str, fits: int) -> tuple[subprocess.Popen, Path]:
    """Start a run and return when some fold fits are in its ledger."""
    out = tmp_path / "run"
    command = [sys.executable, "-m", "searchspace.run", "--out", str(out), "--executor", executor, "--no-report"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=run_environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while len(list((out / "ledger" / "fits").glob("*.json"))) < fits:
        assert process.poll() is None, "the run ended early"
        assert time.monotonic() < deadline, "no fold fit was finished in time"
        time.sleep(0.02)
    return process, out


def processes_of(home: str) -> dict[int, str]:
    """The processes that a run started, by their environment, with their command lines."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"HOME={home}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


@pytest.mark.parametrize(
    ("executor", "number"),
    [
        ("inline", signal.SIGINT),
        ("warm", signal.SIGTERM),
        pytest.param("inline", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("warm", signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_interrupting_says_how_to_go_on_and_stamps_the_table(run_environment, tmp_path, executor, number):
    environment = run_environment | {"HOME": str(tmp_path)}
    process, out = start(environment, tmp_path, executor, fits=7)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "run the same command again to continue" in stdout
    assert "Traceback" not in stdout + stderr
    assert "INCOMPLETE" in (out / "tables" / "subsets_mcr.md").read_text()
    assert processes_of(str(tmp_path)) == {}


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers in /proc")
def test_a_killed_worker_is_replaced_and_the_table_is_the_same(run_environment, tmp_path, quickstart):
    environment = run_environment | {"HOME": str(tmp_path)}
    process, out = start(environment, tmp_path, "warm", fits=4)
    workers = [
        pid
        for pid, command in processes_of(str(tmp_path)).items()
        if command.startswith(("ray::WarmTrial", "ray::ResourceTrainable"))
    ]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    _, stderr = process.communicate(timeout=200)
    assert process.returncode == 0, stderr
    assert table_files(out) == table_files(quickstart)


def test_the_report_of_a_run_is_the_one_that_its_ledger_gives_elsewhere(run, quickstart, tmp_path):
    """A ledger alone, moved, in another process: the same page, tables and figures to the byte."""
    reported = tmp_path / "run"
    shutil.copytree(quickstart, reported)
    result = run("--out", reported, "--executor", "inline", report=True)
    assert result.returncode == 0, result.stderr
    shutil.copytree(reported / "ledger", tmp_path / "ledger")
    command = [sys.executable, "-m", "analysis.report", str(tmp_path / "ledger"), "--out", str(tmp_path / "report")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    listed = (reported / ".report").read_text().splitlines()
    assert {"report.html", "tables/subsets_mcr.tex", "figures/forest_subsets_mcr.svg"} <= set(listed)
    for name in listed:
        assert (tmp_path / "report" / name).read_bytes() == (reported / name).read_bytes(), name
