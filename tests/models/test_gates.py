"""Zoom-SE: the module by hand and against timm's squeeze-and-excitation, and its places in timm's networks."""

import copy
import pickle

import pytest
import timm
import torch
import torch.distributed as dist
from array_cohorts import cohort_of
from timm.layers import SEModule
from timm.models.resnet import Bottleneck
from torch import nn
from torch.nn import functional

from models.backbones import create_backbone
from models.errors import InputError
from models.gates import GATES, ZoomSE, attach_gate, attach_zoom_se, gate_parameters
from models.gates.blocks import RESIDUAL_BLOCKS, residual_blocks
from trainables.configuration import Configuration
from trainables.features import BackboneSettings, FeatureSource
from trainables.images import ImageSettings
from trainables.planning import component_versions

ADDED_TO_RESNEXT50 = 2_530_992
# Residual blocks of each network.
GATED = {
    "test_resnet": 4,
    "test_convnext": 9,
    "seresnet18": 8,  # has a gate before its addition already
    "res2net50d": 16,
    "legacy_seresnet18": 8,
    "mobilenetv2_100": 10,  # seven of its blocks change size and have no shortcut
    "efficientnet_b0": 9,
    "inception_resnet_v2": 40,
}
POSITIONS = ("after", "before")
WITHOUT_BLOCKS = ["alexnet", "vgg11", "densenet121", "nasnetamobile", "mobilenetv1_025", "test_vit"]


def gated(name="test_resnet", size=(64, 64), state=None, **settings):
    torch.manual_seed(3)
    backbone = create_backbone(name, image_size=size, state=state, gate={"name": "zoom-se", **settings})
    show_residuals(backbone)
    return backbone


def plain(name="test_resnet", size=(64, 64)):
    torch.manual_seed(3)
    backbone = create_backbone(name, image_size=size)
    show_residuals(backbone)
    return backbone


def show_residuals(backbone):
    """Networks start with residuals scaled by zero, where a gate before the addition would not be seen."""
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
        if hasattr(module, "gamma"):
            nn.init.ones_(module.gamma)


def gates_of(backbone):
    return [module for module in backbone.modules() if isinstance(module, ZoomSE)]


def set_gates(backbone, bias):
    for gate in gates_of(backbone):
        nn.init.zeros_(gate.expand.weight)
        nn.init.constant_(gate.expand.bias, bias)
    return backbone


