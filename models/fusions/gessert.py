"""The metadata network of the ISIC 2019 winners (Gessert et al., MethodsX 2020, arXiv 1910.03910, and their code).

Metadata through two layers of 256 (linear, batch normalisation, ReLU, dropout 0.4), appended to the pooled image
vector, then one layer of 1024 (linear, batch normalisation, ReLU). Their random dropping of whole fields is the
metadata encoding `zero-fill`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from models.fusions.base import FUSIONS, Fusion
from models.fusions.layers import normalised_layers

JOINT_WIDTH = 1024


@FUSIONS.register("gessert", version=1)
class Gessert(Fusion):
    """Joins the pooled vector and encoded metadata in one more layer: (batch, C, h, w) -> (batch, 1024)."""

    name = "gessert"
    uses_metadata = True
    spatial = False
    depths = ()
    default_depth = None
    options: ClassVar[Mapping[str, Any]] = {"branch_width": 256, "dropout": 0.4}

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        width, dropout = self.chosen["branch_width"], self.chosen["dropout"]
        self.branch = normalised_layers(metadata_width, [width, width], [dropout, dropout])
        self.joint = normalised_layers(channels + width, [JOINT_WIDTH], [0.0])
        self.out_features = JOINT_WIDTH

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the joint vector, (batch, 1024), never negative."""
        joined: Tensor = self.joint(torch.cat([feature_map.mean((2, 3)), self.branch(metadata)], dim=1))
        return joined
