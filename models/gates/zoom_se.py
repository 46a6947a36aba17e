"""Zoom-SE (Xing et al., ZooME, EMBC 2021): squeeze-and-excitation whose squeeze first zooms out to a few maxima.

    z = adaptive max pooling of u to p x p    s = mean of z over its cells    x = u * sigmoid(W2 relu(W1 s))

Read as prose and SE networks have it where the paper's equations slip: its eq. 2 names ReLU for both layers, and eq. 3
multiplies by s instead of the gate. p = 4 is the paper's; the reduction of 16 and the biases are inferred, as in SE.
"""

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.gates.base import GATES, ChannelGate
from models.gates.blocks import Position, attach

Pool = int | Literal["average"]


class ZoomSE(ChannelGate):
    """Channel gate on `channels` C with a bottleneck of C / `reduction` (at least 1).

    `pool`: cells a side that the squeeze max-pools to before it averages (1: global maximum); `average`: global average
    pooling, which is the ordinary squeeze-and-excitation. A map of fewer cells than `pool` has some repeated.
    """

    def __init__(self, channels: int, *, reduction: int = 16, pool: Pool = 4) -> None:
        super().__init__()
        self.pool = pool
        hidden = max(1, channels // reduction)
        self.reduce = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps (batch, C, h, w) with every channel scaled by its gate in (0, 1)."""
        return maps * self.gate(maps)[:, :, None, None]

    def gate(self, maps: Tensor) -> Tensor:
        """Return the gate (batch, C) of maps (batch, C, h, w)."""
        squeezed = maps if self.pool == "average" else functional.adaptive_max_pool2d(maps, self.pool)
        excited = self.expand(functional.relu(self.reduce(squeezed.mean(dim=(2, 3)))))
        return torch.sigmoid(excited)


@GATES.register("zoom-se", version=1)
def attach_zoom_se(network: nn.Module, *, reduction: int = 16, pool: Pool = 4, position: Position = "after") -> int:
    """Put a Zoom-SE at every residual block of a timm network, in place; return how many there are.

    `position`: `after` the addition and its activation ("every end of residual block", as the paper says) or `before`
    it, as squeeze-and-excitation networks do. `reduction` and `pool` as in `ZoomSE`. Gates are initialised from torch's
    global generator, as linear layers are.

    Raises:
        InputError: the network has no residual blocks that are known here; it names families that have.
    """
    return attach(network, position, partial(ZoomSE, reduction=reduction, pool=pool))
