"""Cross-attention between the images of a sample: each reads from the others, position by position.

After the description of the Single-Shared Network (papers.md 4.2, inferred): queries from one image, keys and values
from the others, 1 x 1 projections, a residual sum, one module for all directions. The block is the non-local one (Wang
et al. 2018, embedded Gaussian: width C / 2, last projection zero, so that a pretrained network starts as it was) after
a layer normalisation, because the features of Transformer stages are not normalised.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

GRID = 14
"""Positions a side between which attention is computed at most; larger maps are pooled to it."""


class Direction(nn.Module):
    """Attention of one image to the others: 4 C (C // 2) + 2 C parameters."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        width = max(1, channels // 2)
        self.norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, width, bias=False)
        self.key = nn.Linear(channels, width, bias=False)
        self.value = nn.Linear(channels, width, bias=False)
        self.output = nn.Linear(width, channels, bias=False)
        nn.init.zeros_(self.output.weight)

    def forward(self, own: Tensor, others: Tensor) -> Tensor:
        """Return what positions (batch, n, C) read from those of the other images (batch, m, C): (batch, n, C)."""
        own, others = self.norm(own), self.norm(others)
        read = functional.scaled_dot_product_attention(self.query(own), self.key(others), self.value(others))
        out: Tensor = self.output(read)
        return out


class CrossAttention(nn.Module):
    """Attention between `n_images` maps of `channels`; `individual`: a module per reading image, else one for all."""

    def __init__(self, channels: int, n_images: int, *, individual: bool = False) -> None:
        super().__init__()
        self.n_images = n_images
        self.directions = nn.ModuleList(Direction(channels) for _ in range(n_images if individual else 1))

    def forward(self, maps: Tensor) -> Tensor:
        """Return what to add to the maps (I * batch, C, h, w), image by image: what each reads from the others."""
        size = (maps.shape[2], maps.shape[3])
        grid = (min(size[0], GRID), min(size[1], GRID))
        pooled = maps if grid == size else functional.adaptive_avg_pool2d(maps, grid)
        tokens = pooled.flatten(2).transpose(1, 2).chunk(self.n_images)  # I times (batch, n, C)
        read = []
        for number, own in enumerate(tokens):
            others = torch.cat([*tokens[:number], *tokens[number + 1 :]], dim=1)
            read.append(self.directions[number % len(self.directions)](own, others))
        found = torch.cat(read).transpose(1, 2).unflatten(2, grid)  # (I * batch, C, *grid)
        return found if grid == size else functional.interpolate(found, size, mode="bilinear", align_corners=False)
