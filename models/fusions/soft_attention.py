"""Soft-Attention with metadata (Datta et al. 2021, arXiv 2105.03358; Nguyen, Bui and Do, Sensors 2022, 22, 7530).

    alpha = sum over K maps of softmax over positions of ReLU(convolution(t)),    f_sa = gamma * t * alpha
    image = flatten(dropout(ReLU([maxpool(f_sa), maxpool(t)])))
    fused = [image, ReLU(dense(m))]

The convolution is the 2-D one, 3 x 3 from all C channels to K maps, that the papers mean. Their Keras code lays a 3-D
kernel along the wrong axes and sees three channels; it has as many parameters. gamma is learned in the paper and absent
from the code: `gamma_start=1, gamma_learned=False` is the code's; its start is not given (1 is inferred). The document
has a ReLU before the two paths too (`input_relu=True`), the code only the one after them. On maps that are not negative
and with gamma > 0 this is the same; most backbones end in a ReLU, but MobileNetV3's last map, out of a hard swish,
holds negative values. The image vector is flattened as in the code; `flatten=False` takes the mean.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from models.fusions.base import FUSIONS, Fusion


@FUSIONS.register("soft-attention", version=1)
class SoftAttention(Fusion):
    """Looks at positions by K soft maps: (batch, C, h, w) -> (batch, 2 C ceil(h/2) ceil(w/2) + branch_width).

    Without metadata it is the same module without the metadata branch. Pooling is "same": an odd edge is a window too.
    """

    name = "soft-attention"
    uses_metadata = True
    metadata_optional = True
    spatial = True
    depths = ()
    default_depth = None
    options: ClassVar[Mapping[str, Any]] = {
        "maps": 16,
        "gamma_start": 1.0,
        "gamma_learned": True,
        "flatten": True,
        "input_relu": False,
        "branch_width": 4096,
        "dropout": 0.5,
    }
    branch_options = frozenset({"branch_width"})
    gamma: Tensor

    def __init__(self, channels: int, metadata_width: int, **settings: Any) -> None:
        super().__init__(channels, metadata_width, **settings)
        self.convolution = nn.Conv2d(channels, self.chosen["maps"], 3, padding=1)
        nn.init.kaiming_uniform_(self.convolution.weight, nonlinearity="relu")  # He-uniform and zeros, as the code
        nn.init.zeros_(self.convolution.bias)  # type: ignore[arg-type]
        gamma = torch.tensor(float(self.chosen["gamma_start"]))
        if self.chosen["gamma_learned"]:
            self.gamma = nn.Parameter(gamma)
        else:
            self.register_buffer("gamma", gamma)
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.dropout = nn.Dropout(self.chosen["dropout"])
        width = self.chosen["branch_width"] if metadata_width else 0
        self.branch = nn.Sequential(nn.Linear(metadata_width, width), nn.ReLU()) if width else None
        height, breadth = ((side + 1) // 2 for side in self.map_size)
        self.out_features = 2 * channels * (height * breadth if self.chosen["flatten"] else 1) + width

    def maps(self, feature_map: Tensor) -> Tensor:
        """Return the K attention maps, (batch, K, h, w), float32; each sums to 1 over the positions."""
        scores = torch.relu(self.convolution(feature_map))
        return scores.flatten(2).softmax(2, dtype=torch.float32).reshape(scores.shape)

    def attention(self, feature_map: Tensor) -> Tensor:
        """Return the sum of the maps, (batch, 1, h, w); it sums to K over the positions."""
        return self.maps(feature_map).sum(1, keepdim=True)

    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the attended and the plain map, pooled and flattened, followed by the encoded metadata."""
        if self.chosen["input_relu"]:
            feature_map = torch.relu(feature_map)
        attended = self.gamma * feature_map * self.attention(feature_map)
        joined = torch.cat([self.pool(attended), self.pool(feature_map)], dim=1)
        joined = self.dropout(torch.relu(joined))
        image = joined.flatten(1) if self.chosen["flatten"] else joined.mean((2, 3))
        return image if self.branch is None else torch.cat([image, self.branch(metadata)], dim=1)
