"""Cross-attention after stages of a timm network, as hooks on its own modules, so that no weight changes its name.

Stages are numbered 1 to 4 from the input: the last four resolutions of a CNN or a Swin, every fourth part of a network
of one resolution (ViT). Their outputs may be maps, channels first or last, or tokens; class tokens neither read nor are
read.
"""

from typing import Any

import torch
from torch import Tensor, nn

from models.backbones import Backbone
from models.errors import InputError
from models.maps import tokens_to_map
from models.modalities.attention import CrossAttention

STAGES = 4


class StageAttention(nn.Module):
    """Cross-attention on the output of one stage, whatever its layout.

    `layout`: "channels-first", "channels-last" or "tokens"; `image_size` (H, W) and the `n_prefix` tokens in front
    (None: 0, 1 or 2, what fits) say how tokens lie.
    """

    def __init__(
        self, attention: CrossAttention, layout: str, image_size: tuple[int, int], n_prefix: int | None = None
    ) -> None:
        super().__init__()
        self.attention = attention
        self.layout, self.image_size, self.n_prefix = layout, image_size, n_prefix

    def forward(self, output: Tensor) -> Tensor:
        """Return the stage's output, of the same shape, plus what each image reads from the others."""
        if self.layout == "channels-first":
            return output + self.attention(output).to(output.dtype)
        if self.layout == "channels-last":
            return output + self.attention(output.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).to(output.dtype)
        maps = tokens_to_map(output, self.image_size, self.n_prefix)
        read = self.attention(maps).flatten(2).transpose(1, 2).to(output.dtype)  # (I * batch, patches, C)
        n_prefix = output.shape[1] - read.shape[1]
        return torch.cat([output[:, :n_prefix], output[:, n_prefix:] + read], dim=1)

    def hook(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        """Take the place of a stage's output; a bound method, which copies of the network find their own of."""
        del module, inputs
        added: Tensor = self(output)
        return added


def stage_names(network: nn.Module) -> tuple[str, ...]:
    """Return the names of the modules that end stages 1 to 4; fewer, or none, when the network tells no more."""
    told: Any = getattr(network, "feature_info", None)
    if told is None:
        return ()
    entries = list(told if isinstance(told, list) else told.info)
    reductions = {entry["reduction"] for entry in entries}
    if len(reductions) < len(entries):  # one resolution
        chosen = sorted({-(-len(entries) * stage // STAGES) - 1 for stage in range(1, STAGES + 1)})
        entries = [entries[number] for number in chosen]
    return tuple(entry["module"] for entry in entries[-STAGES:])


def attach_attention(
    backbone: Backbone, n_images: int, image_size: tuple[int, int], *, stages: tuple[int, ...], individual: bool
) -> nn.ModuleList:
    """Hook cross-attention to the given stages (1 to 4) and return its modules, which the caller registers.

    `individual` gives every reading image a module of its own. Images are (H, W) `image_size`. Attach after
    `individual_encoder` and `split_normalisation`, which replace modules. InputError when the network does not tell its
    stages or one of them ends in no map.
    """
    names = stage_names(backbone.network)
    if len(names) < STAGES:
        raise InputError(
            f"modalities.attention: backbone '{backbone.name}' tells {len(names)} of {STAGES} stages; use attention "
            "none, or another backbone"
        )
    wanted = [names[stage - 1] for stage in stages]
    outputs = _outputs(backbone, wanted, n_images, image_size)
    modules = nn.ModuleList()
    for stage, name, output in zip(stages, wanted, outputs, strict=True):
        layout = _layout(backbone.network, output)
        if layout is None:
            raise InputError(
                f"modalities.attention_stages: stage {stage} of backbone '{backbone.name}' gives no feature map; "
                "choose another"
            )
        channels = output.shape[1 if layout == "channels-first" else -1]
        attention = CrossAttention(channels, n_images, individual=individual)
        prefix = getattr(backbone.network, "num_prefix_tokens", None)
        added = StageAttention(attention, layout, image_size, prefix)
        backbone.network.get_submodule(name).register_forward_hook(added.hook)
        modules.append(added)
    return modules


def _outputs(backbone: Backbone, names: list[str], n_images: int, image_size: tuple[int, int]) -> list[Any]:
    """Return what the named modules give for a blank image of each kind; None for one that is never asked."""
    found: dict[str, Any] = {}
    handles = [
        backbone.network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: found.__setitem__(name, output)
        )
        for name in names
    ]
    was_training = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            backbone(torch.zeros(n_images, 3, *image_size))
    finally:
        backbone.train(was_training)
        for handle in handles:
            handle.remove()
    return [found.get(name) for name in names]


def _layout(network: nn.Module, output: Any) -> str | None:
    if not isinstance(output, Tensor) or output.ndim not in (3, 4):
        return None
    if output.ndim == 3:
        return "tokens"
    return "channels-last" if getattr(network, "output_fmt", "NCHW") == "NHWC" else "channels-first"
