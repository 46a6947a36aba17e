"""Whole runs in which something went wrong say so: exit code, stamp, note, verdict, integrity and account."""

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from analysis.accounting import account
from analysis.loading import load_run
from analysis.report.integrity import integrity
from analysis.report.verdict_text import verdict_paragraphs
from searchspace.command_line import run_command
from searchspace.preparation import prepare_plans
from trainables.fit import FoldFit

STUDY = {
    "name": "small",
    "question": "Is it told?",
    "cohort": {
        "name": "table", "label": "x", "csv": "cases.csv", "id": "id", "image_folder": "images",
        "images": {"dermoscopy": "file"}, "targets": {"diagnosis": {"column": "label"}},
        "fields": {"age": {"column": "age", "kind": "number", "minimum": 0, "maximum": 99, "scale": 99}},
    },
    "folds": {"folds": 2},
    "fixed": {
        "backbone": {"name": "test_resnet", "weights": "none", "standardise": True, "frozen_stages": 0},
        "image": {"size": [16, 16]},
        "training": {"epochs": 1, "batch_size": 8},
    },
    "scientific": {"fusion.name": ["none", "concat"], "metadata.fields": [["age"]]},
    "tables": [{"name": "scores", "title": "Scores", "kind": "scores", "metrics": ["mcr"]}],
}  # fmt: skip


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Sixteen pictures of two classes, a study file, and a cache of its own."""
    monkeypatch.setenv("FUSESEARCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "images").mkdir()
    rows = []
    for number in range(16):
        pixels = np.random.default_rng(number).integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
        rows.append(f"s{number},{number}.png,{'ab'[number % 2]},{20 + number}")
    (tmp_path / "cases.csv").write_text("id,file,label,age\n" + "\n".join(rows))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY, sort_keys=False))
    return tmp_path


def run_study(data, *settings):
    """Run it inline; return the exit code and the run as the analysis reads it."""
    arguments = [str(data / "study.yaml"), "--data", str(data), "--out", str(data / "run"), "--no-report"]
    changed = [word for setting in settings for word in ("--set", setting)]
    code = run_command([*arguments, "--executor", "inline", *changed])
    return code, load_run(data / "run")


def told(run):
    """What a reader of the run is told, in one text."""
    checks = [check for part in integrity(run) for check in part.checks if check.state != "ok"]
    lines = [(check.title, check.text, *check.details) for check in checks]
    verdict = [text for paragraph in verdict_paragraphs(run) for text in paragraph.warnings]
    return "\n".join([*verdict, *(line for one in lines for line in one)])


def printed(data, name="scores.md"):
    return (data / "run" / "tables" / name).read_text()


def test_a_loss_that_is_not_finite_is_stamped_and_told(data, monkeypatch):
    trained = FoldFit.run

    def beyond_numbers(self):
        if self.configuration.uses_metadata:
            next(self.model.parameters()).data.fill_(float("nan"))
        yield from trained(self)

    monkeypatch.setattr(FoldFit, "run", beyond_numbers)
    code, run = run_study(data)
    assert code == 1
    assert account(data / "run").counts == {"done": 2, "diverged": 2, "failed": 0, "pruned": 0, "open": 0}
    assert account(data / "run").accounted
    assert "INCOMPLETE" in printed(data)
    assert "diverged (" in printed(data)
    assert "INCOMPLETE" in told(run)
    assert "diverged" in told(run)


def test_an_image_that_breaks_during_a_run_fails_its_fold_fits_by_name(data, monkeypatch, capsys):
    trained = FoldFit.run
    fits = []

    def broken_after_the_first(self):
        fits.append(self)
        if len(fits) == 2:
            raise OSError(5, "Input/output error", "images/3.png")
        yield from trained(self)

    monkeypatch.setattr(FoldFit, "run", broken_after_the_first)
    code, run = run_study(data)
    assert code == 1
    assert account(data / "run").counts == {"done": 3, "diverged": 0, "failed": 1, "pruned": 0, "open": 0}
    assert account(data / "run").accounted
    for text in (printed(data), told(run)):
        assert "INCOMPLETE" in text
        assert "images/3.png" in text
    assert "3 of 4 fold fits done, 1 failed" in capsys.readouterr().out


def test_an_image_that_is_gone_once_the_data_were_opened_ends_the_run_by_its_name(data, monkeypatch, capsys):
    def prepare_and_lose(*arguments):
        plans = prepare_plans(*arguments)
        (data / "images" / "3.png").unlink()
        return plans

    monkeypatch.setattr("searchspace.execution.prepare_plans", prepare_and_lose)
    code, run = run_study(data)
    err = capsys.readouterr().err
    assert (code, err.count("\n")) == (2, 1)
    assert "sample 's3'" in err
    assert "3.png cannot be read on this machine" in err
    assert account(data / "run").counts["open"] == 4
    assert not run.tables


def test_memory_that_ran_out_is_stamped_and_told(data, monkeypatch):
    trained = FoldFit.run

    def short_of_memory(self):
        if self.micro_batches == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield from trained(self)

    monkeypatch.setattr(FoldFit, "run", short_of_memory)
    code, run = run_study(data)
    assert code == 0
    assert account(data / "run").accounted
    assert "ACCUMULATED (4 fold fits)" in printed(data)
    assert "did not fit into memory" in printed(data)
    assert "did not fit into memory" in told(run)