class TestModule:
    def test_formula_by_hand(self):
        gate = ZoomSE(2, reduction=2, pool=2)
        with torch.no_grad():
            gate.reduce.weight.copy_(torch.tensor([[1.0, -1.0]]))
            gate.reduce.bias.fill_(0.5)
            gate.expand.weight.copy_(torch.tensor([[2.0], [-2.0]]))
            gate.expand.bias.copy_(torch.tensor([0.0, 1.0]))
        maps = torch.tensor([[[4.0, 0, 1, 0], [0, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 5]], [[1.0] * 4] * 4])[None]
        # Maxima of the quarters: 4, 1, 2, 5, mean 3; and 1. Hidden relu(3 - 1 + 0.5) = 2.5; gate sigmoid(5, -4).
        expected = torch.tensor([0.9933071, 0.0179862])
        torch.testing.assert_close(gate.gate(maps)[0], expected)
        torch.testing.assert_close(gate(maps)[0, :, 0, 0], expected * torch.tensor([4.0, 1.0]))

    def test_average_is_timms_squeeze_and_excitation(self):
        ours, peer = ZoomSE(32, reduction=4, pool="average"), SEModule(32, rd_ratio=1 / 4, rd_divisor=1)
        with torch.no_grad():
            for layer, same in ((ours.reduce, peer.fc1), (ours.expand, peer.fc2)):
                same.weight.copy_(layer.weight[:, :, None, None])
                same.bias.copy_(layer.bias)
        maps = torch.randn(3, 32, 5, 7)
        torch.testing.assert_close(ours(maps), peer(maps))

    def test_one_cell_is_the_global_maximum(self):
        gate, maps = ZoomSE(8, pool=1), torch.randn(2, 8, 6, 5)
        spread = maps.amax((2, 3), keepdim=True).expand_as(maps)
        torch.testing.assert_close(gate.gate(maps), gate.gate(spread))
        assert not torch.allclose(ZoomSE(8, pool=4).gate(maps), gate.gate(maps))

    @pytest.mark.parametrize("side", [1, 2])
    def test_a_map_of_fewer_cells_is_averaged(self, side):
        zoomed = ZoomSE(8, pool=4)
        average = ZoomSE(8, pool="average")
        average.load_state_dict(zoomed.state_dict())
        maps = torch.randn(2, 8, side, side)
        torch.testing.assert_close(zoomed(maps), average(maps))

    @pytest.mark.parametrize(("channels", "reduction", "count"), [(256, 16, 8464), (64, 16, 580), (8, 16, 25)])
    def test_parameters(self, channels, reduction, count):
        hidden = max(1, channels // reduction)
        assert count == 2 * channels * hidden + hidden + channels
        assert sum(parameter.numel() for parameter in ZoomSE(channels, reduction=reduction).parameters()) == count

    def test_samples_are_gated_apart_and_in_half_precision_too(self):
        gate, maps = ZoomSE(16), torch.randn(3, 16, 7, 7)
        torch.testing.assert_close(gate(maps)[1:2], gate(maps[1:2]))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            torch.testing.assert_close(gate(maps).float(), gate(maps.float()).float())
            assert gate(maps.bfloat16()).dtype == torch.bfloat16


def test_parameters_added_to_resnext50_are_those_of_its_squeeze_and_excitation_version():
    def count(network):
        return sum(parameter.numel() for parameter in network.parameters())

    with torch.device("meta"):
        network, peer = (timm.create_model(name, num_classes=0) for name in ("resnext50_32x4d", "seresnext50_32x4d"))
        before = count(network)
        assert attach_zoom_se(network) == 16
    assert count(network) - before == count(peer) - before == ADDED_TO_RESNEXT50


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", GATED)
def test_a_gate_of_one_changes_nothing_and_another_does(name, position):
    size = (96, 96) if name == "inception_resnet_v2" else (64, 64)
    backbone, peer = gated(name, size, position=position).eval(), plain(name, size).eval()
    assert len(gates_of(backbone)) == GATED[name]
    images = torch.randn(1, 3, *size)
    with torch.inference_mode():
        expected = peer(images)
        torch.testing.assert_close(set_gates(backbone, 1e4)(images), expected)
        assert not torch.allclose(set_gates(backbone, 0.0)(images), expected)
    assert (backbone.channels, backbone.map_size) == (peer.channels, peer.map_size)


def through(block, x, residual_gate=1.0):
    """A bottleneck of timm's ResNet, with a factor on its residual."""
    out = functional.relu(block.bn1(block.conv1(x)))
    out = functional.relu(block.bn2(block.conv2(out)))
    shortcut = x if block.downsample is None else block.downsample(x)
    return functional.relu(block.bn3(block.conv3(out)) * residual_gate + shortcut)


@torch.no_grad()
@pytest.mark.parametrize("position", POSITIONS)
def test_positions(position):
    """sigmoid(log 3) is 0.75: of the activated sum `after`, of the residual alone `before`."""
    backbone = set_gates(gated(position=position).eval(), torch.log(torch.tensor(3.0)).item())
    block = next(module for module in backbone.modules() if isinstance(module, Bottleneck))
    x = torch.randn(2, block.conv1.in_channels, 4, 4)
    expected = 0.75 * through(block, x) if position == "after" else through(block, x, 0.75)
    torch.testing.assert_close(block(x), expected)


@torch.no_grad()
def test_gates_before_the_addition_are_timms_own_when_they_average():
    """seresnet50 is resnet50 with squeeze-and-excitation before the addition, 1/16 wide."""
    ours, peer = gated("resnet50", position="before", pool="average").eval(), plain("seresnet50").eval()
    named = {}
    for key, tensor in peer.network.state_dict().items():
        key = key.replace("se.fc1.", "se.reduce.").replace("se.fc2.", "se.expand.")
        named[key] = tensor.flatten(1) if ".se." in key and tensor.ndim == 4 else tensor
    ours.network.load_state_dict(named)
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), peer(images))


@pytest.mark.parametrize("position", POSITIONS)
def test_every_parameter_gets_a_gradient(position):
    backbone = gated(position=position)
    backbone(torch.randn(4, 3, 64, 64)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())
    assert all(parameter.grad.any() for gate in gates_of(backbone) for parameter in (gate.expand.weight,))


def test_names_of_the_networks_own_weights_stay():
    assert set(plain().state_dict()) <= set(gated().state_dict())
    assert set(plain().state_dict()) <= set(gated(position="before").state_dict())


def test_weights_are_loaded_before_gates_are_attached():
    source = plain()
    loaded, other = gated(state=source.network.state_dict()), gated(state=source.network.state_dict())
    for name, tensor in source.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    for gate, same in zip(gates_of(loaded), gates_of(other), strict=True):
        assert torch.equal(gate.expand.weight, same.expand.weight)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda backbone: pickle.loads(pickle.dumps(backbone))])
@torch.no_grad()
def test_copies_use_their_own_gates(clone):
    backbone, images = gated().eval(), torch.randn(2, 3, 64, 64)
    expected = backbone(images)
    copied = clone(backbone)
    assert torch.equal(copied(images), expected)
    set_gates(copied, -1e4)
    assert not copied(images).any()
    assert torch.equal(backbone(images), expected)


