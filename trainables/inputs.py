"""What the model of a fold fit is fed: frozen features as they are, or pixels, augmented and normalised per batch.

Both give a batch for rows of the cohort, on the device where the model trains. Augmentation draws belong to a sample
and an epoch; they do not depend on the configuration, the batch, or how many processes share it.
"""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from models.backbones import Backbone
from models.fused import FusedModel
from trainables.augmentation import AugmentationSettings, augment, draws, evaluate
from trainables.frozen_images import FrozenImages

FEATURE_ROWS, IMAGE_ROWS = 4096, 64
"""Samples that are predicted at once."""

Pixels = Tensor | np.ndarray


class Inputs(ABC):
    """Rows of the cohort -> a batch for the model; `channels` and `map_size` (h, w) of its map.

    `backbone` is None for ready features, which are `pooled` when the model sees no positions.
    """

    channels: int
    map_size: tuple[int, int]
    device: torch.device
    backbone: Backbone | None = None
    pooled: bool = False
    rows_at_once: int

    @abstractmethod
    def start_epoch(self, seed: int) -> None:
        """Draw what an epoch's augmentation needs, from its own seed."""

    @abstractmethod
    def training(self, rows: Tensor) -> Tensor:
        """Return the training batch of `rows`, int64 (batch,)."""

    @abstractmethod
    def evaluation(self, rows: Tensor) -> Tensor:
        """Return the batch of `rows` as it is predicted, without augmentation."""

    @abstractmethod
    def last_maps(self, rows: Tensor, model: FusedModel) -> Tensor:
        """Return the last feature maps of `rows` by a model in evaluation mode, (batch, channel, height, width)."""

    @abstractmethod
    def pictures(self, rows: Tensor) -> np.ndarray | None:
        """Return the images of `rows` as they are evaluated, uint8 (batch, image, height, width, 3), if known."""


class FeatureInputs(Inputs):
    """Frozen features, float32 (sample, channel, height, width); z-scored per channel over `standardise`, if given.

    `images` are what they were computed from, for activation maps; without them pooled features are their own map.
    """

    rows_at_once = FEATURE_ROWS

    def __init__(
        self, features: Tensor, standardise: np.ndarray | None = None, images: FrozenImages | None = None
    ) -> None:
        self._scale = None if standardise is None else _scale(features, standardise)
        self.features, self.images = self._scaled(features), images
        self.channels = features.shape[1]
        self.map_size = (features.shape[2], features.shape[3])
        self.pooled = self.map_size == (1, 1)
        self.device = features.device

    def start_epoch(self, seed: int) -> None:
        """Nothing to draw: features are not augmented."""

    def training(self, rows: Tensor) -> Tensor:
        """Return the features of `rows`."""
        return self.features[rows]

    def evaluation(self, rows: Tensor) -> Tensor:
        """Return the features of `rows`."""
        return self.features[rows]

    def last_maps(self, rows: Tensor, model: FusedModel) -> Tensor:
        """Return the maps of `rows`, z-scored as their features are; of pooled features, computed again."""
        del model
        if self.images is None or not self.pooled:
            return self.features[rows]
        return self._scaled(torch.from_numpy(np.array(self.images.maps(rows.cpu().numpy()))).to(self.device))

    def pictures(self, rows: Tensor) -> np.ndarray | None:
        """Return the images of `rows`, if they are known."""
        return None if self.images is None else self.images.pictures(rows.cpu().numpy())

    def _scaled(self, features: Tensor) -> Tensor:
        if self._scale is None:
            return features
        mean, spread = self._scale
        return ((features - mean) / spread).float()


class ImageInputs(Inputs):
    """Pixels uint8 (sample, image, height, width, 3), in memory, mapped, or on the device, for a backbone to train."""

    rows_at_once = IMAGE_ROWS

    def __init__(
        self, pixels: Pixels, backbone: Backbone, settings: AugmentationSettings, device: torch.device
    ) -> None:
        self.pixels, self.backbone, self.settings, self.device = pixels, backbone, settings, device
        self.channels = pixels.shape[1] * backbone.channels
        self.map_size = backbone.map_size
        self._mean, self._std = (
            torch.tensor(values, device=device).view(1, 1, 3, 1, 1) for values in (backbone.mean, backbone.std)
        )
        self._draws = torch.empty(0)

    def start_epoch(self, seed: int) -> None:
        """Draw the augmentation of every sample of the cohort."""
        self._draws = torch.from_numpy(draws(self.pixels.shape[0], self.pixels.shape[1], seed))

    def training(self, rows: Tensor) -> Tensor:
        """Return normalised, augmented images, float32 (batch, image, 3, height, width)."""
        drawn = self._draws[rows.cpu()].to(self.device)
        return self._normalised(augment(self._pixels(rows), drawn, self.settings))

    def evaluation(self, rows: Tensor) -> Tensor:
        """Return normalised images as they are evaluated, float32 (batch, image, 3, height, width)."""
        return self._normalised(evaluate(self._pixels(rows), self.settings))

    def last_maps(self, rows: Tensor, model: FusedModel) -> Tensor:
        """Return the maps of the model's backbone."""
        return model.feature_maps(self.evaluation(rows))

    def pictures(self, rows: Tensor) -> np.ndarray | None:
        """Return the images of `rows`, cropped or resized as they are evaluated."""
        seen = evaluate(self._pixels(rows), self.settings).mul_(255.0).round_().to(torch.uint8)
        return seen.permute(0, 1, 3, 4, 2).cpu().numpy()

    def _pixels(self, rows: Tensor) -> Tensor:
        if isinstance(self.pixels, Tensor):
            return self.pixels[rows.to(self.pixels.device)].to(self.device)
        order = rows.cpu().numpy()
        return torch.from_numpy(np.ascontiguousarray(self.pixels[order])).to(self.device)

    def _normalised(self, images: Tensor) -> Tensor:
        return images.sub(self._mean).div_(self._std)


def _scale(features: Tensor, training: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return mean and SD of every channel over the training samples and positions, 1 for a constant channel's SD."""
    chosen = features[torch.from_numpy(training).to(features.device)].double()
    mean = chosen.mean(dim=(0, 2, 3), keepdim=True)
    spread = chosen.std(dim=(0, 2, 3), keepdim=True, correction=0)
    return mean, torch.where(spread > 0, spread, 1.0)
