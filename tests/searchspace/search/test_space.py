"""The space: dimensions, conditions, the user's function, starting points; every mistake is one line that names it."""

import importlib
import sys

import optuna
import pytest

from models.errors import InputError
from searchspace.search.dimensions import takes_fractions
from searchspace.search.space import open_space


def points(search, n=200):
    return open_space(search).probe(n)


def test_dimensions_give_their_values():
    found = points(
        {
            "training.learning_rate": {"low": 1e-4, "high": 0.1, "log": True},
            "training.epochs": {"low": 10, "high": 30, "step": 10},
            "head.dropout": {"low": 0, "high": 0.5, "step": 0.25},
            "fusion.name": ["none", "concat"],
            "image.size": [[64, 64], [128, 96]],
            "metadata.fields": {"subsets": ["age", "sex"]},
        }
    )
    assert all(1e-4 <= point["training.learning_rate"] <= 0.1 for point in found)
    assert sum(point["training.learning_rate"] < 1e-2 for point in found) > 100  # two of three decades
    assert {point["training.epochs"] for point in found} == {10, 20, 30}
    assert {point["head.dropout"] for point in found} == {0.0, 0.25, 0.5}
    assert {point["fusion.name"] for point in found} == {"none", "concat"}
    assert {tuple(point["image.size"]) for point in found} == {(64, 64), (128, 96)}
    assert {tuple(point["metadata.fields"]) for point in found} == {(), ("age",), ("sex",), ("age", "sex")}


def test_a_setting_that_takes_fractions_is_never_searched_in_whole_steps():
    assert takes_fractions("training.weight_decay")
    assert takes_fractions("training.gradient_clip")
    assert not takes_fractions("training.epochs")
    assert not takes_fractions("nothing.known")
    found = points({"head.dropout": {"low": 0, "high": 1}})
    assert len({point["head.dropout"] for point in found}) > 100


def test_conditions_nest(space_settings):
    found = points(space_settings)
    assert {point["fusion.name"] for point in found} == {"none", "concat", "multiply"}
    for point in found:
        assert ("metadata.fields" in point) == (point["fusion.name"] != "none")
        assert ("fusion.depth" in point) == (point["fusion.name"] == "multiply" and bool(point["metadata.fields"]))
    # A dimension does not exist below one that does not exist, whether its condition says "is" or "is not".
    nested = {
        "fusion.name": ["none", "concat"],
        "fusion.depth": {"values": [1, 2], "when": {"fusion.name": ["concat"]}},
        "head.dropout": {"low": 0.0, "high": 0.5, "when": {"fusion.depth": {"not": [2]}}},
    }
    assert {tuple(point) for point in points(nested)} == {
        ("fusion.name",),
        ("fusion.name", "fusion.depth"),
        ("fusion.name", "fusion.depth", "head.dropout"),
    }


def test_probes_repeat_and_the_digest_follows_the_space(space_settings):
    space = open_space(space_settings)
    assert space.probe(20) == open_space(space_settings).probe(20)
    assert space.probe(20) != space.probe(20, seed=1)
    assert space.factors == tuple(space_settings)
    assert space.digest == open_space(space_settings).digest
    assert space.digest != open_space({**space_settings, "head.dropout": [0.0, 0.5]}).digest
    assert space.digest != open_space(dict(reversed([*space_settings.items()][:2]))).digest


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({}, "search: name at least one"),
        ({"fusion": ["a"]}, "search.fusion: name a setting inside a section"),
        ({"fusion.name": "concat"}, "search.fusion.name='concat': give a list of values"),
        ({"fusion.name": []}, "search.fusion.name: .*values"),
        ({"fusion.name": ["none", "none"]}, "search.fusion.name: .*'none' stands twice"),
        ({"fusion.name": [float("nan"), [float("nan")]]}, "search.fusion.name: .*no plain JSON"),
        ({"training.epochs": {"low": 3}}, "search.training.epochs: high is missing"),
        ({"training.epochs": {"low": 3, "high": 3}}, "search.training.epochs: low=3 must be below high=3"),
        ({"training.epochs": {"low": 0, "high": 3, "log": True}}, "search.training.epochs: log=true needs a low above"),
        ({"training.epochs": {"low": 1, "high": 4, "step": 2}}, "step=2 does not lead from low=1 to high=4"),
        ({"training.epochs": {"low": 1, "high": 4, "logg": 1}}, "logg is not a known setting; did you mean 'log'"),
        ({"training.epochs": {"low": "few", "high": 4}}, "search.training.epochs: low"),
        (
            {"a.b": [1], "c.d": {"values": [1], "when": {"a.x": [1]}}},
            "search.c.d.when names a.x, which is not searched",
        ),
        ({"c.d": {"values": [1], "when": {"a.b": [1]}}, "a.b": [1]}, "names a.b, which stands below it"),
        ({"a.b": [1], "c.d": {"values": [1], "when": {"a.b": 1}}}, "search.c.d.when.a.b=1: give a list"),
        ({"a.b": [1], "c.d": {"values": [1], "when": {"a.b": {"not": 1}}}}, "search.c.d.when.a.b"),
        ({"a.b": [1], "c.d": {"values": [1], "when": {"a.b": [2]}}}, "search.c.d.when.a.b: 2 is no value of a.b"),
        ({"a.b": {"low": 1, "high": 3}, "c.d": {"values": [1], "when": {"a.b": [4]}}}, "4 is no value of a.b"),
    ],
)
def test_a_wrong_dimension_is_one_line(search, message):
    with pytest.raises(InputError, match=message) as caught:
        open_space(search)
    assert "\n" not in str(caught.value)