@torch.no_grad()
def test_saved_and_loaded():
    source, images = gated().eval(), torch.randn(2, 3, 64, 64)
    other = set_gates(gated().eval(), 0.0)
    assert not torch.allclose(other(images), source(images))
    other.load_state_dict(source.state_dict())
    assert torch.equal(other(images), source(images))


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", ["test_resnet", "seresnet18", "inception_resnet_v2", "mobilenetv2_100"])
def test_stages_hold_gates_and_frozen_ones_train_theirs(name, position):
    backbone = gated(name, (96, 96), position=position)
    named = [parameter for stage in backbone.stages for parameter in stage]
    assert sorted(named) == sorted(parameter for parameter, _ in backbone.network.named_parameters())
    n_frozen = len(backbone.stages) - 1
    backbone.freeze(n_frozen)
    gates = set(map(id, gate_parameters(backbone.network)))
    frozen = {parameter for stage in backbone.stages[:n_frozen] for parameter in stage}
    assert len(backbone.stages) == len(plain(name, (96, 96)).stages)
    assert any(id(backbone.network.get_parameter(parameter)) in gates for parameter in frozen)
    for parameter, tensor in backbone.network.named_parameters():
        assert tensor.requires_grad == (parameter not in frozen or id(tensor) in gates), parameter
    assert not backbone.train().network.get_submodule(first_norm(backbone)).training


def first_norm(backbone):
    return next(name for name, module in backbone.network.named_modules() if isinstance(module, nn.BatchNorm2d))


def test_gradients_of_distributed_training_are_those_of_one_process(tmp_path):
    backbone, images = gated(), torch.randn(2, 3, 64, 64)
    alone = copy.deepcopy(backbone)
    alone(images).square().mean().backward()
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        nn.parallel.DistributedDataParallel(backbone)(images).square().mean().backward()
    finally:
        dist.destroy_process_group()
    for (name, parameter), same in zip(backbone.named_parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, same.grad, msg=name)


@pytest.mark.parametrize("name", WITHOUT_BLOCKS)
def test_networks_without_residual_blocks_are_refused(name):
    told = rf"backbone.gate: backbone '{name}' has no residual block to gate; set backbone.gate=none, or .* ResNeXt, "
    with pytest.raises(InputError, match=told) as raised:
        create_backbone(name, image_size=(64, 64), gate={"name": "zoom-se"})
    assert "\n" not in str(raised.value)


def test_an_unknown_gate_is_refused():
    with pytest.raises(InputError, match="gate 'zoom-s' is not known; did you mean 'zoom-se'"):
        attach_gate(plain().network, {"name": "zoom-s"})


@pytest.mark.parametrize("name", GATES.names())
def test_every_registered_gate_attaches_and_learns(name):
    network = plain().network
    assert attach_gate(network, {"name": name}) == GATED["test_resnet"]
    new = list(gate_parameters(network))
    assert new
    network.forward_features(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in new)


def test_only_blocks_with_a_shortcut_are_residual():
    network = timm.create_model("test_efficientnet", num_classes=0)
    assert any(type(module) in RESIDUAL_BLOCKS for module in network.modules())
    assert not list(residual_blocks(network))


def settings_of(**backbone):
    return BackboneSettings.model_validate({"name": "test_resnet", "frozen_stages": 0, "gate": "zoom-se", **backbone})


def built(**backbone):
    cohort = cohort_of(list("ab"))
    return FeatureSource(cohort, settings_of(**backbone), ImageSettings(size=(32, 32)), None, "map").build_backbone()


def test_a_configuration_builds_its_gates():
    gates = gates_of(built(gate_reduction=8, gate_pool=2))
    assert [gate.pool for gate in gates] == [2] * GATED["test_resnet"]
    assert [gate.reduce.out_features for gate in gates] == [gate.reduce.in_features // 8 for gate in gates]
    before = built(gate_position="before", gate_pool="average")
    assert isinstance(before.network.layer1[0].se, ZoomSE)
    assert not gates_of(built(gate="none"))


def test_gates_are_random_by_the_seed_alone():
    first, same, other = built(seed=1), built(seed=1), built(seed=2)
    assert torch.equal(gates_of(first)[0].reduce.weight, gates_of(same)[0].reduce.weight)
    assert not torch.equal(gates_of(first)[0].reduce.weight, gates_of(other)[0].reduce.weight)
    assert settings_of(seed=1).gate_settings != settings_of(seed=2).gate_settings


def test_the_version_of_a_gate_is_part_of_the_key():
    def versions(**backbone):
        return component_versions(Configuration.of({"backbone": {"name": "test_resnet", **backbone}}))

    assert versions(frozen_stages=0, gate="zoom-se")["gate zoom-se"] == GATES.version("zoom-se")
    assert not [name for name in versions(frozen_stages=0) if name.startswith("gate")]
