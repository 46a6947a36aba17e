"""Recipes: each is a valid configuration without dead settings, with the constants that its source states."""

import pytest
from pydantic import ValidationError

from models.errors import InputError
from trainables.configuration import Configuration
from trainables.losses import class_weights
from trainables.recipes import RECIPES, Adjustment, find_recipe


def settings_of(name):
    """The recipe's dotted settings, as the validated configuration holds them."""
    configuration = Configuration.of(RECIPES[name].sections).model_dump(mode="json")
    return {f"{section}.{key}": value for section, values in configuration.items() for key, value in values.items()}


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_valid_configuration_that_fine_tunes_everything(name):
    recipe = RECIPES[name]
    configuration = Configuration.of(recipe.sections)
    assert recipe.name == name
    assert recipe.source
    assert recipe.note
    assert configuration.fine_tuned
    assert configuration.backbone.frozen_stages == 0
    assert configuration.input_size == (224, 224)


@pytest.mark.parametrize("name", RECIPES)
def test_no_written_setting_is_without_effect(name):
    configuration = Configuration.of(RECIPES[name].sections)
    if not configuration.metadata.fields:
        configuration = configuration.model_copy(
            update={"metadata": configuration.metadata.model_copy(update={"fields": ("age",)})}
        )
    canonical = configuration.canonical()
    for section, values in RECIPES[name].sections.items():
        assert set(values) <= set(canonical[section]) | {"widths"}, section


STATED = {
    "metanet-paper": {  # ISBI 2020, section 3
        "image.size": [300, 300],
        "augmentation.crop": [224, 224],
        "metadata.encoding": "impute",
        "training.optimiser": "sgd",
        "training.batch_size": 32,
        "training.learning_rate": 1e-3,
        "training.new_layer_factor": 1.0,
        "training.steps": [50, 120, 200],
        "training.factor": 0.1,
        "training.momentum": 0.9,
        "training.weight_decay": 1e-4,
        "training.epochs": 250,
    },
    "metanet-code": {  # dataset.py and the trainer of the released code
        "training.batch_size": 36,
        "training.learning_rate": 1e-3,
        "training.new_layer_factor": 10.0,
        "training.steps": [165, 220, 275],
        "training.factor": 0.1,
        "training.momentum": 0.9,
        "training.nesterov": True,
        "training.weight_decay": 1e-5,
        "augmentation.crop": [224, 224],
        "augmentation.evaluation": "centre-crop",
        "augmentation.zoom": [0.8, 0.8],
        "augmentation.zoom_probability": 0.5,
        "augmentation.flip_horizontal": 0.5,
        "augmentation.flip_vertical": 0.5,
        "augmentation.skew_probability": 0.5,
        "augmentation.quarter_turns": 0.5,
        "augmentation.brightness": [0.8, 0.9],
        "augmentation.contrast": [0.8, 0.9],
        "augmentation.saturation": [0.8, 0.9],
        "augmentation.colour_probability": 0.5,
        "augmentation.rotation": 180.0,
        "augmentation.translation": 0.1,
        "augmentation.scale": [0.7, 1.3],
        "augmentation.affine_probability": 1.0,
    },
    "metanet-coauthor": {
        "augmentation.evaluation": "resize",
        "augmentation.brightness": [0.98, 1.02],
        "augmentation.contrast": [0.98, 1.02],
        "augmentation.saturation": [0.98, 1.02],
        "augmentation.hue": 0.01,
        "augmentation.rotation": 180.0,
        "augmentation.scale": [0.7, 1.3],
        "training.schedule": "plateau",
        "training.factor": 0.1,
        "training.patience": 50,
        "training.monitor": "training-loss",
    },
    "zoome": {  # EMBC 2021
        "loss.gamma": 2.0,
        "loss.alpha": 0.25,
        "augmentation.rotation": 30.0,
        "augmentation.scale": [1.0, 1.25],  # the inverse of a zoom to 0.8 of the side
        "augmentation.flip_horizontal": 0.5,
        "backbone.gate": "zoom-se",
        "backbone.gate_pool": 4,
        "fusion.name": "metadata-embedding",
        "metadata.fields": ["age", "sex", "site"],
        "training.optimiser": "adam",
        "training.learning_rate": 1e-4,
        "training.batch_size": 64,
    },
    "soft-attention": {  # Sensors 2022 and its notebooks
        "training.optimiser": "adam",
        "training.learning_rate": 1e-3,
        "training.epsilon": 0.1,
        "training.factor": 0.2,
        "training.patience": 5,
        "training.minimum_rate": 1e-7,
        "training.early_stopping": 25,
        "training.batch_size": 32,
        "training.epochs": 250,
        "loss.class_weights": "balanced",
        "loss.reduction": "mean",
        "fusion.name": "soft-attention",
        "fusion.maps": 16,
        "fusion.branch_width": 4096,
        "fusion.dropout": 0.5,
        "metadata.encoding": "out-of-vocabulary",
    },
    "metablock": {
        "training.learning_rate": 1e-3,
        "training.weight_decay": 1e-3,
        "training.patience": 10,
        "training.minimum_rate": 1e-6,
        "training.early_stopping": 15,
        "training.batch_size": 30,
        "training.epochs": 150,
        "loss.class_weights": "frequency",
    },
    "fusionm4net": {
        "training.learning_rate": 3e-5,
        "training.schedule": "cosine",
        "training.epochs": 250,
        "training.batch_size": 32,
        "augmentation.rotation": 45.0,
        "augmentation.translation": 0.0625,
        "augmentation.scale": [0.5, 1.5],
        "head.dropout": 0.3,
    },
    "tformer": {
        "training.learning_rate": 1e-4,
        "training.weight_decay": 1e-4,
        "training.schedule": "cosine",
        "training.epochs": 100,
        "training.batch_size": 32,
    },
    "ssn": {  # arXiv 2403.19203, as far as it is known
        "modalities.heads": "separate",
        "modalities.encoder": "shared",
        "modalities.attention": "shared",
        "loss.favoured": "dermoscopy",
    },
}


