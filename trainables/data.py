"""What a fold fit computes on: features or pixels, and the true classes of a cohort, kept in the process.

A warm actor lives from trial to trial, so what a backbone needs is opened once per process, not once per fold fit.
"""

import copy
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from analysis.ledger import digest
from models.backbones import Backbone
from trainables.configuration import Configuration
from trainables.features import FeatureSource
from trainables.folds import Split
from trainables.frozen_images import FrozenImages
from trainables.images import open_pixels
from trainables.images.pixels import pixels_identity
from trainables.inputs import FeatureInputs, ImageInputs, Inputs, Pixels
from trainables.outcome import class_codes

_LARGEST_IN_MEMORY = 2 * 1024**3
_LARGEST_SHARE_OF_GPU = 0.25
_opened: dict[str, "Tensor | ImageSource"] = {}


class Data(Protocol):
    """Class codes int64 (sample, target) in declared order, and the inputs of a configuration on a split."""

    @property
    def targets(self) -> Tensor:
        """The class codes."""
        ...

    def inputs(self, configuration: Configuration, split: Split) -> Inputs:
        """Return what the model of one fold fit is fed."""
        ...


@dataclass(frozen=True)
class FitData:
    """Frozen features float32 (sample, channel, height, width), class codes, and the images of the features."""

    features: Tensor
    targets: Tensor
    images: FrozenImages | None = None

    def inputs(self, configuration: Configuration, split: Split) -> Inputs:
        """Return the features, z-scored over the training part when the configuration says so."""
        return FeatureInputs(self.features, split.train if configuration.backbone.standardise else None, self.images)


@dataclass(frozen=True)
class ImageSource:
    """Pixels uint8 (sample, image, height, width, 3) and the backbone as every fold fit starts with it."""

    pixels: Pixels
    backbone: Backbone


@dataclass(frozen=True)
class ImageData:
    """Pixels, an untouched backbone and class codes; every fold fit trains a copy of the backbone on `device`."""

    source: ImageSource
    targets: Tensor
    device: str

    def inputs(self, configuration: Configuration, split: Split) -> Inputs:
        """Return the pixels with a fresh copy of the backbone, its first stages frozen."""
        backbone = copy.deepcopy(self.source.backbone)
        backbone.freeze(int(configuration.backbone.frozen_stages))
        return ImageInputs(self.source.pixels, backbone, configuration.augmentation, torch.device(self.device))


def open_data(
    source: FeatureSource, configuration: Configuration, cache: Path, *, workers: int, device: str = "cpu"
) -> Data:
    """Return what the configuration trains on, preparing images or features first if this node has none.

    Raises:
        InputError: as `FeatureSource.open` and `open_pixels`.
    """
    cohort = source.cohort
    codes = torch.from_numpy(class_codes(cohort))
    if configuration.fine_tuned:
        return ImageData(_images(source, configuration, cache, workers, device), codes, device)
    images = FrozenImages(source, cache, workers, device)
    return FitData(_features(source, cache, workers, device), codes.to(device), images)


def _features(source: FeatureSource, cache: Path, workers: int, device: str) -> Tensor:
    name = digest({"device": device, "features": source.identity})
    if name not in _opened:
        array = source.open(cache, workers=workers, device=device)
        _opened.clear()
        _opened[name] = _as_tensor(array).to(device)
    found = _opened[name]
    assert isinstance(found, Tensor)
    return found


def _images(source: FeatureSource, configuration: Configuration, cache: Path, workers: int, device: str) -> ImageSource:
    size = configuration.input_size
    decided = {"pixels": pixels_identity(source.cohort, source.image), "size": list(size)}
    backbone = {"name": source.backbone.name, "gate": source.backbone.gate_settings}
    name = digest({"device": device, "weights": source.weights_identity, "backbone": backbone, **decided})
    if name not in _opened:
        pixels = open_pixels(source.cohort, source.image, cache, workers=workers)
        _opened.clear()
        _opened[name] = ImageSource(_near(pixels, device), source.build_backbone(size))
    found = _opened[name]
    assert isinstance(found, ImageSource)
    return found


def _near(pixels: np.ndarray, device: str) -> Pixels:
    """Move pixels to the GPU whole when they fit easily beside a model; else they stay mapped, shared by the node."""
    if device != "cuda" or pixels.nbytes > _LARGEST_SHARE_OF_GPU * torch.cuda.mem_get_info()[0]:
        return pixels
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device)


def _as_tensor(array: np.ndarray) -> Tensor:
    """Copy small features into memory; map large ones, which the page cache shares between the processes of a node."""
    if array.nbytes <= _LARGEST_IN_MEMORY:
        return torch.from_numpy(np.array(array))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)
