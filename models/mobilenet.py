"""MobileNetV1 at a quarter of its width, as timm's `mobilenetv1_025`: a backbone that a laptop can run.

Howard et al. 2017 (arXiv 1704.04861) with LeakyReLU(0.1), the variant that face detectors (RetinaFace) pretrain on
ImageNet and publish as `stage1.0.0.weight ...`. Importing this module registers it with timm.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import generate_default_cfgs, register_model
from timm.models.efficientnet import _gen_mobilenet_v1
from torch import Tensor, nn

# Blocks of the three published stages; the very first is the stem, the others are depthwise-separable.
STAGE_OFFSETS = {1: 0, 2: 6, 3: 12}
BLOCKS_PER_TIMM_STAGE = (1, 2, 2, 6, 2)
SEPARABLE_LAYERS = {"0": "conv_dw", "1": "bn1", "3": "conv_pw", "4": "bn2"}
STEM_LAYERS = {"0": "conv_stem", "1": "bn1"}

default_cfgs = generate_default_cfgs(
    {
        "mobilenetv1_025.untrained": {
            "num_classes": 1000,
            "input_size": (3, 224, 224),
            "pool_size": (7, 7),
            "mean": IMAGENET_DEFAULT_MEAN,
            "std": IMAGENET_DEFAULT_STD,
            "first_conv": "conv_stem",
            "classifier": "classifier",
        }
    }
)


def published_to_timm(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Return the checkpoint under timm's names; one already in them is returned as it is. The classifier is dropped."""
    del model
    if not any(re.match(r"stage\d\.", name) for name in state):
        return dict(state)
    return {_timm_name(name): tensor for name, tensor in state.items() if not name.startswith("fc.")}


def _timm_name(name: str) -> str:
    """Translate "stage2.0.3.weight" to "blocks.3.1.conv_pw.weight"; other names stay."""
    match = re.fullmatch(r"stage(\d)\.(\d+)\.(\d)\.(\w+)", name)
    if match is None:
        return name
    stage, index, layer, tensor = match.groups()
    block = STAGE_OFFSETS.get(int(stage), 0) + int(index)
    if block == 0:
        return f"{STEM_LAYERS.get(layer, layer)}.{tensor}"
    block -= 1
    for timm_stage, n_blocks in enumerate(BLOCKS_PER_TIMM_STAGE):
        if block < n_blocks:
            return f"blocks.{timm_stage}.{block}.{SEPARABLE_LAYERS.get(layer, layer)}.{tensor}"
        block -= n_blocks
    return name


@register_model
def mobilenetv1_025(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """Return MobileNetV1 x0.25 with LeakyReLU(0.1); its last map has 256 channels at 1/32 of the image size."""
    kwargs.setdefault("act_layer", partial(nn.LeakyReLU, negative_slope=0.1))
    return _gen_mobilenet_v1(
        "mobilenetv1_025", 0.25, pretrained=pretrained, pretrained_filter_fn=published_to_timm, **kwargs
    )
