"""FiLM: metadata scale and shift the channels of the last feature map (Perez et al., AAAI 2018, equations 1 and 2).

F'_c(x, y) = gamma_c * F_c(x, y) + beta_c with (gamma, beta) = branch(m), then average pooling. As in the paper's
experiments the branch gives gamma - 1, so that a silent branch leaves the map as it is. The paper's branch is any
network; two layers with MetaNet's hidden width are taken (inferred), so that the two differ in the gate only.
"""

from typing import Any

from torch import Tensor, nn

from models.fusions.base import FUSIONS, Fusion
from models.fusions.branch import branch_widths, metadata_branch


@FUSIONS.register("film", version=1)
class FiLM(Fusion):
    """Scales and shifts each channel by numbers computed from the metadata: (batch, C, h, w) -> (batch, C)."""

    name = "film"
    uses_metadata = True
    spatial = False
    depths = (1, 2, 3, 4)
    default_depth = 2

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        hidden = branch_widths(self.depth or 0, channels, self.widths)[:-1]
        self.branch = metadata_branch(metadata_width, [*hidden, 2 * channels], nn.Identity())
        self.out_features = channels

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the pooled modulated map, (batch, C)."""
        scale, shift = self.branch(metadata)[:, :, None, None].chunk(2, dim=1)
        return ((1 + scale) * feature_map + shift).mean((2, 3))
