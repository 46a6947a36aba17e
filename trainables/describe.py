"""What was trained on, in the words of a table's note: frozen features or fine-tuned, and with which augmentation."""

from collections.abc import Iterable

from trainables.configuration import Configuration
from trainables.optimisation import TrainingSettings

WORDS = {
    "flip_horizontal": "flips",
    "flip_vertical": "flips",
    "quarter_turns": "quarter turns",
    "zoom": "zoom",
    "rotation": "rotation",
    "translation": "translation",
    "scale": "scale",
    "shear": "shear",
    "skew": "skew",
    "brightness": "colour",
    "contrast": "colour",
    "saturation": "colour",
    "hue": "colour",
}

WEIGHTS = {"none": "random weights", "file": "weights from a file", "hub": "published weights"}


SHOWN = 3
"""Kinds of training that a note describes; further ones are counted."""


def describe_training(configurations: Iterable[Configuration]) -> str:
    """Return one sentence for all configurations of a study, without its full stop; distinct kinds are joined.

    A backbone is named where all have the same, and so is the size of the images that frozen features are of.
    """
    every = list(configurations)
    backbones = {one.backbone.name for one in every if one.uses_image}
    backbone = backbones.pop() if len(backbones) == 1 else ""
    sizes = {one.input_size for one in every if one.uses_image and not one.fine_tuned}
    kinds = list(dict.fromkeys(_kind(one, backbone, sized=len(sizes) == 1) for one in every))
    more = [f"{len(kinds) - SHOWN} more kinds of training"] if len(kinds) > SHOWN else []
    return "; ".join(kinds[:SHOWN] + more)


def _kind(configuration: Configuration, backbone: str, *, sized: bool) -> str:
    if not configuration.uses_image:
        return "metadata alone: estimators on the encoded fields"
    weights, epochs = WEIGHTS[configuration.backbone.weights], _epochs(configuration.training)
    size = "{} x {}".format(*configuration.input_size)
    if not configuration.fine_tuned:
        of = ", ".join([*([backbone] if backbone else []), weights, *([f"images {size}"] if sized else [])])
        return f"heads on frozen features of {of}, {epochs}, no augmentation"
    frozen = configuration.backbone.frozen_stages
    stages = f", its first {frozen} stage{'s' if frozen != 1 else ''} frozen" if frozen else ""
    start = f"from {weights}, {epochs}, at {size} pixels{stages}"
    return f"{backbone or 'backbone'} fine-tuned {start}; augmentation: {_augmentation(configuration)}"


def _epochs(training: TrainingSettings) -> str:
    most = "up to " if training.early_stopping else ""
    best = ", the best of them kept" if training.restore_best else ""
    return f"{most}{training.epochs} epoch{'s' if training.epochs != 1 else ''}{best}"


def _augmentation(configuration: Configuration) -> str:
    settings = configuration.augmentation
    named = ["random crop"] if settings.crop not in (None, configuration.image.size) else []
    named += [WORDS[name] for name in WORDS if name in settings.active]
    return ", ".join(dict.fromkeys(named)) or "none"
