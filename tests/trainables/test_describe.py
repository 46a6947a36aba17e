"""What a table says of the training, in words."""

import pytest

from trainables.configuration import Configuration
from trainables.describe import WORDS, describe_training
from trainables.recipes import RECIPES

TRAINED = "random weights, images 150 x 200, 30 epochs, no augmentation"
FROZEN = f"heads on frozen features of mobilenetv1_025, {TRAINED}"


@pytest.mark.parametrize(
    ("sections", "text"),
    [
        ({"augmentation": {"rotation": 90}}, FROZEN),
        (
            {"backbone": {"frozen_stages": 0}},
            "mobilenetv1_025 fine-tuned from random weights, 30 epochs, at 150 x 200 pixels; augmentation: none",
        ),
        (
            {
                "backbone": {"frozen_stages": 1, "weights": "hub"},
                "training": {"epochs": 9, "early_stopping": 2, "restore_best": True, "inner_share": 0.1},
                "augmentation": {"crop": [64, 96], "flip_vertical": 0.5, "flip_horizontal": 0.5, "hue": 0.1},
            },
            "mobilenetv1_025 fine-tuned from published weights, up to 9 epochs, the best of them kept, at 64 x 96 "
            "pixels, its first 1 stage frozen; augmentation: random crop, flips, colour",
        ),
    ],
)
def test_one_kind_of_training(sections, text):
    assert describe_training([Configuration.of(sections)] * 2) == text


def test_several_kinds_are_all_named():
    both = [Configuration.of({}), Configuration.of({"backbone": {"frozen_stages": 0}})]
    assert describe_training(both).startswith(f"{FROZEN}; mobilenetv1_025 fine-tuned")


def test_a_backbone_or_size_that_differs_is_not_named():
    names = [Configuration.of({"backbone": {"name": name}}) for name in ("mobilenetv1_025", "resnet18")]
    assert describe_training(names) == f"heads on frozen features of {TRAINED}"
    sizes = [Configuration.of({"image": {"size": size}}) for size in ([96, 96], [64, 64])]
    assert describe_training(sizes) == FROZEN.replace(", images 150 x 200", "")
    alone = Configuration.of({"fusion": {"name": "metadata-only"}, "metadata": {"fields": ["age"]}})
    assert describe_training([names[0], alone]).startswith(f"{FROZEN}; metadata alone")


def test_of_many_kinds_three_are_named_and_the_rest_counted():
    many = [Configuration.of({"training": {"epochs": epochs}}) for epochs in (1, 2, 3, 4, 5, 5)]
    text = describe_training(many)
    assert "1 epoch," in text
    assert "3 epochs," in text
    assert text.endswith("; 2 more kinds of training")


def test_every_augmentation_has_a_word():
    every = [name for recipe in RECIPES.values() for name in Configuration.of(recipe.sections).augmentation.active]
    assert set(every) <= set(WORDS)
