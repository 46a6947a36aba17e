"""Brightness, contrast, saturation and hue, as torchvision defines them, with a factor of its own for every image."""

from collections.abc import Callable

import torch
from torch import Tensor

from trainables.augmentation.drawn import Drawn
from trainables.augmentation.settings import AugmentationSettings

GREY = (0.2989, 0.587, 0.114)  # shares of red, green and blue


def jitter(images: Tensor, drawn: Drawn, settings: AugmentationSettings) -> Tensor:
    """Return float images (N, 3, h, w) in [0, 1] with drawn brightness, contrast, saturation and hue, in this order."""
    active = settings.active
    for name, adjust in ADJUSTMENTS.items():
        if name in active:
            happens = drawn.happens(f"{name}_gate", settings.colour_probability)
            factor = torch.where(happens, drawn.between(name, *getattr(settings, name)), 1.0)
            images = adjust(images, factor[:, None, None, None])
    if "hue" in active:
        happens = drawn.happens("hue_gate", settings.colour_probability)
        images = turn_hue(images, drawn.between("hue", -settings.hue, settings.hue) * happens)
    return images


def brighten(images: Tensor, factor: Tensor) -> Tensor:
    """Return the images times `factor` (N, 1, 1, 1), clipped."""
    return (images * factor).clamp(0.0, 1.0)


def change_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Return the images' differences from their mean grey times `factor` (N, 1, 1, 1), clipped."""
    return _blend(images, _grey(images).mean((2, 3), keepdim=True), factor)


def saturate(images: Tensor, factor: Tensor) -> Tensor:
    """Return every pixel's difference from its grey times `factor` (N, 1, 1, 1), clipped."""
    return _blend(images, _grey(images), factor)


def turn_hue(images: Tensor, share: Tensor) -> Tensor:
    """Return the images with all hues moved by `share` (N,) of the colour circle; value and saturation stay."""
    value, brightest = images.max(1)
    spread = value - images.amin(1)
    red, green, blue = images.unbind(1)
    per_channel = torch.stack([green - blue, blue - red, red - green])  # by the brightest channel
    difference = per_channel.gather(0, brightest[None])[0]
    hue = 2.0 * brightest + difference / torch.where(spread > 0, spread, 1.0)  # in sixths of the circle
    hue = hue + 6.0 * share[:, None, None]
    # How far each channel falls below the value, by its distance from the hue on the circle.
    offsets = torch.tensor([5.0, 3.0, 1.0], device=images.device)[:, None, None]
    place = torch.remainder(offsets + hue[:, None], 6.0)
    return value[:, None] - spread[:, None] * torch.minimum(place, 4.0 - place).clamp(0.0, 1.0)


ADJUSTMENTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": brighten,
    "contrast": change_contrast,
    "saturation": saturate,
}


def _grey(images: Tensor) -> Tensor:
    red, green, blue = images.unbind(1)
    return (GREY[0] * red + GREY[1] * green + GREY[2] * blue)[:, None]


def _blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    return (images * factor + other * (1.0 - factor)).clamp(0.0, 1.0)
