"""Layers of settings: recipe, its adjustments, fixed, the study's adjustments, the point."""

import pytest

from models.errors import InputError
from searchspace.points import configuration_at, overlay
from searchspace.study import validate_study

TABLES = [{"name": "t", "title": "T", "rows": "fusion.name", "reference": {"fusion.name": "none"}}]


def study(**changes):
    return validate_study(
        {
            "name": "layers",
            "question": "Which layer wins?",
            "cohort": {"name": "phantom"},
            "recipe": "metanet-paper",
            "scientific": {"fusion.name": ["none", "concat"]},
            "tables": TABLES,
            **changes,
        }
    )


def test_a_recipe_is_below_everything():
    plain = configuration_at(study(), {})
    assert (plain.training.batch_size, plain.image.size, plain.input_size) == (32, (300, 300), (224, 224))
    fixed = study(fixed={"training": {"batch_size": 8}})
    assert configuration_at(fixed, {}).training.batch_size == 8
    assert configuration_at(fixed, {}).training.learning_rate == 1e-3
    assert configuration_at(fixed, {"training.batch_size": 4}).training.batch_size == 4


def test_a_recipe_adjusts_to_what_is_searched():
    large = configuration_at(study(), {"backbone.name": "pnasnet5large"})
    assert (large.image.size, large.input_size) == ((441, 441), (331, 331))
    small = study(fixed={"image": {"size": [48, 64]}, "augmentation": {"crop": [40, 56]}})
    assert configuration_at(small, {"backbone.name": "pnasnet5large"}).input_size == (40, 56)


def test_a_studys_adjustment_is_over_fixed_and_under_the_point():
    adjusted = study(
        fixed={"training": {"learning_rate": 0.5}},
        adjust=[{"when": {"fusion.name": ["concat"]}, "set": {"training.learning_rate": 0.25}}],
    )
    assert configuration_at(adjusted, {"fusion.name": "none"}).training.learning_rate == 0.5
    assert configuration_at(adjusted, {"fusion.name": "concat"}).training.learning_rate == 0.25
    both = {"fusion.name": "concat", "training.learning_rate": 0.125}
    assert configuration_at(adjusted, both).training.learning_rate == 0.125


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": "metanet-papr"}, "recipe 'metanet-papr' is not known; did you mean 'metanet-paper'"),
        (
            {"adjust": [{"when": {"backbone.nam": ["x"]}, "set": {"image.size": [1, 1]}}]},
            "'backbone.nam' is no setting",
        ),
        ({"search": {"fusion.name": ["none"]}}, "strategy.name=grid walks the space under scientific"),
    ],
)
def test_what_cannot_be_laid_out_is_one_line(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        study(**changes)
    assert "\n" not in str(caught.value)


def test_sections_are_laid_over_setting_by_setting():
    assert overlay({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}, "b": {"z": 4}}) == {"a": {"x": 1, "y": 3}, "b": {"z": 4}}
    with pytest.raises(InputError, match="must hold settings"):
        overlay({"a": 1}, {"a": {"x": 2}})
