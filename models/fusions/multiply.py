"""MetaNet: metadata gates the channels of the last feature map (Li, Zhuang et al., ISBI 2020).

F'_c(x, y) = F_c(x, y) * sigmoid(branch(m))_c, then global average pooling. The paper's default branch has two layers;
the released code has one. The gate has no spatial extent, so gating before or after pooling gives the same prediction.
"""

from typing import Any

from torch import Tensor, nn

from models.fusions.base import FUSIONS, Fusion
from models.fusions.branch import branch_widths, metadata_branch


@FUSIONS.register("multiply", version=1)
class Multiply(Fusion):
    """Gates each channel with a number in (0, 1) computed from the metadata: (batch, C, h, w) -> (batch, C)."""

    name = "multiply"
    uses_metadata = True
    spatial = False
    depths = (1, 2, 3, 4)
    default_depth = 2

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        layers = branch_widths(self.depth or 0, channels, self.widths)
        self.branch = metadata_branch(metadata_width, layers, nn.Sigmoid())
        self.out_features = channels

    def gate(self, metadata: Tensor) -> Tensor:
        """Return the channel gates in (0, 1), (batch, C)."""
        return self.branch(metadata)

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the pooled gated map, (batch, C)."""
        gated = feature_map * self.gate(metadata)[:, :, None, None]
        return gated.mean((2, 3))
