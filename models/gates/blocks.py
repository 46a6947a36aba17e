"""Residual blocks of timm's convolutional networks, and how a channel gate is put behind or before their addition."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from timm.models import _efficientnet_blocks as mobile
from timm.models.convnext import ConvNeXtBlock
from timm.models.inception_resnet_v2 import Block8, Block17, Block35
from timm.models.res2net import Bottle2neck
from timm.models.resnet import BasicBlock, Bottleneck
from timm.models.senet import SEBottleneck, SEResNetBlock, SEResNetBottleneck, SEResNeXtBottleneck
from torch import Tensor, nn

from models.errors import InputError

Position = Literal["after", "before"]

# Per kind of block: the layer whose rows are the block's channels, and what its residual passes last before it is added
# to the shortcut (an attention place, which may be empty, or a layer).
RESIDUAL_BLOCKS: dict[type[nn.Module], tuple[str, str]] = {
    BasicBlock: ("bn2", "se"),
    Bottleneck: ("bn3", "se"),
    Bottle2neck: ("bn3", "se"),
    SEBottleneck: ("bn3", "se_module"),
    SEResNetBottleneck: ("bn3", "se_module"),
    SEResNeXtBottleneck: ("bn3", "se_module"),
    SEResNetBlock: ("bn2", "se_module"),
    Block35: ("conv2d", "conv2d"),
    Block17: ("conv2d", "conv2d"),
    Block8: ("conv2d", "conv2d"),
    ConvNeXtBlock: ("mlp.fc2", "drop_path"),
    mobile.ConvBnAct: ("bn1", "drop_path"),
    mobile.DepthwiseSeparableConv: ("bn2", "drop_path"),
    mobile.InvertedResidual: ("bn3", "drop_path"),
    mobile.EdgeResidual: ("bn2", "drop_path"),
}
FAMILIES = "ResNet, ResNeXt, SE-ResNet, Res2Net, SENet, InceptionResNetV2, ConvNeXt, EfficientNet, MobileNetV2 and V3"


def attach(network: nn.Module, position: Position, create: Callable[[int], nn.Module]) -> int:
    """Put a gate of its own at every residual block of a timm network, in place; return how many there are.

    `create` makes the gate of a block of C channels, a module (batch, C, h, w) -> (batch, C, h, w). `after` gates what
    the block gives, behind addition and activation; `before` gates the residual alone, where squeeze-and-excitation
    networks do it (behind their own gate). `after` keeps the names of the network's own weights, `before` most of them.

    Raises:
        InputError: the network has no residual blocks that are known here.
    """
    blocks = list(residual_blocks(network))
    if not blocks:
        raise InputError(
            f"backbone.gate: backbone '{_name(network)}' has no residual block to gate; set backbone.gate=none, or "
            f"choose one of {FAMILIES}"
        )
    for block in blocks:
        width, place = RESIDUAL_BLOCKS[type(block)]
        gate = create(_channels(block, width))
        if position == "after":
            block.gate = gate
            block.register_forward_hook(_through_gate)
        else:
            present = getattr(block, place)
            setattr(block, place, gate if present is None else nn.Sequential(present, gate))
    return len(blocks)


def residual_blocks(network: nn.Module) -> Iterator[nn.Module]:
    """Yield the residual blocks of a timm network, first to last."""
    for module in network.modules():
        if type(module) in RESIDUAL_BLOCKS and getattr(module, "has_skip", True):
            yield module


def _name(network: nn.Module) -> str:
    configuration: dict[str, Any] = getattr(network, "pretrained_cfg", {})
    return configuration.get("architecture", type(network).__name__)


def _channels(block: nn.Module, layer: str) -> int:
    weight = block.get_submodule(layer).weight
    assert isinstance(weight, Tensor)
    return len(weight)


def _through_gate(block: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    """Gate a block's output; a function of the block alone, so that copies of the network use their own gates."""
    del inputs
    gated: Tensor = block.gate(output)  # type: ignore[operator]
    return gated
