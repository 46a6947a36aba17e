"""Random numbers of the augmentations, apart from their settings.

Every random quantity has a column of its own, drawn from a stream of its own: switching an augmentation on, or changing
its range, leaves the draws of all others as they were, and so does the size of a batch, the number of processes or the
device, since the draws of a sample are found by its row.
"""

import numpy as np
import torch
from torch import Tensor

from trainables.seeds import derive

COLUMNS = (
    "crop_top",
    "crop_left",
    "zoom_gate",
    "zoom",
    "zoom_top",
    "zoom_left",
    "flip_horizontal",
    "flip_vertical",
    "turn_gate",
    "turn",
    "affine_gate",
    "rotation",
    "translation_x",
    "translation_y",
    "scale",
    "shear_x",
    "shear_y",
    "skew_gate",
    "skew_x",
    "skew_y",
    "brightness_gate",
    "brightness",
    "contrast_gate",
    "contrast",
    "saturation_gate",
    "saturation",
    "hue_gate",
    "hue",
)


def draws(n: int, images: int, seed: int) -> np.ndarray:
    """Return the draws of `n` samples of `images` images each for one epoch.

    Args:
        n: samples, usually all of a cohort, so that a batch takes the rows of its samples.
        images: images of a sample; each is augmented on its own.
        seed: of the epoch; what was drawn for a row does not depend on `n`.

    Returns:
        float32 in [0, 1), (n, images, K) with one of the K columns for every random quantity.
    """
    columns = [np.random.default_rng(derive(seed, "augmentation", name)) for name in COLUMNS]
    return np.stack([column.random((n, images), dtype=np.float32) for column in columns], axis=-1)


class Drawn:
    """The draws of N images, float32 (N, K), by the name of the random quantity."""

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def uniform(self, name: str) -> Tensor:
        """Return the draw itself, in [0, 1), (N,)."""
        return self.values[:, COLUMNS.index(name)]

    def between(self, name: str, low: float, high: float) -> Tensor:
        """Return the draw spread over [low, high), (N,)."""
        return low + (high - low) * self.uniform(name)

    def happens(self, name: str, probability: float) -> Tensor:
        """Return where an event of this probability happens, bool (N,)."""
        return self.uniform(name) < probability

    def integer(self, name: str, n: int) -> Tensor:
        """Return a whole number from 0 to n - 1, float32 (N,)."""
        return torch.floor(self.uniform(name) * n).clamp(max=n - 1)
