"""One fusion and one set of classifiers for every image of a sample (papers.md 4.2: modality-specific heads)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.fusions.base import Fusion
from models.heads import Heads


class FusionPerImage(nn.Module):
    """A fusion per image: (batch, I * C, h, w) joined maps and (batch, M) metadata -> (batch, I, out_features).

    Every fusion sees its image's map and all metadata. `channels` is I * C. ValueError when the fusions differ in
    shape.
    """

    def __init__(self, fusions: Sequence[Fusion]) -> None:
        super().__init__()
        if len({(fusion.channels, fusion.out_features) for fusion in fusions}) != 1:
            raise ValueError("the fusions of all images must have the same channels and features")
        self.fusions = nn.ModuleList(fusions)
        self.channels = sum(fusion.channels for fusion in fusions)
        self.out_features = fusions[0].out_features

    def forward(self, feature_maps: Tensor, metadata: Tensor) -> Tensor:
        """Return the fused vector of every image, (batch, I, out_features)."""
        maps = feature_maps.tensor_split(len(self.fusions), dim=1)  # I times (batch, C, h, w)
        return torch.stack([fusion(each, metadata) for fusion, each in zip(self.fusions, maps, strict=True)], dim=1)


class HeadsPerImage(nn.Module):
    """Classifiers per image: (batch, I, in_features) -> logits (batch, I, C_t) for each target t."""

    def __init__(self, heads: Sequence[Heads]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        self.in_features = heads[0].in_features

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each target, those of all images together."""
        per_image = [heads(each) for heads, each in zip(self.heads, features.unbind(1), strict=True)]
        return tuple(torch.stack(logits, dim=1) for logits in zip(*per_image, strict=True))
