"""What was trained on, in the words of a table's note: frozen features or fine-tuned, and with which augmentation."""

from collections.abc import Iterable

from trainables.configuration import Configuration

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


def describe_training(configurations: Iterable[Configuration]) -> str:
    """Return one sentence for all configurations of a study, without its full stop; distinct kinds are joined."""
    kinds = {_kind(configuration): None for configuration in configurations}
    return "; ".join(kinds)


def _kind(configuration: Configuration) -> str:
    if not configuration.uses_image:
        return "metadata alone: estimators on the encoded fields"
    if not configuration.fine_tuned:
        return "heads on frozen features, no augmentation"
    frozen = configuration.backbone.frozen_stages
    stages = f", its first {frozen} stage{'s' if frozen != 1 else ''} frozen" if frozen else ""
    size = "{} x {}".format(*configuration.input_size)
    return f"backbone fine-tuned at {size} pixels{stages}; augmentation: {_augmentation(configuration)}"


def _augmentation(configuration: Configuration) -> str:
    settings = configuration.augmentation
    named = ["random crop"] if settings.crop not in (None, configuration.image.size) else []
    named += [WORDS[name] for name in WORDS if name in settings.active]
    return ", ".join(dict.fromkeys(named)) or "none"
