"""Search settings: a budget, and rules that can be switched off."""

import pytest
from pydantic import TypeAdapter, ValidationError

from searchspace.search import RandomSearch, Search, TreeParzenSearch

SEARCH = TypeAdapter(Search)


def test_defaults_race_with_one_sigma():
    settings = SEARCH.validate_python({"name": "tpe", "trials": 3})
    assert isinstance(settings, TreeParzenSearch)
    assert (settings.racing, settings.halving, settings.startup_trials, settings.seed) == (1.0, None, 10, 0)
    assert isinstance(SEARCH.validate_python({"name": "random", "hours": 0.5}), RandomSearch)


def test_false_and_null_are_off():
    for off in (False, None):
        settings = RandomSearch(trials=1, racing=off, halving=off)
        assert settings.racing is None
        assert settings.halving is None
    assert RandomSearch(trials=1, halving={"reduction": 2}).halving.minimum_epochs == 1
    assert RandomSearch(trials=1, racing=True).racing == 1.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "a search needs a budget"),
        ({"trials": 0}, "greater than or equal to 1"),
        ({"trials": 1, "racing": 0}, "greater than 0"),
        ({"trials": 1, "halving": {"reduction": 1}}, "greater than or equal to 2"),
        ({"trials": 1, "constraints": {"params": 1}}, "Extra inputs"),
        ({"trials": 1, "name": "grid"}, "tag"),
        ({"name": "random", "trials": 1, "startup_trials": 3}, "Extra inputs"),
    ],
)
def test_a_wrong_setting_is_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        SEARCH.validate_python({"name": "tpe", **given})
