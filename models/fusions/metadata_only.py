"""Metadata only: a scikit-learn estimator on the encoded metadata, the baseline that needs no image.

The estimator is fitted where predictions are made; the module only hands the metadata on, so that a head on it would be
the same linear model by gradient descent.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from models.fusions.base import FUSIONS, Fusion


@FUSIONS.register("metadata-only", version=1)
class MetadataOnly(Fusion):
    """Ignores the feature map and returns the metadata: (batch, M) -> (batch, M)."""

    name = "metadata-only"
    uses_image = False
    uses_metadata = True
    estimates = True
    spatial = False
    depths = ()
    default_depth = None
    options: ClassVar[Mapping[str, Any]] = {"estimator": "logistic-regression"}

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        self.out_features = metadata_width

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the metadata, (batch, M)."""
        del feature_map
        return metadata