MODULE = """
SCALES = {"low": lambda trial: trial.suggest_float("rate", 1e-4, 1e-3), "high": lambda trial: 0.1}

def space(trial):
    kind = trial.suggest_categorical("kind", list(SCALES))
    fields = trial.suggest_categorical("fields", ["", "age", "age,sex"])
    return {"training.learning_rate": SCALES[kind](trial), "metadata.fields": fields.split(",") if fields else []}

def fails(trial):
    return {"training.learning_rate": 1 / 0}

def returns_sections(trial):
    return {"training": {"learning_rate": 1}}

def returns_objects(trial):
    return {"training.learning_rate": {1}}

nothing = 3
"""


@pytest.fixture
def user_module(tmp_path, monkeypatch):
    (tmp_path / "users_space.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("users_space", None)
    importlib.invalidate_caches()
    return tmp_path / "users_space.py"


def test_a_function_of_the_user_with_lambdas(user_module):
    space = open_space({"space": "users_space:space"})
    assert set(space.factors) == {"training.learning_rate", "metadata.fields"}
    found = space.probe(100)
    assert {tuple(point["metadata.fields"]) for point in found} == {(), ("age",), ("age", "sex")}
    assert any(point["training.learning_rate"] == 0.1 for point in found)
    assert space.starting_points([{"kind": "high"}, {"kind": "low", "rate": 5e-4}])
    with pytest.raises(InputError, match=r"strategy.start.0: rate does not exist beside"):
        space.starting_points([{"kind": "high", "rate": 5e-4}])
    before = space.digest
    user_module.write_text(MODULE + "\n# another text is another space\n")
    assert open_space({"space": "users_space:space"}).digest != before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("users_space", "write module:function"),
        ("users_spaces:space", "cannot be imported .ModuleNotFoundError.*PYTHONPATH"),
        ("users_space:spaces", "cannot be imported .AttributeError"),
        ("users_space:nothing", "is no function"),
        ("users_space:fails", "failed: ZeroDivisionError"),
        ("users_space:returns_sections", "must return dotted settings"),
        ("users_space:returns_objects", "failed: TypeError.*not JSON serializable"),
    ],
)
def test_a_wrong_function_is_one_line(user_module, name, message):
    with pytest.raises(InputError, match=message) as caught:
        open_space({"space": name})
    assert "\n" not in str(caught.value)


def test_starting_points_may_be_partial(space_settings):
    space = open_space(space_settings)
    given = space.starting_points([{"fusion.name": "concat"}, {"fusion.name": "concat", "metadata.fields": ["age"]}])
    study = optuna.create_study()
    study.enqueue_trial(given[1])
    assert space.suggest(study.ask())["metadata.fields"] == ["age"]


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"fusion.nam": "concat"}, "strategy.start.0: fusion.nam is not searched; did you mean 'fusion.name'"),
        ({"fusion.name": "gate"}, "strategy.start.0: fusion.name='gate' is outside the space"),
        ({"training.learning_rate": 1.0}, "training.learning_rate=1.0 is outside the space"),
        ({"fusion.name": "none", "fusion.depth": 1}, "fusion.depth does not exist beside the other values"),
    ],
)
def test_a_wrong_starting_point_is_one_line(space_settings, point, message):
    with pytest.raises(InputError, match=message):
        open_space(space_settings).starting_points([point])
