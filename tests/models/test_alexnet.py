"""AlexNet with timm's interface, against torchvision's."""

import pytest
import timm
import torch
import torchvision

from models.backbones import create_backbone, hub_source
from models.errors import InputError

ONLY_THE_MAP = 2_469_696  # parameters of the five convolutions


@pytest.fixture(scope="module")
def published():
    torch.manual_seed(4)
    return torchvision.models.alexnet().eval()


def test_the_map_and_the_classifier_are_torchvisions(published):
    images = torch.randn(2, 3, 224, 224)
    backbone = create_backbone("alexnet", image_size=(224, 224), state=published.state_dict()).eval()
    assert (backbone.channels, backbone.map_size) == (256, (6, 6))
    torch.testing.assert_close(backbone(images), published.features(images))
    with torch.device("meta"):
        whole = timm.create_model("alexnet")
    assert sum(parameter.numel() for parameter in whole.parameters()) == 61_100_840
    whole.load_state_dict(published.state_dict(), assign=True)
    torch.testing.assert_close(whole.eval()(images), published(images))


def test_only_the_convolutions_stay(published):
    backbone = create_backbone("alexnet", image_size=(96, 64))
    assert sum(parameter.numel() for parameter in backbone.parameters()) == ONLY_THE_MAP
    maps = backbone(torch.randn(2, 3, 96, 64))
    assert maps.shape == (2, 256, 2, 1)
    maps.sum().backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())
    features = {name: tensor for name, tensor in published.state_dict().items() if name.startswith("features")}
    create_backbone("alexnet", image_size=(96, 64), state=features)
    del features["features.10.bias"]
    with pytest.raises(InputError, match=r"lack 1 of its 10 tensors \(features.10.bias\)"):
        create_backbone("alexnet", image_size=(96, 64), state=features)


@pytest.mark.parametrize("size", [(16, 16), (32, 32), (62, 224), (224, 62)])
def test_too_small_images_are_refused_with_the_smallest_size(size):
    told = rf"'alexnet' cannot take {size[0]} x {size[1]} pixels .*native size is 224 x 224, its smallest 63 x 63"
    with pytest.raises(InputError, match=told):
        create_backbone("alexnet", image_size=size)


def test_the_smallest_size_works():
    assert create_backbone("alexnet", image_size=(63, 63)).map_size == (1, 1)


def test_timms_own_calls_work():
    with torch.device("meta"):
        network = timm.create_model("alexnet", num_classes=0, drop_rate=0.2)
        images = torch.zeros(2, 3, 224, 224)
        assert network(images).shape == (2, 4096)
        assert network.forward_head(network.forward_features(images), pre_logits=True).shape == (2, 4096)
        network.reset_classifier(7)
        assert network(images).shape == (2, 7)
        assert network.get_classifier().out_features == 7
    assert sum(parameter.numel() for parameter in network.parameters()) == 57_032_519  # 57.03 M with 7 classes
    assert network.classifier[0].p == 0.2
    with pytest.raises(ValueError, match="not supported by alexnet"):
        network.set_grad_checkpointing()


def test_published_weights_are_torchvisions():
    assert hub_source("alexnet") == f"{torchvision.models.AlexNet_Weights.IMAGENET1K_V1.url} tv_in1k"


def test_every_convolution_is_a_stage():
    backbone = create_backbone("alexnet", image_size=(64, 64))
    assert [names[0] for names in backbone.stages] == [f"features.{layer}.weight" for layer in (0, 3, 6, 8, 10)]
