"""Image only: global average pooling of the feature map; the baseline of every table."""

from typing import Any

from torch import Tensor

from models.fusions.base import FUSIONS, Fusion


@FUSIONS.register("none", version=1)
class ImageOnly(Fusion):
    """Pools the feature map and ignores the metadata: (batch, C, h, w) -> (batch, C)."""

    name = "none"
    uses_metadata = False
    spatial = False
    depths = ()
    default_depth = None

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        self.out_features = channels

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the mean over the map's positions, (batch, C)."""
        del metadata
        return feature_map.mean((2, 3))
