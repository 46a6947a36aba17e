"""Frozen features: what a backbone says of every image, computed once per node and cached.

A head on frozen features trains in seconds. Two kinds are cached apart: `map`, the last feature map, (sample, image x
channel, height, width), and `pooled`, its spatial mean, (sample, image x channel, 1, 1), which is all that a fusion
without spatial extent can see (a channel gate and average pooling commute). The numbers do not depend on how many cores
there are: every thread encodes batches of a fixed size on its own, with one torch thread.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache as cache_once
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, field_validator

from models.backbones import BACKBONES_VERSION, Backbone, create_backbone, hub_source
from models.errors import InputError
from models.names import timm_name
from trainables.cohorts import Cohort
from trainables.images.pixels import Tick, open_pixels, pixels_identity
from trainables.images.preparation import ImageSettings
from trainables.node_cache import cached_array, is_cached
from trainables.seeds import derive, torch_seed
from trainables.settings import Settings
from trainables.weights import Weights

FEATURES_VERSION = 1
"""Raised by hand when the numbers of the extraction change."""
BATCH = 64

FeatureKind = Literal["pooled", "map"]
FROZEN = {"features", "standardise"}
"""Settings that mean something only when the backbone is frozen."""
GATE = {"gate", "gate_reduction", "gate_pool", "gate_position"}
"""Settings of the channel gate, which mean something only where there is one."""


class BackboneSettings(Settings):
    """Which backbone (timm's name, ours or a paper's), where its weights come from, and how much of it is trained.

    `weights`: `none` (random, seeded), `file` (from `--weights`), `hub` (timm's pretrained weights, downloaded).
    `frozen_stages`: `all` trains heads on frozen features; a number fine-tunes all but that many first stages.
    `features`: `auto` gives a fusion the map when it looks at positions and the pooled vector otherwise.
    `standardise`: z-score every channel with the mean and SD of the training part, as linear probes do; random weights
    need it, because their batch normalisation has seen no images and lets the signal fade.
    `gate`: `zoom-se` puts ZooME's image-only channel gate at every residual block, its squeeze max-pooled to
    `gate_pool` cells a side (`average`: the ordinary squeeze-and-excitation), its bottleneck C / `gate_reduction` wide,
    `gate_position` after the residual addition, as the paper says, or before it.
    """

    name: str = "mobilenetv1_025"
    weights: Literal["none", "file", "hub"] = "none"
    frozen_stages: Literal["all"] | Annotated[int, Field(ge=0, le=1000)] = "all"
    features: Literal["auto", "pooled", "map"] = "auto"
    standardise: bool = False
    seed: int = Field(default=0, ge=0, description="of what is initialised at random: all without weights, gates")
    gate: Literal["none", "zoom-se"] = "none"
    gate_reduction: int = Field(default=16, ge=1, le=256)
    gate_pool: Literal["average"] | Annotated[int, Field(ge=1, le=32)] = 4
    gate_position: Literal["after", "before"] = "after"

    @field_validator("name")
    @classmethod
    def _timms_name(cls, name: str) -> str:
        return timm_name(name)

    @property
    def gate_settings(self) -> dict[str, Any]:
        """What decides the channel gates, as plain JSON; empty without any. They are random with any weights."""
        return {} if self.gate == "none" else self.model_dump(mode="json", include=GATE | {"seed"})

    @property
    def gate_to_attach(self) -> dict[str, Any] | None:
        """The channel gate as `create_backbone` takes it."""
        if self.gate == "none":
            return None
        settings = {"reduction": self.gate_reduction, "pool": self.gate_pool, "position": self.gate_position}
        return {"name": self.gate, **settings}


@dataclass(frozen=True, eq=False)
class FeatureSource:
    """A cohort seen through a backbone: what decides its frozen features, and how to get them.

    Raises:
        InputError: from `build_backbone` and `open`, for an unknown name, weights that do not fit, an image size that
            the backbone cannot take, an unreadable image or an unwritable cache; from all, for a missing weights file.
    """

    cohort: Cohort
    backbone: BackboneSettings
    image: ImageSettings
    weights: Weights | None
    kind: FeatureKind

    @property
    def weights_identity(self) -> str:
        """Which weights are used: the checksum of the file (never its path), the hub's source, or the seed."""
        if self.backbone.weights == "file":
            if self.weights is None:
                advice = "needs --weights <file or folder>; or say --set backbone.weights=none"
                raise InputError(f"backbone.weights=file {advice}")
            return f"sha256:{self.weights.checksum}"
        if self.backbone.weights == "hub":
            return f"hub:{hub_source(self.backbone.name)}"
        return f"random:{self.backbone.seed}"

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that decides the numbers, as plain JSON."""
        return {
            "pixels": pixels_identity(self.cohort, self.image),
            "backbone": self.backbone.name,
            "weights": self.weights_identity,
            "kind": self.kind,
            "extraction": [FEATURES_VERSION, BACKBONES_VERSION],
        }

    def build_backbone(self, size: tuple[int, int] | None = None) -> Backbone:
        """Return the backbone in evaluation mode, with its weights, for images of `size` or as they are cached."""
        state = self.weights.state if self.weights is not None and self.backbone.weights == "file" else None
        with torch_seed(derive(self.backbone.seed, "backbone")):
            return create_backbone(
                self.backbone.name,
                image_size=size or self.image.size,
                state=state,
                hub=self.backbone.weights == "hub",
                gate=self.backbone.gate_to_attach,
            ).eval()

    def is_cached(self, cache: Path) -> bool:
        """Tell whether this node has the features already."""
        return is_cached(cache, "features", self.identity)

    def open(
        self, cache: Path, *, workers: int, device: str = "cpu", tick: Callable[[str], Tick] | None = None
    ) -> np.ndarray:
        """Return the features of all samples, float32 (sample, image x channel, height, width), mapped read-only.

        Args:
            cache: the node's cache folder.
            workers: threads that decode and encode when this node has to compute them.
            device: where they are encoded.
            tick: given a stage (`images`, `features`), returns a callback for its progress.
        """
        backbone = cache_once(self.build_backbone)

        def shape() -> tuple[int, ...]:
            spatial = backbone().map_size if self.kind == "map" else (1, 1)
            return (len(self.cohort), len(self.cohort.image_names) * backbone().channels, *spatial)

        def fill(array: np.ndarray) -> None:
            pixels = open_pixels(self.cohort, self.image, cache, workers=workers, tick=tick("images") if tick else None)
            encode(backbone().to(device), pixels, array, workers, tick("features") if tick else None)

        return cached_array(cache, "features", self.identity, shape, "float32", fill)


def encode(backbone: Backbone, pixels: np.ndarray, array: np.ndarray, workers: int, tick: Tick | None) -> None:
    """Fill `array` (sample, image x channel, height, width) with the maps of pixels, or (1 x 1) their mean."""
    device = next(backbone.parameters()).device
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (backbone.mean, backbone.std))

    def encode_from(start: int) -> int:
        torch.set_num_threads(1)
        block = torch.from_numpy(np.array(pixels[start : start + BATCH])).to(device)  # (B, I, H, W, 3)
        inputs = block.flatten(0, 1).permute(0, 3, 1, 2).float().div_(255.0).sub_(mean).div_(std)
        with torch.inference_mode():
            maps = backbone(inputs.contiguous())  # (B I, C, h, w)
        if array.shape[2:] == (1, 1):
            maps = maps.mean(dim=(2, 3), keepdim=True)
        array[start : start + len(block)] = maps.reshape(len(block), *array.shape[1:]).float().cpu().numpy()
        return start + len(block)

    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(1 if device.type == "cuda" else workers) as pool:
            for done in pool.map(encode_from, range(0, len(pixels), BATCH)):
                if tick:
                    tick(done, len(pixels))
    finally:
        torch.set_num_threads(threads)
