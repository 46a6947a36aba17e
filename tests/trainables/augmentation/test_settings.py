"""Augmentation settings: what has no effect is not part of a configuration, and what cannot be is refused."""

import pytest
from pydantic import ValidationError

from models.errors import InputError
from trainables.augmentation import AugmentationSettings


def test_everything_is_off_by_default():
    settings = AugmentationSettings()
    assert settings.canonical() == {}
    assert not settings.active
    assert settings.output_size((150, 200)) == (150, 200)


@pytest.mark.parametrize(
    ("settings", "canonical"),
    [
        ({"evaluation": "resize"}, {}),
        ({"affine_probability": 0.5}, {}),
        ({"rotation": 30, "affine_probability": 0}, {}),
        ({"zoom": [1, 1], "zoom_probability": 0.5}, {}),
        ({"flip_vertical": 0.5}, {"flip_vertical": 0.5}),
        ({"rotation": 30, "shear": 0}, {"rotation": 30.0, "affine_probability": 1.0}),
        (
            {"hue": 0.1, "contrast": [0.8, 1], "colour_probability": 0.5},
            {"hue": 0.1, "contrast": [0.8, 1.0], "colour_probability": 0.5},
        ),
        ({"crop": [60, 80]}, {"crop": [60, 80], "evaluation": "centre-crop"}),
        ({"crop": [90, 80]}, {}),
    ],
)
def test_only_settings_with_an_effect_are_kept(settings, canonical):
    assert AugmentationSettings.model_validate(settings).canonical((90, 80)) == canonical


def test_canonical_settings_mean_the_same():
    settings = AugmentationSettings(crop=(60, 80), zoom=(0.8, 0.8), zoom_probability=0.5, skew=0.1, hue=0.01)
    assert AugmentationSettings.model_validate(settings.canonical()).canonical() == settings.canonical()


def test_a_crop_larger_than_the_image_is_refused():
    settings = AugmentationSettings(crop=(60, 80))
    assert settings.output_size((60, 80)) == (60, 80)
    with pytest.raises(InputError, match=r"augmentation.crop=\[60, 80\] does not fit into image.size=\[64, 64\]; make"):
        settings.output_size((64, 64))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scale", [1.2, 0.8]),
        ("scale", [0, 1]),
        ("zoom", [0.8, 1.1]),
        ("flip_horizontal", 1.5),
        ("rotation", 181),
        ("hue", 0.6),
        ("brightness", [-0.1, 1]),
        ("crop", [0, 10]),
        ("evaluation", "center-crop"),
        ("rotate", 5),
    ],
)
def test_impossible_values_are_refused(field, value):
    with pytest.raises(ValidationError, match=field):
        AugmentationSettings.model_validate({field: value})


@pytest.mark.parametrize(
    ("settings", "interpolates"),
    [({"flip_horizontal": 0.5, "quarter_turns": 0.75, "crop": [4, 4], "hue": 0.1}, False), ({"rotation": 1}, True)],
)
def test_whole_pixels_are_told_from_interpolation(settings, interpolates):
    assert AugmentationSettings.model_validate(settings).interpolates is interpolates
