"""Bidirectional cross-attention between image and metadata (after Ou et al., Frontiers in Surgery 2022, 9:1029991).

Self-attention on each modality, cross-attention both ways with two heads, residual additions, concatenation, at width
512. What the tokens are is our reading (inferred): the positions of the feature map, and one token per metadata value,
value * weight + bias as for numbers in tabular transformers. Public re-implementations attend between single pooled
vectors, where a softmax over one token is constant, or between the samples of a batch.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from models.errors import InputError
from models.fusions.base import FUSIONS, Fusion


class Attend(nn.Module):
    """Multi-head attention added to its queries: x + attention(x, context), all (batch, token, width)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        """Return tokens that have seen the context, (batch, token, width)."""
        seen, _ = self.attention(tokens, context, context, need_weights=False)
        added: Tensor = tokens + seen
        return added


class MetadataTokens(nn.Module):
    """One token per metadata value, value * weight + bias: (batch, M) -> (batch, M, width)."""

    def __init__(self, metadata_width: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(metadata_width, width))
        self.bias = nn.Parameter(torch.randn(metadata_width, width))

    def forward(self, metadata: Tensor) -> Tensor:
        """Return the tokens, (batch, M, width); a missing value (zero) is its bias."""
        return metadata[:, :, None] * self.weight + self.bias


@FUSIONS.register("cross-attention", version=1)
class CrossAttention(Fusion):
    """Positions attend to metadata and metadata to positions: (batch, C, h, w) -> (batch, 2 branch_width).

    InputError when `branch_width` is no multiple of `heads`.
    """

    name = "cross-attention"
    uses_metadata = True
    spatial = True
    depths = ()
    default_depth = None
    options: ClassVar[Mapping[str, Any]] = {"branch_width": 512, "heads": 2}

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        width, heads = self.chosen["branch_width"], self.chosen["heads"]
        self.image_tokens = nn.Sequential(nn.Linear(channels, width), nn.LayerNorm(width))
        self.metadata_tokens = nn.Sequential(MetadataTokens(metadata_width, width), nn.LayerNorm(width))
        self.image_self, self.metadata_self = Attend(width, heads), Attend(width, heads)
        self.image_cross, self.metadata_cross = Attend(width, heads), Attend(width, heads)
        self.out_features = 2 * width

    @classmethod
    def check_options(cls, chosen: Mapping[str, Any]) -> None:
        """Raise an InputError when the width cannot be cut into the heads."""
        width, heads = chosen["branch_width"], chosen["heads"]
        if width % heads:
            raise InputError(
                f"fusion.heads={heads} does not divide fusion.branch_width={width}; choose a width that is a multiple "
                "of the heads"
            )

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the mean image token followed by the mean metadata token, (batch, 2 branch_width)."""
        image = self.image_tokens(feature_map.flatten(2).transpose(1, 2))  # (batch, h * w, width)
        values = self.metadata_tokens(metadata)  # (batch, M, width)
        image, values = self.image_self(image, image), self.metadata_self(values, values)
        image, values = self.image_cross(image, values), self.metadata_cross(values, image)
        return torch.cat([image.mean(1), values.mean(1)], dim=1)
