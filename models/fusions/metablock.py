"""MetaBlock: metadata choose among groups of pooled features (Pacheco & Krohling, IEEE J-BHI 2021).

V' = sigmoid(tanh(V * f(m)) + g(m)), where V is the pooled vector in rows of `group_size` neighbouring features, and f
and g are a linear layer with batch normalisation that give one number per row. The authors' code has rows of 32 for
ResNet50 (64 x 32), DenseNet121 and MobileNetV2.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from models.errors import InputError
from models.fusions.base import FUSIONS, Fusion
from models.fusions.layers import NormalisedLinear


@FUSIONS.register("metablock", version=1)
class MetaBlock(Fusion):
    """Gates rows of pooled features by metadata: (batch, C, h, w) -> (batch, C), in (0, 1).

    InputError when C is no multiple of `group_size`.
    """

    name = "metablock"
    uses_metadata = True
    spatial = False
    depths = ()
    default_depth = None
    options: ClassVar[Mapping[str, Any]] = {"group_size": 32}

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        group_size = self.chosen["group_size"]
        if channels % group_size:
            fitting = ", ".join(str(size) for size in range(1, channels + 1) if channels % size == 0)
            raise InputError(
                f"fusion.group_size={group_size} does not divide the {channels} channels of the feature map; choose "
                f"one of {fitting}"
            )
        self.scale = NormalisedLinear(metadata_width, channels // group_size)  # f
        self.shift = NormalisedLinear(metadata_width, channels // group_size)  # g
        self.out_features = channels

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the gated features in their order, (batch, C)."""
        rows = feature_map.mean((2, 3)).unflatten(1, (-1, self.chosen["group_size"]))  # (batch, C / size, size)
        scale, shift = self.scale(metadata)[:, :, None], self.shift(metadata)[:, :, None]
        return torch.sigmoid(torch.tanh(rows * scale) + shift).flatten(1)
