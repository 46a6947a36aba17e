"""Frozen features: what a backbone says of every image, computed once per node and cached.

A head on frozen features trains in seconds. Two kinds are cached apart: `map`, the last feature map, (sample, image x
channel, height, width), and `pooled`, its spatial mean, (sample, image x channel, 1, 1), which is all that a fusion
without spatial extent can see (a channel gate and average pooling commute). The numbers do not depend on how many
cores there
are: every thread encodes batches of a fixed size on its own, with one torch thread.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from models.backbones import BACKBONES_VERSION, Backbone, create_backbone
from models.errors import InputError
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


class BackboneSettings(Settings):
    """Which backbone (a timm name, or one of ours), where its weights come from, and which frozen features heads see.

    `weights`: `none` (random, seeded), `file` (from `--weights`), `hub` (timm's pretrained weights, downloaded).
    `features`: `auto` gives a fusion the map when it looks at positions and the pooled vector otherwise.
    `standardise`: z-score every channel with the mean and SD of the training part, as linear probes do; random weights
    need it, because their batch normalisation has seen no images and lets the signal fade.
    """

    name: str = "mobilenetv1_025"
    weights: Literal["none", "file", "hub"] = "none"
    features: Literal["auto", "pooled", "map"] = "auto"
    standardise: bool = False
    seed: int = Field(default=0, ge=0, description="of the random initialisation, when weights are none")


def build_backbone(settings: BackboneSettings, image: ImageSettings, weights: Weights | None) -> Backbone:
    """Return the backbone in evaluation mode, with its weights.

    Raises:
        InputError: unknown name, weights that do not fit, an image size the backbone cannot take, or no weights file.
    """
    if settings.weights == "file" and weights is None:
        raise InputError("backbone.weights=file needs --weights <file or folder>; or say --set backbone.weights=none")
    state = weights.state if weights is not None and settings.weights == "file" else None
    with torch_seed(derive(settings.seed, "backbone")):
        backbone = create_backbone(settings.name, image_size=image.size, state=state, hub=settings.weights == "hub")
    return backbone.eval()


def weights_identity(settings: BackboneSettings, weights: Weights | None) -> str:
    """Say in a key which weights are used: the checksum of the file (never its path), the hub's name, or the seed."""
    if settings.weights == "file":
        if weights is None:
            raise InputError(
                "backbone.weights=file needs --weights <file or folder>; or say --set backbone.weights=none"
            )
        return f"sha256:{weights.checksum}"
    return f"hub:{settings.name}" if settings.weights == "hub" else f"random:{settings.seed}"


def features_identity(
    cohort: Cohort, settings: BackboneSettings, image: ImageSettings, weights: Weights | None, kind: FeatureKind
) -> dict[str, Any]:
    """Return what decides the cached features."""
    return {
        "pixels": pixels_identity(cohort, image),
        "backbone": settings.name,
        "weights": weights_identity(settings, weights),
        "kind": kind,
        "extraction": [FEATURES_VERSION, BACKBONES_VERSION],
    }


def features_cached(
    cohort: Cohort,
    settings: BackboneSettings,
    image: ImageSettings,
    weights: Weights | None,
    kind: FeatureKind,
    cache: Path,
) -> bool:
    """Tell whether this node has the features already."""
    return is_cached(cache, "features", features_identity(cohort, settings, image, weights, kind))


def open_features(
    cohort: Cohort,
    settings: BackboneSettings,
    image: ImageSettings,
    weights: Weights | None,
    kind: FeatureKind,
    cache: Path,
    *,
    workers: int,
    tick: Callable[[str], Tick] | None = None,
) -> np.ndarray:
    """Return the frozen features of all samples, float32 (sample, image x channel, height, width), mapped read-only.

    Args:
        workers: threads that decode and encode when this node has to compute them.
        tick: given a stage (`images`, `features`), returns a callback for its progress.
    """
    identity = features_identity(cohort, settings, image, weights, kind)
    backbone = None if is_cached(cache, "features", identity) else build_backbone(settings, image, weights)

    def shape() -> tuple[int, ...]:
        assert backbone is not None
        with torch.inference_mode():
            height, width = backbone(torch.zeros(1, 3, *image.size)).shape[2:]
        spatial = (height, width) if kind == "map" else (1, 1)
        return (len(cohort.samples), len(cohort.image_names) * backbone.channels, *spatial)

    def fill(array: np.ndarray) -> None:
        assert backbone is not None
        pixels = open_pixels(cohort, image, cache, workers=workers, tick=tick("images") if tick else None)
        _encode(backbone, pixels, array, kind, workers, tick("features") if tick else None)

    return cached_array(cache, "features", identity, shape, "float32", fill)


def _encode(
    backbone: Backbone, pixels: np.ndarray, array: np.ndarray, kind: FeatureKind, workers: int, tick: Tick | None
) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    backbone.to(device)
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (backbone.mean, backbone.std))

    def encode(start: int) -> int:
        torch.set_num_threads(1)
        block = torch.from_numpy(np.array(pixels[start : start + BATCH])).to(device)  # (B, I, H, W, 3)
        batch, images = block.shape[:2]
        inputs = block.flatten(0, 1).permute(0, 3, 1, 2).float().div_(255.0).sub_(mean).div_(std)
        with torch.inference_mode():
            maps = backbone(inputs.contiguous())  # (B I, C, h, w)
        if kind == "pooled":
            maps = maps.mean(dim=(2, 3), keepdim=True)
        array[start : start + batch] = (
            maps.reshape(batch, images * maps.shape[1], *maps.shape[2:]).float().cpu().numpy()
        )
        return start + batch

    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(1 if device == "cuda" else workers) as pool:
            for done in pool.map(encode, range(0, len(pixels), BATCH)):
                if tick:
                    tick(done, len(pixels))
    finally:
        torch.set_num_threads(threads)
