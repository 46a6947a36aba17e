"""ZooME's Metadata Embedding: metadata scale the channels of the last feature map (Xing et al., EMBC 2021).

o_c = t_c * x_c with t = FC2(FC1(m)), then average pooling (inferred). Hidden width and activations are not given:
hidden layers as MetaNet's (1024 at C = 2048) with ReLU, and a sigmoid at the end, which makes it MetaNet's gate with
two layers; `activation` offers the other readings. The paper's other half, Zoom-SE, is a gate inside the backbone.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from models.errors import InputError
from models.fusions.base import FUSIONS, Fusion
from models.fusions.branch import branch_widths, metadata_branch

ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "linear": nn.Identity, "relu": nn.ReLU}


@FUSIONS.register("metadata-embedding", version=1)
class MetadataEmbedding(Fusion):
    """Scales each channel by a number computed from the metadata: (batch, C, h, w) -> (batch, C)."""

    name = "metadata-embedding"
    uses_metadata = True
    spatial = False
    depths = (1, 2, 3, 4)
    default_depth = 2
    options: ClassVar[Mapping[str, Any]] = {"activation": "sigmoid"}

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        layers = branch_widths(self.depth or 0, channels, self.widths)
        self.branch = metadata_branch(metadata_width, layers, ACTIVATIONS[self.chosen["activation"]]())
        self.out_features = channels

    @classmethod
    def check_options(cls, chosen: Mapping[str, Any]) -> None:
        """Raise an InputError for an activation that is not known."""
        if chosen["activation"] not in ACTIVATIONS:
            raise InputError(
                f"fusion.activation={chosen['activation']!r} is not known; choose one of {', '.join(ACTIVATIONS)}"
            )

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the pooled scaled map, (batch, C)."""
        return (feature_map * self.branch(metadata)[:, :, None, None]).mean((2, 3))
