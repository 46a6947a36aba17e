"""All geometry of the augmentations as one homography per image, so that pixels are read (and blurred) only once.

The matrices lead from a place in the result to the place in the image where its value is read, both as (x, y) in
pixels, the first from the centre of the result, the last from the image's first pixel. Forwards the order is crop,
zoom, flips, quarter turn, affine, skew; the affine part has the conventions of torchvision's `affine`. A turned image
shows what lies around the crop, and beyond the image its reflection.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from trainables.augmentation.drawn import Drawn
from trainables.augmentation.settings import AugmentationSettings

Size = tuple[int, int]


def places(drawn: Drawn, settings: AugmentationSettings, image_size: Size, size: Size) -> tuple[Tensor, Tensor]:
    """Return where each pixel of the results is read: x and y in pixels of the images, float32 (N, h, w) each.

    Args:
        drawn: the draws of N images.
        settings: ranges and probabilities.
        image_size: (H, W) of the images.
        size: (h, w) of the results, not larger.
    """
    height, width = size
    device = drawn.values.device
    x = torch.arange(width, device=device) - (width - 1) / 2
    y = (torch.arange(height, device=device) - (height - 1) / 2)[:, None]
    # Elementwise and not as a matrix product, which units of lower precision would round to whole pixels.
    rows = _homography(drawn, settings, image_size, size)[..., None, None].unbind(1)  # 3 of (N, 3, 1, 1)
    across, down, depth = (row[:, 0] * x + row[:, 1] * y + row[:, 2] for row in rows)
    return across / depth, down / depth


def read_between(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return bilinear values of float images (N, 3, H, W) at places (N, h, w), reflected at the edges: (N, 3, h, w)."""
    height, width = images.shape[2:]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def read_nearest(pixels: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return the pixels (N, H, W, 3) nearest to places (N, h, w), reflected at the edges: (N, h, w, 3)."""
    rows, columns = (_reflected(place, length) for place, length in ((y, pixels.shape[1]), (x, pixels.shape[2])))
    images = torch.arange(len(pixels), device=pixels.device)[:, None, None]
    return pixels[images, rows, columns]


def _reflected(place: Tensor, length: int) -> Tensor:
    index = torch.floor(place + 0.5).long().remainder(2 * length)
    return torch.minimum(index, 2 * length - 1 - index)


def _homography(drawn: Drawn, settings: AugmentationSettings, image_size: Size, size: Size) -> Tensor:
    """Return the matrices (N, 3, 3) from the results to the images; the last step forwards is the first back."""
    steps = [
        _crop(drawn, image_size, size),
        _zoom(drawn, settings, size),
        _flips(drawn, settings),
        _quarter_turn(drawn, settings),
        _affine(drawn, settings, size),
        _skew(drawn, settings, size),
    ]
    matrix = steps[0]
    for step in steps[1:]:
        matrix = (matrix[:, :, :, None] * step[:, None, :, :]).sum(2)
    return matrix


def _matrix(first: tuple[Tensor, ...], second: tuple[Tensor, ...], third: tuple[Tensor, ...] | None = None) -> Tensor:
    """Return matrices (N, 3, 3) from rows of (N,) numbers; the third row is 0, 0, 1 unless given."""
    zero = torch.zeros_like(first[0])
    rows = (first, second, third or (zero, zero, zero + 1))
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _crop(drawn: Drawn, image_size: Size, size: Size) -> Tensor:
    top, left = (
        drawn.integer(name, whole - part + 1) + (part - 1) / 2
        for name, whole, part in zip(("crop_top", "crop_left"), image_size, size, strict=True)
    )
    zero = torch.zeros_like(top)
    return _matrix((zero + 1, zero, left), (zero, zero + 1, top))


def _zoom(drawn: Drawn, settings: AugmentationSettings, size: Size) -> Tensor:
    """Read from a rectangle of this share of the area, anywhere inside the crop."""
    area = drawn.between("zoom", *settings.zoom)
    side = torch.where(drawn.happens("zoom_gate", settings.zoom_probability), area.sqrt(), 1.0)
    down, across = (
        drawn.between(name, -0.5, 0.5) * (1 - side) * length
        for name, length in zip(("zoom_top", "zoom_left"), size, strict=True)
    )
    zero = torch.zeros_like(side)
    return _matrix((side, zero, across), (zero, side, down))


def _flips(drawn: Drawn, settings: AugmentationSettings) -> Tensor:
    across, down = (1 - 2 * drawn.happens(name, getattr(settings, name)).float() for name in _FLIPS)
    zero = torch.zeros_like(across)
    return _matrix((across, zero, zero), (zero, down, zero))


def _quarter_turn(drawn: Drawn, settings: AugmentationSettings) -> Tensor:
    happens = drawn.happens("turn_gate", settings.quarter_turns)
    turns = ((drawn.integer("turn", 3) + 1) * happens).long()  # quarters
    cosine = torch.tensor([1.0, 0.0, -1.0, 0.0], device=turns.device)[turns]
    sine = torch.tensor([0.0, 1.0, 0.0, -1.0], device=turns.device)[turns]
    zero = torch.zeros_like(cosine)
    return _matrix((cosine, -sine, zero), (sine, cosine, zero))


def _affine(drawn: Drawn, settings: AugmentationSettings, size: Size) -> Tensor:
    """Undo translation, then rotation and scale, then the shears along y and x."""
    happens = drawn.happens("affine_gate", settings.affine_probability).float()
    rotation = _signed(drawn, "rotation", math.radians(settings.rotation)) * happens
    scale = torch.where(happens > 0, drawn.between("scale", *settings.scale), 1.0)
    along_x, along_y = (
        torch.tan(_signed(drawn, name, math.radians(settings.shear)) * happens) for name in ("shear_x", "shear_y")
    )
    height, width = size
    right = _signed(drawn, "translation_x", settings.translation * width) * happens
    down = _signed(drawn, "translation_y", settings.translation * height) * happens
    cosine, sine = torch.cos(rotation) / scale, torch.sin(rotation) / scale
    first, second = (cosine, sine), (along_y * cosine - sine, along_y * sine + cosine)
    first = (first[0] + along_x * second[0], first[1] + along_x * second[1])
    return _matrix(*((a, b, -(a * right + b * down)) for a, b in (first, second)))


def _skew(drawn: Drawn, settings: AugmentationSettings, size: Size) -> Tensor:
    happens = drawn.happens("skew_gate", settings.skew_probability)
    height, width = size
    across = _signed(drawn, "skew_x", settings.skew * 2 / width) * happens
    down = _signed(drawn, "skew_y", settings.skew * 2 / height) * happens
    zero, one = torch.zeros_like(across), torch.ones_like(across)
    return _matrix((one, zero, zero), (zero, one, zero), (across, down, one))


def _signed(drawn: Drawn, name: str, most: float) -> Tensor:
    return drawn.between(name, -most, most)


_FLIPS = ("flip_horizontal", "flip_vertical")
