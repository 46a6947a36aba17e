"""The study key `maps`: it reaches every fold fit, changes no key of any, and a figure comes of it."""

import json

import pytest

from analysis.figures.activation_maps import build, maps_missing
from analysis.ledger import Ledger
from analysis.loading import load_run
from models.errors import InputError
from searchspace.command_line import run_command
from searchspace.preparation import Request, prepare_plans
from searchspace.study import validate_study
from trainables.activation_maps import MapSettings

STUDY = {
    "name": "maps-key",
    "question": "Where does it look?",
    "cohort": {"name": "phantom", "lesions": 60, "size": 32},
    "folds": {"folds": 2},
    "fixed": {
        "backbone": {"name": "test_resnet", "standardise": True},
        "image": {"size": [32, 32]},
        "metadata": {"fields": ["age", "site"]},
        "training": {"epochs": 2, "batch_size": 16, "learning_rate": 0.02},
    },
    "scientific": {"fusion.name": ["none", "concat", "metadata-only"]},
    "tables": [{"name": "scores", "title": "Scores", "kind": "leaderboard"}],
}


def plans_of(document, tmp_path):
    study = validate_study(document)
    request = Request(study=study, data=None, weights=None, skip_bad=False, cache=tmp_path / "cache")
    return prepare_plans(request, Ledger(tmp_path / "ledger"))


def test_every_arm_stores_maps_and_no_key_knows(tmp_path):
    arms = {"arms": {"one": {"folds": {"seed": 1}}, "two": {"folds": {"seed": 2}}}}
    plain, asked = (plans_of(STUDY | arms | maps, tmp_path) for maps in ({}, {"maps": {"per_class": 3}}))
    assert [plan.context.maps for plan in plain] == [None, None]
    assert [plan.context.maps for plan in asked] == [MapSettings(per_class=3)] * 2
    keys = [[fit.key for plan in plans for trial in plan.trials for fit in trial.fits] for plans in (plain, asked)]
    assert keys[0] == keys[1]


@pytest.mark.parametrize(("maps", "field"), [({"per_class": 0}, "maps.per_class"), ({"each": 2}, "maps.each")])
def test_what_cannot_be_is_an_error_that_names_the_field(maps, field):
    with pytest.raises(InputError, match=field):
        validate_study(STUDY | {"maps": maps})


def test_a_run_ends_with_the_figure(tmp_path, monkeypatch):
    """Resumed with more to train, maps of what was in the ledger before are missing, and that is told."""
    monkeypatch.setenv("FUSESEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(json.dumps(STUDY))
    arguments = ["study.yaml", "--executor", "inline", "--out", "run", "--no-report", "--set"]
    assert run_command([*arguments, "scientific.fusion.name=[metadata-only, none]"]) == 0
    assert run_command([*arguments, "maps.per_class=50"]) == 0
    run = load_run("run")
    assert maps_missing(run).startswith("Activation maps were asked for, and 2 of 4 finished fold fits have none")
    assert build(run) == ()
    again = ["study.yaml", "--executor", "inline", "--out", "new", "--no-report", "--set", "maps.per_class=50"]
    assert run_command(again) == 0
    run = load_run("new")
    assert maps_missing(run) is None
    assert {drawn.section for drawn in build(run)} == {"maps"}
