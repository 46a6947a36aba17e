"""Individual encoders and split normalisation: a batch is cut in order, nothing else is shared, counts by hand."""

import copy

import pytest
import torch
from torch import nn

from models.backbones import create_backbone
from models.errors import InputError
from models.modalities import PerImage, individual_encoder, split_normalisation

SIZE = (64, 64)
BACKBONES = [
    "test_resnet", "test_efficientnet", "test_convnext", "test_vit", "densenet121", "swin_tiny_patch4_window7_224",
]  # fmt: skip


def small(name, size=SIZE):
    torch.manual_seed(0)
    return create_backbone(name, image_size=size).eval()


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def held_directly(backbone):
    return sum(parameter.numel() for parameter in backbone.network.parameters(recurse=False))


def images(n=4, size=SIZE):
    return torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", BACKBONES)
class TestEveryIndividualEncoder:
    def test_is_the_shared_one_until_it_is_trained(self, name):
        backbone = small(name)
        shared = backbone(images())
        individual_encoder(backbone, 2, SIZE)
        torch.testing.assert_close(backbone(images()), shared, atol=1e-4, rtol=1e-4)

    def test_has_every_part_twice_but_what_the_network_itself_holds(self, name):
        backbone = small(name)
        one, direct = count(backbone), held_directly(backbone)
        individual_encoder(backbone, 2, SIZE)
        assert count(backbone) == 2 * one - direct
        assert (direct > 0) == (name == "test_vit")  # class token and position embedding

    def test_each_image_trains_its_own_copies_alone(self, name):
        backbone = small(name)
        individual_encoder(backbone, 2, SIZE)
        backbone(images())[:2].square().sum().backward()  # the first image of both samples
        copies = [module.copies for module in backbone.network.modules() if isinstance(module, PerImage)]
        assert copies
        for own, others in copies:
            assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in own.parameters())
            assert not any(parameter.grad.any() for parameter in others.parameters() if parameter.grad is not None)


def test_copies_cut_a_batch_of_windows_image_by_image():
    pair = PerImage([nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)])
    for copied, weight in zip(pair.copies, (10.0, 100.0), strict=True):
        nn.init.constant_(copied.weight, weight)
    out = pair(torch.arange(12.0).reshape(12, 1))  # two samples of two images of three windows
    assert out.flatten().tolist() == [0, 10, 20, 30, 40, 50, 600, 700, 800, 900, 1000, 1100]
    assert pair(torch.empty(0, 1)).shape == (0, 1)


def test_plain_attributes_are_those_of_the_module_and_tensors_are_nobodys():
    pair = PerImage([nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(3, 4, 3, stride=2)])
    assert pair.stride == (2, 2)
    with pytest.raises(AttributeError, match="no attribute 'weight'"):
        pair.weight  # noqa: B018  of which image?
    assert copy.deepcopy(pair).stride == (2, 2)


def test_a_module_in_two_places_stays_one_in_two_places():
    backbone = small("test_resnet")
    backbone.network.layer1[0].bn1 = backbone.network.bn1
    individual_encoder(backbone, 2, SIZE)
    assert backbone.network.layer1[0].bn1 is backbone.network.bn1


def test_frozen_stages_stay_frozen_in_all_copies():
    backbone = small("test_resnet")
    backbone.freeze(2)
    individual_encoder(backbone, 2, SIZE)
    backbone.train()
    before = copy.deepcopy(backbone.state_dict())
    backbone(images()).square().sum().backward()
    frozen = ("network.conv1", "network.bn1", "network.layer1")
    for name, parameter in backbone.named_parameters():
        assert (parameter.grad is None) == name.startswith(frozen), name
    for name, value in backbone.state_dict().items():
        if name.endswith("running_mean"):
            assert torch.equal(value, before[name]) == name.startswith(frozen), name


def test_frozen_normalisation_inside_a_copied_block_stays_frozen():
    backbone = small("test_resnet")
    backbone.network.layer1[0].register_parameter("scale", nn.Parameter(torch.ones(1), requires_grad=False))
    backbone.freeze(2)
    individual_encoder(backbone, 2, SIZE)
    block = backbone.train().network.layer1[0]
    assert isinstance(block, PerImage)
    assert [part.bn1.training for part in block.copies] == [False, False]
    assert backbone.network.layer2[0].bn1.training


def test_split_normalisation_keeps_statistics_apart_and_its_parameters_together():
    backbone = small("test_resnet")
    parameters = count(backbone)
    split_normalisation(backbone, 2, SIZE)
    assert count(backbone) == parameters
    dark, bright = images(3), images(3) * 5 + 3
    backbone.train()
    backbone(torch.cat([dark, bright]))
    norm = backbone.network.bn1
    assert isinstance(norm, PerImage)
    alone = small("test_resnet").train()
    alone(bright)
    torch.testing.assert_close(norm.copies[1].running_mean, alone.network.bn1.running_mean)
    assert not torch.allclose(norm.copies[0].running_mean, norm.copies[1].running_mean)
    assert norm.copies[0].weight is norm.copies[1].weight
    again = copy.deepcopy(backbone)
    assert again.network.bn1.copies[0].bias is again.network.bn1.copies[1].bias
    assert again.network.bn1.copies[0].bias is not norm.copies[0].bias


def test_split_normalisation_trains_each_image_as_if_it_were_alone():
    together, alone = small("test_resnet").train(), small("test_resnet").train()
    split_normalisation(together, 2, SIZE)
    dark, bright = images(3), images(3) * 5 + 3
    torch.testing.assert_close(together(torch.cat([dark, bright]))[3:], alone(bright), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["test_vit", "test_convnext"])
def test_without_batch_normalisation_there_is_nothing_to_split(name):
    with pytest.raises(InputError, match=rf"normalisation=split: backbone '{name}' has no batch normalisation; use sh"):
        split_normalisation(small(name), 2, SIZE)


def test_a_network_that_cannot_be_copied_part_by_part_says_so():
    backbone = small("eva02_tiny_patch14_224", (56, 56))  # asks its position embedding for more than its output
    with pytest.raises(InputError, match=r"encoder=individual: backbone 'eva02_\w+' cannot be copied part by part \("):
        individual_encoder(backbone, 2, (56, 56))
