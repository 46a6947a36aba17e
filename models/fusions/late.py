"""Late fusion: the probabilities of an image-only network averaged with those of an estimator on the metadata.

p = (1 - estimator_weight) * p_network + estimator_weight * p_estimator. The network is fusion `none`; the scikit-learn
estimator is fitted beside it on the same training rows, and the average is taken where predictions are made. No one
paper's method: the control for all fusions that are trained end to end.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from models.fusions.base import FUSIONS, Fusion


@FUSIONS.register("late", version=1)
class Late(Fusion):
    """Pools the feature map; the metadata are seen by the estimator only: (batch, C, h, w) -> (batch, C)."""

    name = "late"
    uses_metadata = True
    estimates = True
    spatial = False
    depths = ()
    default_depth = None
    options: ClassVar[Mapping[str, Any]] = {"estimator": "gradient-boosting", "estimator_weight": 0.5}

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        self.out_features = channels

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the mean over the map's positions, (batch, C)."""
        del metadata
        return feature_map.mean((2, 3))
