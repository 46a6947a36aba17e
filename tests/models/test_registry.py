"""The registry of components: names, versions and what a user who misspells one reads."""

import pytest

from models.errors import InputError
from models.registry import Registry, did_you_mean


@pytest.fixture
def fusions() -> Registry[type]:
    registry: Registry[type] = Registry("fusion")
    registry.register("multiply", version=3)(int)
    registry.register("concat")(str)
    return registry


def test_components_are_found_by_name_with_their_version(fusions):
    assert fusions.names() == ("concat", "multiply")
    assert fusions.get("multiply") is int
    assert (fusions.version("multiply"), fusions.version("concat")) == (3, 1)


def test_the_decorator_returns_the_component_itself(fusions):
    assert fusions.register("none")(float) is float


def test_a_name_is_registered_once(fusions):
    with pytest.raises(ValueError, match="fusion 'concat' is registered twice"):
        fusions.register("concat")(bytes)
    assert fusions.get("concat") is str


@pytest.mark.parametrize("look_up", ["get", "version"])
def test_an_unknown_name_lists_the_known_ones_and_the_closest(fusions, look_up):
    with pytest.raises(InputError) as raised:
        getattr(fusions, look_up)("multipy")
    assert str(raised.value) == "fusion 'multipy' is not known; did you mean 'multiply'? (known: concat, multiply)"


def test_suggestions():
    assert did_you_mean("zzz", ["concat"]) == ""
    assert did_you_mean("CONCAT", ["concat"]) == "; did you mean 'concat'?"
    assert did_you_mean("resnt", ["resnet", "resnets", "vgg"], limit=2) == "; did you mean 'resnet' or 'resnets'?"
