"""The command line: help, list, dry run, resume, and every mistake in one line with exit code 2 and nothing started."""

import json
import shutil

import pytest
from filelock import FileLock

from analysis.ledger.storage import Storage
from models.errors import InputError
from searchspace.command_line import run_command
from searchspace.workspace import REQUEST, open_workspace, read_request


def test_help_names_every_option(run):
    result = run("--help")
    assert result.returncode == 0
    options = {word.strip("[],") for word in result.stdout.split() if word.strip("[").startswith("--")}
    assert options == {
        "--help", "--data", "--weights", "--set", "--out", "--ledger", "--executor", "--address", "--skip-bad",
        "--replay", "--no-report", "--resume", "--dry-run",
    }  # fmt: skip


def test_list_has_a_line_for_each_study(run):
    result = run("list")
    assert result.returncode == 0
    for expected in ("quickstart", "ham10000-screen", "MetaNet (ISBI 2020), Table 3", "two cores"):
        assert expected in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quikstart"], "study 'quikstart' is not known; did you mean 'quickstart'"),
        (["missing.yaml"], "missing.yaml: cannot be read"),
        (["--data", "nowhere"], "--data nowhere: there is no such file or folder"),
        (["--weights", "nowhere"], "--weights nowhere: there is no such file or folder"),
        (["--set", "training.epochs=0"], "training.epochs=0"),
        (["--set", "training.epoch=3"], "training.epoch is not a known setting; did you mean 'epochs'"),
        (
            ["--set", "scientific.metadata.fields=[[agee]]"],
            "'agee' is not a field of cohort 'phantom'; did you mean 'age'",
        ),
        (["--set", "backbone.name=resnet5"], "resnet5"),
        (["--set", "backbone.name=vgg16", "--set", "image.size=[16, 16]"], "vgg16"),
        (["--set", "backbone.weights=file"], "needs the weights of test_resnet"),
        (["--set", "folds.folds=99"], "class 'rosy' has only"),
        (["--set", "resources.threads=200", "--executor", "inline"], "resources.threads=200"),
        (["--set", "loss={name: focal, alpha: 0.25}"], "alpha"),
        (
            ["--set", "tables=[{name: t, title: T, kind: ablation, rows: fusion.nam, reference: {fusion.name: none}}]"],
            "fusion.nam",
        ),
        (["--resume"], "there is no run in"),
        ([""], "study '' is not known"),
        (["--out", ""], "--out is an empty text"),
        (["--data", ""], "--data is an empty text"),
        (
            ["--set", "resources.gpu=1", "--executor", "inline"],
            "resources.gpu=1: that is more GPU for a trial than this machine has, 0; say --set resources.gpu=0",
        ),
        (["--set", "folds.file=x.csv"], "folds.file belongs to folds.plan=from-file"),
        (["--ledger", "/proc/nowhere", "--executor", "inline"], "cannot write"),
        (
            ["--set", "tables=[{name: left_out, title: T, kind: per-class-recall}]"],
            "two tables would write left_out.md",
        ),
        (
            [
                "--set",
                "tables=[{name: a, title: T, kind: per-class-recall, metrics: [mcr, mcr]}]",
            ],
            "name one twice",
        ),
        (["ham10000-screen"], "--data"),
        (["--address", "127.0.0.1:1"], "cannot reach a Ray cluster at 127.0.0.1:1"),
    ],
)
def test_a_mistake_is_one_line_and_starts_nothing(run_environment, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.setenv("FUSESEARCH_CACHE", run_environment["FUSESEARCH_CACHE"])
    monkeypatch.chdir(tmp_path)
    assert run_command(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1, error
    assert list(tmp_path.rglob("*")) == [] or [path.name for path in tmp_path.rglob("*")] == ["runs"]


@pytest.mark.parametrize("setting", ["resources.threads=200", "resources.gpu=1"])
def test_a_trial_that_no_cluster_holds_is_refused_before_anything_starts(run, tmp_path, setting):
    result = run("--set", setting, cwd=tmp_path)
    assert result.returncode == 2, result.stdout + result.stderr
    assert f"error: {setting}: that is more" in result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert not list(tmp_path.rglob("*.json"))


def test_a_file_of_weights_that_nobody_reads_is_an_error(run, tmp_path):
    (tmp_path / "w.pth").write_bytes(b"x")
    result = run("--weights", "w.pth", cwd=tmp_path)
    assert result.returncode == 2
    assert "no configuration of study quickstart reads weights" in result.stderr


def test_dry_run_trains_nothing_and_makes_nothing(run, tmp_path):
    result = run("--dry-run", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.iterdir()) == []
    for expected in (
        "image only",
        "multiply age + sex + site",
        "9 configurations, 45 fold fits",
        "train 45 fold fits",
        "optimisation steps",
    ):
        assert expected in result.stdout


def test_dry_run_counts_what_the_ledger_has(run, quickstart):
    result = run("--dry-run", "--out", quickstart)
    assert "nothing to train: every fold fit is in the ledger" in result.stdout


def test_a_shared_ledger_spares_what_another_study_has_done(run, quickstart, tmp_path):
    result = run(
        "--dry-run", "--ledger", quickstart / "ledger", "--set", "scientific.fusion.name=[concat]", cwd=tmp_path
    )
    assert "nothing to train" in result.stdout


def test_a_damaged_ledger_file_is_reported_and_fitted_again(run, quickstart, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(quickstart, copy)
    victim = sorted((copy / "ledger" / "predictions").iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:100])
    result = run("--out", copy, "--executor", "inline")
    assert result.returncode == 0, result.stderr
    assert f"damaged: fold fit {victim.name[:12]}" in result.stdout
    assert (copy / "tables" / "subsets_mcr.md").read_bytes() == (quickstart / "tables" / "subsets_mcr.md").read_bytes()


def test_resume_takes_the_settings_of_the_run(run, quickstart):
    request = json.loads((quickstart / "run.json").read_text())
    assert request["executor"] == "inline"
    result = run("--resume", "--out", quickstart)
    assert result.returncode == 0, result.stderr
    assert "45 of 45 fold fits done" in result.stdout
    refused = run("--resume", "--out", quickstart, "--set", "training.epochs=1")
    assert refused.returncode == 2
    assert "--resume continues the run as it was asked for" in refused.stderr


def test_a_run_folder_belongs_to_one_study_and_one_process(run, quickstart, tmp_path):
    (tmp_path / "other.yaml").write_text((quickstart / "run.json").read_text())
    study = json.loads((quickstart / "run.json").read_text())["study"] | {"name": "other"}
    (tmp_path / "other.yaml").write_text(json.dumps(study))
    result = run("other.yaml", "--out", quickstart, cwd=tmp_path)
    assert result.returncode == 2
    assert "holds a run of study 'quickstart'" in result.stderr
    with FileLock(quickstart / ".lock"):
        result = run("--out", quickstart)
    assert result.returncode == 2
    assert "another process is running in this folder" in result.stderr


def test_an_unwritable_run_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot be written"),
        open_workspace(str(tmp_path / "file" / "run"), "s", tmp_path),
    ):
        pass


@pytest.mark.parametrize("content", ["{", "[]", "3", '{"a": 1}', '{"study": 5}'])
def test_a_damaged_request_keeps_the_run_usable(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match="is damaged"):
        read_request(str(tmp_path))
    with open_workspace(str(tmp_path), "any", tmp_path) as workspace:
        request = dict.fromkeys(REQUEST) | {"study": {"name": "any"}}
        workspace.write_request(request)
    assert read_request(str(tmp_path)) == request


def test_a_remote_run_folder_gets_its_curves_at_the_end(tmp_path):
    with open_workspace(f"file://{tmp_path}/run", "s", tmp_path / "cache") as workspace:
        assert workspace.storage.local is not None
        workspace.storage.write("tables/t.md", b"x")
    assert Storage(tmp_path / "run").read("tables/t.md") == b"x"


def test_a_grid_has_nothing_to_replay(run, quickstart, tmp_path):
    result = run("quickstart", "--replay", quickstart, "--dry-run")
    assert result.returncode == 2
    said = "error: --replay: study quickstart is no search, so it has no suggestions to run again"
    assert result.stderr.splitlines()[-1] == said


def test_a_study_file_without_a_name_is_called_by_its_own(run, tmp_path):
    (tmp_path / "mine.yaml").write_text("question: Why?\n")
    result = run("mine.yaml", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (2, result.stderr)
    assert result.stderr.startswith("error: study mine.yaml: ")
    assert result.stderr.count("\n") == 1
