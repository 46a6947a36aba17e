"""The whole model: several images, several targets, and training on cached maps."""

import pytest
import torch

from models.backbones import create_backbone
from models.fused import FusedModel
from models.fusions import FUSIONS, create_fusion
from models.heads import Heads

SIZE = (64, 64)


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return create_backbone("test_resnet", image_size=SIZE).eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 2, 3, *SIZE, generator=torch.Generator().manual_seed(1))


def build(name, backbone, n_images=2, classes=(7, 2)):
    torch.manual_seed(0)
    fusion = create_fusion(name, n_images * backbone.channels, 5)
    return FusedModel(fusion, Heads(fusion.out_features, classes), backbone).eval()


@pytest.mark.parametrize("name", FUSIONS.names())
def test_logits_per_target_from_two_images(name, backbone, images):
    logits = build(name, backbone)(images, torch.rand(2, 5))
    assert [target.shape for target in logits] == [(2, 7), (2, 2)]


@pytest.mark.parametrize("name", FUSIONS.names())
def test_cached_maps_give_the_same_logits(name, backbone, images):
    model = build(name, backbone)
    metadata = torch.rand(2, 5)
    maps = torch.cat([backbone(images[:, 0]), backbone(images[:, 1])], dim=1)
    for cached, direct in zip(model.forward_features(maps, metadata), model(images, metadata), strict=True):
        torch.testing.assert_close(cached, direct)


def test_the_images_of_a_sample_stay_in_order_and_apart_from_other_samples(backbone, images):
    model = build("none", backbone)
    maps = model.feature_maps(images)
    torch.testing.assert_close(maps[1, backbone.channels :], backbone(images[1:, 1])[0])


def test_parts_that_do_not_fit_are_refused(backbone):
    fusion = create_fusion("none", backbone.channels + 1, 5)
    with pytest.raises(ValueError, match="not a multiple of 96"):
        FusedModel(fusion, Heads(fusion.out_features, [2]), backbone)
    with pytest.raises(ValueError, match="heads take 3 features, the fusion gives 97"):
        FusedModel(fusion, Heads(3, [2]))


def test_without_a_backbone_the_inputs_are_feature_maps(images):
    fusion = create_fusion("none", 8, 5)
    model = FusedModel(fusion, Heads(8, [2]))
    maps, metadata = torch.randn(2, 8, 1, 1), torch.rand(2, 5)
    torch.testing.assert_close(model(maps, metadata), model.forward_features(maps, metadata))
    with pytest.raises(RuntimeError, match="without a backbone; call forward_features"):
        model.feature_maps(images)
