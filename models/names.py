"""Backbones by the names that papers give them: `timm_name("PNASNet-5-Large")` is timm's `pnasnet5large`.

Letter case, "-", "_", "/" and blanks do not matter in a paper's name. A name of timm stays what it is, so `senet154` is
Gluon's SENet and "SENet154", the paper's, the original one; a tag behind a dot (`ResNet50.a1_in1k`) stays too.
"""

import re
from functools import cache

import timm

from models import alexnet, mobilenet, nasnet  # noqa: F401  register theirs with timm

# Names that are more than another spelling of timm's. A family without a size is its usual one (inferred).
PAPER_NAMES = {
    "SENet154": "legacy_senet154",
    "SENet": "legacy_senet154",
    "PNASNet": "pnasnet5large",
    "PNASNet-Large": "pnasnet5large",
    "NASNet-Mobile": "nasnetamobile",
    "NASNet-Large": "nasnetalarge",
    "ResNeXt50": "resnext50_32x4d",
    "ResNeXt101": "resnext101_32x4d",
    "SE-ResNeXt50": "seresnext50_32x4d",
    "Inception-ResNet": "inception_resnet_v2",
    "MobileNet": "mobilenetv1_100",
    "MobileNetV1": "mobilenetv1_100",
    "MobileNetV2": "mobilenetv2_100",
    "MobileNetV3-Small": "mobilenetv3_small_100",
    "MobileNetV3-Large": "mobilenetv3_large_100",
    "MobileNetV3": "mobilenetv3_large_100",
    "Swin": "swin_tiny_patch4_window7_224",
    "Swin-T": "swin_tiny_patch4_window7_224",
    "Swin-Tiny": "swin_tiny_patch4_window7_224",
    "Swin-S": "swin_small_patch4_window7_224",
    "Swin-Small": "swin_small_patch4_window7_224",
    "Swin-B": "swin_base_patch4_window7_224",
    "Swin-Base": "swin_base_patch4_window7_224",
    "SwinV2-T": "swinv2_tiny_window8_256",
    "SwinV2-Tiny": "swinv2_tiny_window8_256",
    "ConvNeXt": "convnext_tiny",
    "ConvNeXt-T": "convnext_tiny",
    "ConvNeXt-S": "convnext_small",
    "ConvNeXt-B": "convnext_base",
    "ViT": "vit_base_patch16_224",
    "ViT-B": "vit_base_patch16_224",
    "ViT-B/16": "vit_base_patch16_224",
    "ViT-Base": "vit_base_patch16_224",
    "ViT-S": "vit_small_patch16_224",
    "ViT-S/16": "vit_small_patch16_224",
    "ViT-Small": "vit_small_patch16_224",
    "EfficientNet": "efficientnet_b0",
    "NesT-T": "nest_tiny",
}


def timm_name(name: str) -> str:
    """Return timm's name of a backbone given by a paper's name or timm's; a name that is neither is returned as it is.

    A suffix such as "ResNet50 V1.5" is not understood; letter case, "-", "_", "/" and blanks are ignored.
    """
    if timm.is_model(name):
        return name
    architecture, dot, tag = name.strip().partition(".")
    known = _known().get(_squeezed(architecture))
    return name if known is None else f"{known}{dot}{tag}"


@cache
def _known() -> dict[str, str]:
    """Squeezed names of timm's models, which are distinct, and of the papers, which come first."""
    timms = {_squeezed(name): name for name in timm.list_models()}
    return timms | {_squeezed(name): known for name, known in PAPER_NAMES.items()}


def _squeezed(name: str) -> str:
    return re.sub(r"[-_/\s]", "", name).lower()
