"""What finished tables say of a study: the settings that go with some levels of its factors only."""

from pathlib import Path

import yaml

from searchspace.command_line import run_command
from searchspace.recording import adjusted
from searchspace.study_files import read_study

STUDY = {
    "name": "adjusted",
    "question": "Is it told?",
    "cohort": {"name": "phantom", "lesions": 60},
    "folds": {"folds": 2},
    "fixed": {
        "backbone": {"name": "test_resnet", "weights": "none"},
        "image": {"size": [32, 32]},
        "metadata": {"fields": ["age", "site"]},
        "training": {"epochs": 1, "batch_size": 16, "learning_rate": 0.003},
    },
    "adjust": [{"when": {"fusion.name": ["film"]}, "set": {"training.learning_rate": 0.01, "head.dropout": 0.2}}],
    "scientific": {"fusion.name": ["none", "concat", "film"]},
    "tables": [{"name": "scores", "title": "Scores", "kind": "scores"}],
}


def test_settings_of_a_study_and_its_recipe_that_others_change_are_known():
    assert adjusted(read_study("metanet-table1", (), Path())) == ("image.size", "augmentation.crop")
    assert "loss.class_weights" in adjusted(read_study("softattention-table4", (), Path()))
    assert adjusted(read_study("quickstart", (), Path())) == ()


def test_a_rate_that_goes_with_one_fusion_is_told_under_the_table(run_environment, tmp_path, monkeypatch):
    monkeypatch.setenv("FUSESEARCH_CACHE", run_environment["FUSESEARCH_CACHE"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    assert run_command(["study.yaml", "--out", "run", "--executor", "inline", "--no-report"]) == 0
    text = (tmp_path / "run" / "tables" / "scores.md").read_text().replace("\\", "")
    assert (
        "Settings that differ beside the factors: film: head.dropout 0.2 (others 0), training.learning_rate 0.01 "
        "(others 0.003)."
    ) in " ".join(text.split())
