"""Hyper-parametric meta fusion (Pundhir et al., code AnshulPundhir/HyperparametricMetaFusionBlock).

V' = SiLU(0.7 * LeakyReLU(V * f(m)) + 0.3 * g(m)), where f and g are a linear layer with batch normalisation, followed
by layers of 1024, 512 and 256 (linear, batch normalisation, ReLU, dropout .4, .4, .3). The weights 0.7 and 0.3 are the
hyperparameters of the name. V is the pooled vector; the authors' code takes a convolution as large as the map in place
of pooling, which at 2048 x 7 x 7 has 205 million weights, more than any backbone that it is attached to.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor
from torch.nn.functional import leaky_relu, silu

from models.errors import InputError
from models.fusions.base import FUSIONS, Fusion
from models.fusions.layers import NormalisedLinear, normalised_layers

WIDTHS = [1024, 512, 256]
DROPOUTS = [0.4, 0.4, 0.3]


@FUSIONS.register("hyperparametric", version=1)
class Hyperparametric(Fusion):
    """A weighted sum of gated image features and metadata, then three layers: (batch, C, h, w) -> (batch, 256)."""

    name = "hyperparametric"
    uses_metadata = True
    spatial = False
    depths = ()
    default_depth = None
    options: ClassVar[Mapping[str, Any]] = {"image_weight": 0.7, "metadata_weight": 0.3}

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        self.scale = NormalisedLinear(metadata_width, channels)  # f
        self.shift = NormalisedLinear(metadata_width, channels)  # g
        self.layers = normalised_layers(channels, WIDTHS, DROPOUTS)
        self.out_features = WIDTHS[-1]

    @classmethod
    def check_options(cls, chosen: Mapping[str, Any]) -> None:
        """Raise an InputError when neither part has a weight."""
        if not chosen["image_weight"] and not chosen["metadata_weight"]:
            raise InputError("fusion.image_weight=0 and fusion.metadata_weight=0 leave nothing; raise one of them")

    def gated(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return V', the gated features before the layers, (batch, C)."""
        image = leaky_relu(feature_map.mean((2, 3)) * self.scale(metadata))
        return silu(self.chosen["image_weight"] * image + self.chosen["metadata_weight"] * self.shift(metadata))

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the output of the last layer, (batch, 256), never negative."""
        fused: Tensor = self.layers(self.gated(feature_map, metadata))
        return fused
