"""Every backbone of the papers by its name there and by timm's, against counts and shapes read from timm 1.0.31."""

import pytest
import timm
import torch

from models.backbones import create_backbone, hub_source
from models.errors import InputError
from models.names import PAPER_NAMES, timm_name
from trainables.configuration import Configuration

# Paper's name, timm's name, native size, last map (channels, side), parameters with 1000 and with 7 classes.
BACKBONES = [
    ("AlexNet", "alexnet", 224, 256, 6, 61_100_840, 57_032_519),
    ("VGG16", "vgg16", 224, 512, 7, 138_357_544, 134_289_223),
    ("VGG19", "vgg19", 224, 512, 7, 143_667_240, 139_598_919),
    ("ResNet18", "resnet18", 224, 512, 7, 11_689_512, 11_180_103),
    ("ResNet34", "resnet34", 224, 512, 7, 21_797_672, 21_288_263),
    ("ResNet50", "resnet50", 224, 2048, 7, 25_557_032, 23_522_375),
    ("ResNet152", "resnet152", 224, 2048, 7, 60_192_808, 58_158_151),
    ("DenseNet121", "densenet121", 224, 1024, 7, 7_978_856, 6_961_031),
    ("DenseNet161", "densenet161", 224, 2208, 7, 28_681_000, 26_487_463),
    ("DenseNet201", "densenet201", 224, 1920, 7, 20_013_928, 18_106_375),
    ("SENet154", "legacy_senet154", 224, 2048, 7, 115_088_984, 113_054_327),
    ("PNASNet-5-Large", "pnasnet5large", 331, 4320, 11, 86_057_668, 81_766_915),
    ("ResNeXt50", "resnext50_32x4d", 224, 2048, 7, 25_028_904, 22_994_247),
    ("InceptionResNetV2", "inception_resnet_v2", 299, 1536, 8, 55_843_464, 54_317_223),
    ("MobileNetV1", "mobilenetv1_100", 224, 1024, 7, 4_231_976, 3_214_151),
    ("MobileNetV2", "mobilenetv2_100", 224, 1280, 7, 3_504_872, 2_232_839),
    ("MobileNetV3-Small", "mobilenetv3_small_100", 224, 576, 7, 2_542_856, 1_525_031),
    ("MobileNetV3-Large", "mobilenetv3_large_100", 224, 960, 7, 5_483_032, 4_210_999),
    ("NASNet-Mobile", "nasnetamobile", 224, 1056, 7, 5_289_978, 4_240_377),
    ("NASNet-A-Large", "nasnetalarge", 331, 4032, 11, 88_753_150, 84_748_381),
    ("Swin-T", "swin_tiny_patch4_window7_224", 224, 768, 7, 28_288_354, 27_524_737),
    ("SwinV2-T", "swinv2_tiny_window8_256", 256, 768, 8, 28_347_154, 27_583_537),
    ("ConvNeXt-T", "convnext_tiny", 224, 768, 7, 28_589_128, None),
    ("ConvNeXt-S", "convnext_small", 224, 768, 7, 50_223_688, None),
    ("ConvNeXt-B", "convnext_base", 224, 1024, 7, 88_591_464, None),
    ("EfficientNet-B0", "efficientnet_b0", 224, 1280, 7, 5_288_548, None),
    ("EfficientNet-B4", "efficientnet_b4", 320, 1792, 10, 19_341_616, None),
    ("ViT-S", "vit_small_patch16_224", 224, 384, 14, 22_050_664, None),
    ("ViT-B/16", "vit_base_patch16_224", 224, 768, 14, 86_567_656, None),
    ("CAFormer-S18", "caformer_s18", 224, 512, 7, 26_341_656, 24_306_999),
    ("NesT-T", "nest_tiny", 224, 384, 14, 17_057_608, 16_675_303),
]
QUICK = {"AlexNet", "ResNet18", "MobileNetV1", "MobileNetV3-Small", "NASNet-Mobile", "Swin-T", "ViT-S"}


def ids(backbone):
    return backbone[0]


def parameters(name, n_classes):
    with torch.device("meta"):
        network = timm.create_model(name, num_classes=n_classes)
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("backbone", BACKBONES, ids=ids)
def test_a_papers_name_is_timms(backbone):
    paper, timms = backbone[:2]
    assert timm_name(paper) == timms
    assert timm_name(paper.upper().replace("-", " ")) == timms
    assert timm_name(timms) == timms


@pytest.mark.parametrize("backbone", BACKBONES, ids=ids)
def test_parameters_are_the_published_ones(backbone):
    name, with_1000, with_7 = backbone[1], *backbone[5:]
    assert parameters(name, 1000) == with_1000
    assert with_7 is None or parameters(name, 7) == with_7


@pytest.mark.parametrize("backbone", [row for row in BACKBONES if row[0] in QUICK], ids=ids)
def test_quick_maps_have_the_documented_shape(backbone):
    check_map(*backbone[:5])


@pytest.mark.slow
@pytest.mark.parametrize("backbone", [row for row in BACKBONES if row[0] not in QUICK], ids=ids)
def test_maps_have_the_documented_shape(backbone):
    check_map(*backbone[:5])


def check_map(paper, name, size, channels, side):
    backbone = create_backbone(paper, image_size=(size, size))
    assert backbone.name == name
    assert backbone.input_size == (size, size)
    assert (backbone.channels, *backbone.map_size) == (channels, side, side)


@pytest.mark.parametrize("name", sorted(PAPER_NAMES))
def test_every_paper_name_is_of_a_model_that_exists(name):
    assert timm.is_model(timm_name(name))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("senet154", "senet154"),  # Gluon's, by timm's name
        ("SENet-154", "legacy_senet154"),
        ("resnet50.a1_in1k", "resnet50.a1_in1k"),
        ("ResNet-50.a1_in1k", "resnet50.a1_in1k"),
        ("NASNet-A-Mobile", "nasnetamobile"),
        ("nasnet mobile", "nasnetamobile"),
        ("MobileNet V3 large", "mobilenetv3_large_100"),
        ("Inception-ResNet-v2", "inception_resnet_v2"),
        ("ResNeXt-50 32x4d", "resnext50_32x4d"),
        ("mobilenetv1_025", "mobilenetv1_025"),
        ("ResNet51", "ResNet51"),
        ("", ""),
    ],
)
def test_spellings(given, expected):
    assert timm_name(given) == expected


def test_a_configuration_is_the_same_by_either_name():
    by_paper, by_timm = (
        Configuration.of({"backbone": {"name": name, "weights": "hub", "frozen_stages": 0}})
        for name in ("PNASNet-5-Large", "pnasnet5large")
    )
    assert by_paper == by_timm
    assert by_paper.identifier == by_timm.identifier
    assert by_paper.canonical()["backbone"]["name"] == "pnasnet5large"


def test_published_weights_are_found_by_a_papers_name():
    assert hub_source("DenseNet-161") == hub_source("densenet161")


def test_a_misspelled_paper_name_is_answered_with_a_close_one():
    with pytest.raises(InputError, match=r"backbone 'MobileNetV3-Lrge' is not known to timm .*'MobileNetV3-Large'"):
        create_backbone("MobileNetV3-Lrge", image_size=(64, 64))
