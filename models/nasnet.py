"""NASNet-A (4 @ 1056), "NASNet-Mobile", which timm lacks, as timm's `nasnetamobile`, made of timm's NASNet cells.

Zoph et al. 2018 (arXiv 1707.07012); 5.29 M parameters with 1000 classes. Weights have the names of the published
checkpoint (Cadene's pretrained-models.pytorch), and the numbers at 224 pixels are those of that implementation.
Importing this module registers it with timm.

Two things differ from timm's `nasnetalarge`, apart from the widths: the cell after a reduction sees the last cell
before it, not the last but one (TF-slim's `skip_reduction_layer_input` is set for the large network only), and average
pooling does not count its padding, as in TensorFlow.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from timm.layers import AvgPool2dSame, pad_same
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models._features import feature_take_indices
from timm.models.nasnet import NASNetALarge
from torch import Tensor, nn
from torch.nn import functional

LAYERS = (
    *("conv0", "cell_stem_0", "cell_stem_1"),
    *("cell_0", "cell_1", "cell_2", "cell_3", "reduction_cell_0"),
    *("cell_6", "cell_7", "cell_8", "cell_9", "reduction_cell_1"),
    *("cell_12", "cell_13", "cell_14", "cell_15"),
)
UNUSED = ("cell_4", "cell_5", "cell_10", "cell_11", "cell_16", "cell_17")  # the large network has six cells a block
STEM_WIDTH, WIDTH = 32, 1056
# The last layer of each resolution: its channels, and the module behind which timm's hooks find it activated.
TAPS = {
    "conv0": (STEM_WIDTH, "conv0"),
    "cell_stem_0": (WIDTH // 24, "cell_stem_1.conv_1x1.act"),
    "cell_3": (WIDTH // 4, "reduction_cell_0.conv_1x1.act"),
    "cell_9": (WIDTH // 2, "reduction_cell_1.conv_1x1.act"),
    "cell_15": (WIDTH, "act"),
}

default_cfgs = generate_default_cfgs(
    {
        "nasnetamobile.tf_in1k": {
            "url": "https://github.com/veronikayurchuk/pretrained-models.pytorch/releases/download/v1.0/"
            "nasnetmobile-7e03cead.pth.tar",
            "num_classes": 1000,
            "input_size": (3, 224, 224),
            "min_input_size": (3, 3, 3),
            "pool_size": (7, 7),
            "crop_pct": 0.875,
            "interpolation": "bicubic",
            "mean": (0.5, 0.5, 0.5),
            "std": (0.5, 0.5, 0.5),
            "first_conv": "conv0.conv",
            "classifier": "last_linear",
        }
    }
)


class AveragePool(nn.Module):
    """Average pooling of 3 x 3 with stride 2 and "same" padding that is not counted; timm's own counts it."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the pooled maps (batch, C, ceil(h / 2), ceil(w / 2)) of maps (batch, C, h, w)."""
        counted = pad_same(x.new_ones(1, 1, *x.shape[2:]), (3, 3), (2, 2))
        sums = functional.avg_pool2d(pad_same(x, (3, 3), (2, 2)), 3, 2)
        return sums / functional.avg_pool2d(counted, 3, 2)


class NASNetAMobile(NASNetALarge):
    """NASNet-A with four normal cells a block, 32 channels behind the first convolution and 1056 in the last map."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(stem_size=STEM_WIDTH, num_features=WIDTH, pad_type="same", **settings)
        for name in UNUSED:
            delattr(self, name)
        _count_no_padding(self)
        self.layer_names = list(LAYERS)
        self.feature_ends = [LAYERS.index(tap) for tap in TAPS]
        self.feature_info = [
            {"num_chs": channels, "reduction": 2 ** (number + 1), "module": module}
            for number, (channels, module) in enumerate(TAPS.values())
        ]

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the last feature map of images (batch, 3, H, W): (batch, 1056, h, w), 7 x 7 at 224 pixels."""
        return self._activated(*deque(self._layers(x, self.layer_names), maxlen=1)[0])

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | list[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> list[Tensor] | tuple[Tensor, list[Tensor]]:
        """Return the last map and the chosen ones of the five resolutions, as timm's models do; see `NASNetALarge`.

        Raises:
            ValueError: an `output_fmt` other than "NCHW".
        """
        del norm  # there is no last normalisation
        if output_fmt != "NCHW":
            raise ValueError(f"output_fmt={output_fmt!r}; the maps of this network are 'NCHW'")
        taken, last = feature_take_indices(len(self.feature_ends), indices)
        names = self.layer_names[: self.feature_ends[last] + 1] if stop_early else self.layer_names
        wanted = {LAYERS[self.feature_ends[index]] for index in taken}
        maps, found = [], x
        for name, found in self._layers(x, names):
            if name in wanted:
                maps.append(self._activated(name, found))
        return maps if intermediates_only else (self._activated(names[-1], found), maps)

    def _layers(self, images: Tensor, names: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
        """Yield every layer's name and output; each sees the two layers before it."""
        before, last = images, images
        for name in names:
            layer = getattr(self, name)
            if name in LAYERS[:2]:
                before, last = last, layer(last)
            elif name == "cell_stem_1":
                before, last = last, layer(before, last)
            else:
                before, last = last, layer(last, before)
            yield name, last

    def _activated(self, name: str, x: Tensor) -> Tensor:
        if name == LAYERS[-1]:
            return self.act(x)  # the module: timm's hooks listen there
        return x if name == "conv0" else functional.relu(x)


def _count_no_padding(network: nn.Module) -> None:
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, AvgPool2dSame):
                setattr(module, name, AveragePool())


@register_model
def nasnetamobile(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """Return NASNet-A (4 @ 1056); its last map has 1056 channels at 1/32 of the image size."""
    feature_cfg = {"feature_cls": "hook", "no_rewrite": True}
    return build_model_with_cfg(NASNetAMobile, "nasnetamobile", pretrained, feature_cfg=feature_cfg, **kwargs)
