"""From cached pixels to what the network sees: augmented at random in training, cropped or resized in evaluation.

    seen = augment(pixels[rows], torch.from_numpy(draws(len(cohort), images, seed)[rows]), settings)

Every image is augmented on its own and the whole batch at once, on the device of the pixels. Normalisation is the
caller's, with the mean and standard deviation of the backbone.
"""

import torch
from torch import Tensor
from torch.nn import functional

from trainables.augmentation.colour import jitter
from trainables.augmentation.drawn import Drawn
from trainables.augmentation.geometry import places, read_between, read_nearest
from trainables.augmentation.settings import AugmentationSettings

AUGMENTATION_VERSION = 1
"""Raised by hand when the numbers of `draws`, `augment` or `evaluate` change."""


@torch.no_grad()
def augment(pixels: Tensor, draws: Tensor, settings: AugmentationSettings) -> Tensor:
    """Return the batch as a network sees it in training.

    Args:
        pixels: uint8, (B, I, H, W, 3), on any device.
        draws: the rows of `draws` that belong to these samples, float32 (B, I, K), on the same device.
        settings: ranges and probabilities.

    Returns:
        float32 in [0, 1], (B, I, 3, h, w). Without interpolation and colour every value is one of the image's.

    Raises:
        InputError: the crop does not fit into the images.
    """
    flat, drawn = pixels.flatten(0, 1), Drawn(draws.flatten(0, 1))
    image_size = (flat.shape[1], flat.shape[2])
    size = settings.output_size(image_size)
    with torch.autocast(pixels.device.type, enabled=False):  # half precision would move places by whole pixels
        x, y = places(drawn, settings, image_size, size)
        if settings.interpolates:
            images = read_between(_as_float(flat), x, y).clamp_(0.0, 1.0)
        else:
            images = _as_float(read_nearest(flat, x, y))
        images = jitter(images, drawn, settings)
    return images.reshape(*pixels.shape[:2], *images.shape[1:])


@torch.no_grad()
def evaluate(pixels: Tensor, settings: AugmentationSettings) -> Tensor:
    """Return uint8 pixels (B, I, H, W, 3) as a network sees them in evaluation: float32 in [0, 1], (B, I, 3, h, w).

    The centre of the crop's size, or the whole image resized to it with antialiasing.

    Raises:
        InputError: the crop does not fit into the images.
    """
    flat = pixels.flatten(0, 1)
    rows, columns = flat.shape[1:3]
    height, width = settings.output_size((rows, columns))
    if settings.evaluation == "resize" and (height, width) != (rows, columns):
        images = functional.interpolate(_as_float(flat), (height, width), mode="bilinear", antialias=True)
        images = images.clamp_(0.0, 1.0)
    else:
        top, left = (rows - height) // 2, (columns - width) // 2
        images = _as_float(flat[:, top : top + height, left : left + width])
    return images.reshape(*pixels.shape[:2], *images.shape[1:])


def _as_float(pixels: Tensor) -> Tensor:
    """Return uint8 pixels (N, h, w, 3) as float32 images (N, 3, h, w) in [0, 1]."""
    return pixels.permute(0, 3, 1, 2).contiguous().float().div_(255.0)
