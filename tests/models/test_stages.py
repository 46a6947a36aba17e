"""Stages of every layout of network, and what freezing the first of them holds still."""

import pytest
import torch
from torch import nn

from models.backbones import create_backbone
from models.errors import InputError
from models.fused import FusedModel
from models.fusions import create_fusion
from models.heads import Heads

# Number of stages with the stem, and a parameter of the second.
STAGES = {
    "test_resnet": (5, "layer1.0.conv1.weight"),
    "test_efficientnet": (6, "blocks.0.0.conv.weight"),
    "test_convnext": (5, "stages.0.blocks.0.gamma"),
    "test_vit": (7, "blocks.0.norm1.weight"),
    "swin_tiny_patch4_window7_224": (5, "layers.0.blocks.0.norm1.weight"),
    "mobilenetv1_025": (6, "blocks.0.0.conv_dw.weight"),
    "alexnet": (5, "features.3.weight"),
    "vgg11_bn": (8, "features.4.weight"),
    "densenet121": (5, "features.denseblock1.denselayer1.norm1.weight"),
}


def small(name):
    torch.manual_seed(3)
    return create_backbone(name, image_size=(64, 64))


def statistics(backbone):
    return {name: tensor.clone() for name, tensor in backbone.network.named_buffers() if "running" in name}


@pytest.mark.parametrize("name", STAGES)
def test_stages_hold_every_parameter_once_stem_first(name):
    backbone = small(name)
    count, second = STAGES[name]
    assert len(backbone.stages) == count
    assert backbone.stages[1][0] == second
    assert next(backbone.network.named_parameters())[0] in backbone.stages[0]
    named = [parameter for stage in backbone.stages for parameter in stage]
    assert sorted(named) == sorted(parameter for parameter, _ in backbone.network.named_parameters())


@pytest.mark.parametrize("name", STAGES)
def test_frozen_stages_do_not_move(name):
    backbone = small(name)
    backbone.freeze(2)
    backbone.train()
    before = statistics(backbone)
    parameters = {key: parameter.clone() for key, parameter in backbone.network.named_parameters()}
    optimiser = torch.optim.SGD(backbone.parameters(), lr=0.1, weight_decay=0.1)
    backbone(torch.randn(2, 3, 64, 64)).square().sum().backward()
    optimiser.step()
    frozen = {parameter for stage in backbone.stages[:2] for parameter in stage}
    for key, parameter in backbone.network.named_parameters():
        assert (parameter.grad is None) == (key in frozen), key
        assert key not in frozen or torch.equal(parameter, parameters[key]), key
    owners = {key.rpartition(".")[0] for key in frozen}
    for key, tensor in statistics(backbone).items():
        assert torch.equal(tensor, before[key]) == (key.rpartition(".")[0] in owners), key


def test_training_mode_of_a_whole_model_leaves_frozen_normalisation_alone():
    backbone = small("test_resnet")
    backbone.freeze(1)
    fusion = create_fusion("none", backbone.channels, 0)
    model = FusedModel(fusion, Heads(fusion.out_features, [3]), backbone).train()
    assert not backbone.network.bn1.training
    assert backbone.network.layer1[0].bn1.training
    assert model.fusion.training
    assert backbone.training
    assert not model.eval().backbone.network.layer1[0].bn1.training


def test_freezing_again_replaces_the_first_time():
    backbone = small("test_resnet")
    backbone.freeze(5)
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    backbone.freeze(0)
    assert all(parameter.requires_grad for parameter in backbone.parameters())
    assert all(module.training for module in backbone.modules())


def test_freezing_in_evaluation_mode_keeps_it():
    backbone = small("test_resnet").eval()
    backbone.freeze(1)
    assert not any(module.training for module in backbone.modules())


def test_freezing_holds_when_normalisation_is_made_synchronised():
    backbone = small("test_resnet")
    backbone.freeze(1)
    backbone.network = nn.SyncBatchNorm.convert_sync_batchnorm(backbone.network)
    backbone.train()
    assert isinstance(backbone.network.layer1[0].bn1, nn.SyncBatchNorm)
    assert not backbone.network.bn1.training
    assert backbone.network.layer1[0].bn1.training


def test_normalisation_without_parameters_follows_the_module_that_holds_it():
    backbone = small("test_resnet")
    backbone.network.layer1[0].bn1 = nn.BatchNorm2d(backbone.network.layer1[0].bn1.num_features, affine=False)
    backbone.network.layer2[0].bn1 = nn.BatchNorm2d(backbone.network.layer2[0].bn1.num_features, affine=False)
    backbone.freeze(2)
    assert not backbone.network.layer1[0].bn1.training
    assert backbone.network.layer2[0].bn1.training


@pytest.mark.parametrize("n_stages", [-1, 6])
def test_more_stages_than_there_are(n_stages):
    told = rf"backbone.frozen_stages={n_stages}: backbone 'test_resnet' has 5; choose 0 to 5, or all"
    with pytest.raises(InputError, match=told):
        small("test_resnet").freeze(n_stages)


def test_a_network_that_tells_no_stages(monkeypatch):
    backbone = small("test_resnet")
    monkeypatch.setattr(type(backbone.network), "group_matcher", None)
    backbone.freeze(0)
    with pytest.raises(InputError, match="backbone 'test_resnet' does not tell its stages; choose 0 or all"):
        backbone.freeze(1)
