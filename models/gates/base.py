"""What every channel gate is, and how the gate of a configuration is attached to a network."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import nn

from models.registry import Registry


class ChannelGate(nn.Module):
    """A module (batch, C, h, w) -> (batch, C, h, w) that scales channels; new in a pretrained network."""


GATES: Registry[Callable[..., int]] = Registry("gate")
"""By name, functions `attach(network, **settings)` that put a gate at every residual block; see `attach_zoom_se`."""


def attach_gate(network: nn.Module, gate: Mapping[str, Any]) -> int:
    """Attach the gate `gate["name"]` with its other settings to a timm network, in place; return the number of gates.

    Raises:
        InputError: an unknown gate, or a network without residual blocks.
    """
    settings = dict(gate)
    return GATES.get(settings.pop("name"))(network, **settings)


def gate_parameters(network: nn.Module) -> Iterator[nn.Parameter]:
    """Yield the parameters of the channel gates that were attached to a network."""
    for module in network.modules():
        if isinstance(module, ChannelGate):
            yield from module.parameters()