@pytest.mark.parametrize("name", RECIPES)
def test_the_constants_are_those_of_the_source(name):
    settings = settings_of(name)
    assert {key: settings[key] for key in STATED[name]} == STATED[name]


def test_metanets_class_weights_are_the_printed_ones():
    # HAM10000: mel, nv, bcc, akiec, bkl, df, vasc, to the three digits in the code.
    formula = RECIPES["metanet-code"].sections["loss"]["class_weights"]
    weights = class_weights(formula, [1113, 6705, 514, 327, 1099, 115, 142])
    assert weights == pytest.approx([0.036, 0.002, 0.084, 0.134, 0.037, 0.391, 0.316], abs=6e-4)


@pytest.mark.parametrize("name", ["metanet-paper", "metanet-code", "metanet-coauthor"])
def test_pnasnet_gets_larger_images(name):
    (large,) = [change for change in RECIPES[name].adjust if change.applies({"backbone.name": "pnasnet5large"})]
    assert large.set == {"image.size": [441, 441], "augmentation.crop": [331, 331]}
    assert not large.applies({"backbone.name": "resnet50"})
    assert not large.applies({})


def test_soft_attention_gives_its_large_backbones_the_images_of_the_paper():
    sizes = {
        name: [one.set for one in RECIPES["soft-attention"].adjust if one.applies({"backbone.name": name})]
        for name in ("densenet201", "inception_resnet_v2", "InceptionResNetV2", "nasnetalarge", "NASNet-A-Large")
    }
    assert sizes == {
        "densenet201": [],
        "inception_resnet_v2": [{"image.size": [299, 299]}],
        "InceptionResNetV2": [{"image.size": [299, 299]}],
        "nasnetalarge": [{"image.size": [331, 331]}],
        "NASNet-A-Large": [{"image.size": [331, 331]}],
    }


def test_the_released_code_has_one_layer_in_the_gate_alone():
    one_layer = RECIPES["metanet-code"].adjust[-1]
    assert one_layer.set == {"fusion.depth": 1}
    assert one_layer.applies({"fusion.name": "multiply", "backbone.name": "alexnet"})
    assert not one_layer.applies({"fusion.name": "concat"})


def test_an_adjustment_takes_single_values_and_needs_all_of_its_conditions():
    both = Adjustment(when={"fusion.name": "concat", "image.size": [[64, 64], [96, 96]]}, set={"head.dropout": 0.5})
    assert both.applies({"fusion.name": "concat", "image.size": [96, 96]})
    assert not both.applies({"fusion.name": "concat", "image.size": [32, 32]})
    assert not both.applies({"fusion.name": "concat"})


@pytest.mark.parametrize(
    ("adjustment", "told"),
    [
        ({"when": {"backbone.nam": "x"}, "set": {"head.dropout": 0.1}}, "'backbone.nam' is no setting; did you mean"),
        ({"when": {"backbone.name": "x"}, "set": {"dropout": 0.1}}, "'dropout' is no setting"),
        ({"when": {}, "set": {"head.dropout": 0.1}}, "when"),
        ({"when": {"backbone.name": "x"}, "set": {}}, "set"),
    ],
)
def test_an_adjustment_that_could_never_act_is_refused(adjustment, told):
    with pytest.raises(ValidationError, match=told):
        Adjustment.model_validate(adjustment)


def test_an_unknown_recipe_is_answered_with_the_known_ones():
    assert find_recipe("zoome") is RECIPES["zoome"]
    with pytest.raises(
        InputError, match=r"recipe 'metanet_paper' is not known; did you mean 'metanet-paper'\? \(known: "
    ):
        find_recipe("metanet_paper")
