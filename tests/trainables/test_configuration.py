"""Configurations: one meaning, one identifier; impossible combinations are one line."""

import pytest

from models.errors import InputError
from trainables.configuration import Configuration


def identifier(**sections) -> str:
    return Configuration.of(sections).identifier


def test_an_empty_subset_is_fusion_none():
    assert (
        identifier(fusion={"name": "concat"})
        == identifier(fusion={"name": "none"})
        == identifier(fusion={"name": "multiply", "depth": 3})
    )


def test_a_fusion_that_ignores_metadata_drops_it():
    assert identifier(fusion={"name": "none"}, metadata={"fields": ["age"]}) == identifier(fusion={"name": "none"})


def test_inactive_settings_are_dropped():
    fields = {"fields": ["age"]}
    assert identifier(training={"optimiser": "adam", "momentum": 0.5}) == identifier(training={"optimiser": "adam"})
    assert identifier(training={"optimiser": "sgd", "momentum": 0.5}) != identifier(training={"optimiser": "sgd"})
    one_layer = [
        identifier(metadata=fields, fusion={"name": "multiply", "depth": 1, "widths": w})
        for w in ("scaled", "published")
    ]
    two_layers = [
        identifier(metadata=fields, fusion={"name": "multiply", "depth": 2, "widths": w})
        for w in ("scaled", "published")
    ]
    assert one_layer[0] == one_layer[1]
    assert two_layers[0] != two_layers[1]
    assert identifier(backbone={"weights": "file", "seed": 1}) == identifier(backbone={"weights": "file"})
    assert identifier(backbone={"weights": "none", "seed": 1}) != identifier(backbone={"weights": "none"})


def test_defaults_written_out_are_the_same_configuration():
    fields = {"fields": ["age"]}
    assert identifier(metadata=fields, fusion={"name": "multiply", "depth": 2}) == identifier(
        metadata=fields, fusion={"name": "multiply"}
    )
    assert identifier(backbone={"features": "pooled"}) == identifier(backbone={"features": "auto"})


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"fusion": {"name": "multiply", "depth": 5}, "metadata": {"fields": ["age"]}}, "depth"),
        ({"fusion": {"name": "concat", "depth": -1}}, r"fusion\.depth=-1"),
        ({"training": {"steps": [5]}}, r"training\.schedule=step"),
        ({"training": {"schedule": "step", "steps": [5, 3]}}, "rising epoch numbers"),
        ({"training": {"optimiser": "sgd", "momentum": 0}}, "nesterov"),
        ({"training": {"inner_share": 0.9}}, "inner_share=0.9"),
        ({"training": {"batch_size": 0}}, "batch_size=0"),
    ],
)
def test_impossible_settings_are_one_line(sections, message):
    with pytest.raises(InputError, match=message) as caught:
        Configuration.of(sections)
    assert "\n" not in str(caught.value)
