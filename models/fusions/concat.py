"""Concatenation: the metadata, raw or through a branch, appended to the pooled image vector.

Depth 0 is taken for the baseline of MetaNet's Table 1 (raw metadata, inferred from its section 3.5), depths 1 to 4 for
the `concat` row of its Table 4. The paper does not give the branch's last activation; ReLU is assumed.
"""

from typing import Any

import torch
from torch import Tensor, nn

from models.fusions.base import FUSIONS, Fusion
from models.fusions.branch import branch_widths, metadata_branch


@FUSIONS.register("concat", version=1)
class Concat(Fusion):
    """Appends metadata to the pooled vector: (batch, C + M) at depth 0, (batch, 2 C) from depth 1 on."""

    name = "concat"
    uses_metadata = True
    spatial = False
    depths = (0, 1, 2, 3, 4)
    default_depth = 0

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        layers = branch_widths(self.depth or 0, channels, self.widths)
        self.branch = metadata_branch(metadata_width, layers, nn.ReLU()) if layers else nn.Identity()
        self.out_features = channels + (layers[-1] if layers else metadata_width)

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return pooled channels followed by the (encoded) metadata."""
        return torch.cat([feature_map.mean((2, 3)), self.branch(metadata)], dim=1)
