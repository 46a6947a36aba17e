"""What a table says of the training, in words."""

import pytest

from trainables.configuration import Configuration
from trainables.describe import WORDS, describe_training
from trainables.recipes import RECIPES

FROZEN = "heads on frozen features, no augmentation"


@pytest.mark.parametrize(
    ("sections", "text"),
    [
        ({"augmentation": {"rotation": 90}}, FROZEN),
        ({"backbone": {"frozen_stages": 0}}, "backbone fine-tuned at 150 x 200 pixels; augmentation: none"),
        (
            {
                "backbone": {"frozen_stages": 1},
                "augmentation": {"crop": [64, 96], "flip_vertical": 0.5, "flip_horizontal": 0.5, "hue": 0.1},
            },
            "backbone fine-tuned at 64 x 96 pixels, its first 1 stage frozen; augmentation: random crop, flips, colour",
        ),
    ],
)
def test_one_kind_of_training(sections, text):
    assert describe_training([Configuration.of(sections)] * 2) == text


def test_several_kinds_are_all_named():
    both = [Configuration.of({}), Configuration.of({"backbone": {"frozen_stages": 0}})]
    assert describe_training(both).startswith(f"{FROZEN}; backbone fine-tuned")


def test_every_augmentation_has_a_word():
    every = [name for recipe in RECIPES.values() for name in Configuration.of(recipe.sections).augmentation.active]
    assert set(every) <= set(WORDS)
