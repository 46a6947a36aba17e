"""Every registered fusion on every family of backbones: forward and backward through both, on small images."""

from functools import cache

import pytest
import torch

from models.backbones import create_backbone
from models.fused import FusedModel
from models.fusions import FUSIONS, create_fusion
from models.heads import Heads

METADATA = 5
CLASSES = (3, 2)
QUICK = ["test_resnet", "test_vit", "test_efficientnet", "test_convnext", "swin_tiny_patch4_window7_224"]
# One of each family that the papers name, and the size of its images.
FAMILIES = {
    "ResNet50": 64,
    "ResNeXt50": 64,
    "DenseNet121": 64,
    "VGG16": 64,
    "AlexNet": 96,
    "SENet154": 64,
    "PNASNet-5-Large": 64,
    "NASNet-Mobile": 64,
    "NASNet-A-Large": 64,
    "InceptionResNetV2": 96,
    "MobileNetV1": 64,
    "MobileNetV2": 64,
    "MobileNetV3-Small": 64,
    "MobileNetV3-Large": 64,
    "Swin-T": 64,
    "ConvNeXt-T": 64,
    "ViT-S": 64,
    "EfficientNet-B0": 64,
}


@cache
def backbone_of(name, size):
    torch.manual_seed(3)
    return create_backbone(name, image_size=(size, size)).train()


def check(fusion_name, backbone, size):
    backbone.zero_grad()
    fusion = create_fusion(fusion_name, backbone.channels, METADATA, map_size=backbone.map_size)
    model = FusedModel(fusion, Heads(fusion.out_features, CLASSES), backbone).train()
    logits = model(torch.randn(2, 1, 3, size, size), torch.rand(2, METADATA))
    assert [tuple(each.shape) for each in logits] == [(2, n_classes) for n_classes in CLASSES]
    assert all(each.isfinite().all() for each in logits)
    sum(each.square().sum() for each in logits).backward()
    assert all(parameter.grad is not None for parameter in [*model.fusion.parameters(), *model.heads.parameters()])
    assert all((parameter.grad is not None) == fusion.uses_image for parameter in backbone.parameters())


@pytest.mark.parametrize("fusion", FUSIONS.names())
@pytest.mark.parametrize("name", QUICK)
def test_fusions_learn_on_small_backbones(name, fusion):
    check(fusion, backbone_of(name, 64), 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_fusions_learn_on_every_family(name):
    backbone = backbone_of(name, FAMILIES[name])
    for fusion in FUSIONS.names():
        check(fusion, backbone, FAMILIES[name])
    backbone_of.cache_clear()  # hundreds of megabytes each
