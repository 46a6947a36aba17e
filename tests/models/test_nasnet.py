"""NASNet-Mobile with timm's interface, against an independent reading of the architecture on its own weights."""

import pytest
import timm
import torch
from torch.nn import functional

from models.backbones import create_backbone, hub_source
from models.errors import InputError

WITH_1000_CLASSES = 5_289_978
ONLY_THE_MAP = 4_232_978
BLOCK = 44  # channels of a branch in the first block: 1056 / 24


def seeded(seed=4, **settings):
    torch.manual_seed(seed)
    network = timm.create_model("nasnetamobile", **settings)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # statistics as after training, so that every shift is seen
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
    return network.eval()


@pytest.fixture(scope="module")
def network():
    return seeded()


class Reading:
    """NASNet-A (4 @ 1056) in plain functions, by the names of the published checkpoint.

    With stride 2 a map of an odd side is padded alike on both ends; one of an even side one less at its beginning,
    which the published code makes of one more at the beginning and a cropped output.
    """

    def __init__(self, state):
        self.state = state

    def norm(self, x, name):
        values = (self.state[f"{name}.{kind}"] for kind in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, *values, training=False, eps=1e-3)

    def point(self, x, name):
        x = functional.conv2d(functional.relu(x), self.state[f"{name}.conv.weight"])
        return self.norm(x, f"{name}.bn")

    def separable(self, x, name, stride):
        for number, step in ((1, stride), (2, 1)):
            x = functional.relu(x)
            kernel = self.state[f"{name}.separable_{number}.depthwise_conv2d.weight"]
            early = step == 2 and x.shape[-1] % 2 == 0
            side = kernel.shape[-1] // 2
            x = functional.pad(x, (1, 0, 1, 0)) if early else x
            x = functional.conv2d(x, kernel, stride=step, padding=side, groups=len(kernel))
            x = x[:, :, 1:, 1:] if early else x
            x = functional.conv2d(x, self.state[f"{name}.separable_{number}.pointwise_conv2d.weight"])
            x = self.norm(x, f"{name}.bn_sep_{number}")
        return x

    def pool(self, x, kind, stride):
        early = stride == 2 and x.shape[-1] % 2 == 0
        x = functional.pad(x, (1, 0, 1, 0)) if early else x
        if kind == "max":
            x = functional.max_pool2d(x, 3, stride, 1)
        else:
            x = functional.avg_pool2d(x, 3, stride, 1, count_include_pad=False)
        return x[:, :, 1:, 1:] if early else x

    def halved(self, x, name):
        x = functional.relu(x)
        parts = [x[:, :, ::2, ::2], functional.pad(x, (0, 1, 0, 1))[:, :, 1::2, 1::2]]
        parts = [
            functional.conv2d(part, self.state[f"{name}.path_{number}.conv.weight"])
            for number, part in enumerate(parts, 1)
        ]
        return self.norm(torch.cat(parts, 1), f"{name}.final_path_bn")

    def reduction(self, name, left, right, pooled):
        """Three combinations of two reduced inputs, and two of what came of the first."""

        def branch(x, place, stride=2):
            return self.separable(x, f"{name}.comb_iter_{place}", stride)

        first = branch(left, "0_left") + branch(right, "0_right")
        second = self.pool(pooled, "max", 2) + branch(right, "1_right")
        third = self.pool(pooled, "average", 2) + branch(right, "2_right")
        fourth = self.pool(first, "average", 1) + second
        fifth = branch(first, "4_left", 1) + self.pool(pooled, "max", 2)
        return torch.cat([second, third, fourth, fifth], 1)

    def normal(self, name, left, right):
        def branch(x, place):
            return self.separable(x, f"{name}.comb_iter_{place}", 1)

        average = self.pool(left, "average", 1)
        parts = [
            left,
            branch(right, "0_left") + branch(left, "0_right"),
            branch(left, "1_left") + branch(left, "1_right"),
            self.pool(right, "average", 1) + left,
            average + average,
            branch(right, "4_left") + right,
        ]
        return torch.cat(parts, 1)

    def block(self, first, before, last):
        """Four normal cells, the first of which halves what it sees of the layer before the last."""
        for number in range(first, first + 4):
            name = f"cell_{number}"
            left = self.halved(before, name) if number == first else self.point(before, f"{name}.conv_prev_1x1")
            before, last = last, self.normal(name, left, self.point(last, f"{name}.conv_1x1"))
        return before, last

    def reduce(self, name, before, last):
        last_reduced = self.point(last, f"{name}.conv_1x1")
        return self.reduction(name, last_reduced, self.point(before, f"{name}.conv_prev_1x1"), last_reduced)

    def __call__(self, images):
        stem = self.norm(functional.conv2d(images, self.state["conv0.conv.weight"], stride=2), "conv0.bn")
        narrow = self.point(stem, "cell_stem_0.conv_1x1")
        first = self.reduction("cell_stem_0", narrow, stem, narrow)
        narrow = self.point(first, "cell_stem_1.conv_1x1")
        second = self.reduction("cell_stem_1", narrow, self.halved(stem, "cell_stem_1"), narrow)
        before, last = self.block(0, first, second)
        before, last = self.block(6, last, self.reduce("reduction_cell_0", before, last))
        before, last = self.block(12, last, self.reduce("reduction_cell_1", before, last))
        return functional.relu(last)


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 96), (160, 32)])  # sides come to odd and even ones as at 224
def test_the_map_is_that_of_an_independent_reading(network, size):
    images = torch.randn(2, 3, *size)
    expected = Reading(network.state_dict())(images)
    assert expected.shape[1:] == (1056, size[0] // 32, size[1] // 32)
    torch.testing.assert_close(network.forward_features(images), expected, rtol=1e-4, atol=1e-4)


def test_parameters_and_names_are_those_of_the_published_checkpoint():
    with torch.device("meta"):
        network = timm.create_model("nasnetamobile")
    assert sum(parameter.numel() for parameter in network.parameters()) == WITH_1000_CLASSES
    names = set(network.state_dict())
    assert "cell_15.comb_iter_4_left.separable_2.pointwise_conv2d.weight" in names
    assert {name.partition(".")[0] for name in names} == {
        *("conv0", "cell_stem_0", "cell_stem_1", "last_linear", "reduction_cell_0", "reduction_cell_1"),
        *(f"cell_{number}" for number in (0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15)),
    }
    branches = sum("reduction_cell_0.comb_iter_0_left" in name for name in names)
    assert branches == 2 * (2 + 5)  # twice a separable convolution of two and a normalisation of five tensors


def test_a_published_checkpoint_is_loaded_whole(network):
    state = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}
    backbone = create_backbone("nasnetamobile", image_size=(64, 64), state=state).eval()
    assert sum(parameter.numel() for parameter in backbone.parameters()) == ONLY_THE_MAP
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(backbone(images), network.forward_features(images))
    del state["cell_7.conv_1x1.bn.running_var"]
    with pytest.raises(InputError, match=r"lack 1 of its .* tensors \(cell_7.conv_1x1.bn.running_var"):
        create_backbone("nasnetamobile", image_size=(64, 64), state=state)


def test_the_map_at_its_native_size_and_normalisation():
    backbone = create_backbone("nasnetamobile", image_size=(224, 224))
    assert (backbone.channels, backbone.map_size) == (1056, (7, 7))
    assert (backbone.mean, backbone.std, backbone.input_size) == ((0.5,) * 3, (0.5,) * 3, (224, 224))
    assert hub_source("nasnetamobile").endswith("nasnetmobile-7e03cead.pth.tar tf_in1k")


def test_every_weight_gets_a_gradient():
    backbone = create_backbone("nasnetamobile", image_size=(48, 40)).train()
    backbone(torch.randn(2, 3, 48, 40)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())


def test_timms_own_calls_work():
    with torch.device("meta"):
        network = timm.create_model("nasnetamobile", num_classes=0, drop_rate=0.2)
        images = torch.zeros(2, 3, 224, 224)
        assert network(images).shape == (2, 1056)
        assert network.forward_head(network.forward_features(images), pre_logits=True).shape == (2, 1056)
        network.reset_classifier(7)
        assert network(images).shape == (2, 7)
        assert network.get_classifier().out_features == 7
    assert sum(parameter.numel() for parameter in network.parameters()) == ONLY_THE_MAP + 1057 * 7
    assert network.num_features == network.head_hidden_size == 1056
    with pytest.raises(AssertionError, match="not supported"):
        network.set_grad_checkpointing()


def test_every_resolution_can_be_had(network):
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        last, maps = network.forward_intermediates(images)
        hooked = seeded(features_only=True)(images)
        second = network.forward_intermediates(images, indices=[1], stop_early=True, intermediates_only=True)
        assert torch.equal(last, network.forward_features(images))
    assert [each.shape[1] for each in maps] == [32, 44, 264, 528, 1056]
    assert [each.shape[2:] for each in maps] == [(31, 31), (16, 16), (8, 8), (4, 4), (2, 2)]
    assert [info["num_chs"] for info in network.feature_info] == [each.shape[1] for each in maps]
    for each, same in zip(maps, hooked, strict=True):
        torch.testing.assert_close(each, same)
    assert torch.equal(second[0], maps[1])
    with pytest.raises(ValueError, match="output_fmt='NHWC'"):
        network.forward_intermediates(images, output_fmt="NHWC")


@torch.no_grad()
@pytest.mark.parametrize(("index", "channels"), [(0, 32), (2, 264), (4, 1056)])
def test_what_is_behind_a_resolution_can_be_cut_off(network, index, channels):
    images = torch.randn(1, 3, 64, 64)
    expected = network.forward_intermediates(images, intermediates_only=True)[index]
    pruned = seeded()
    assert pruned.prune_intermediate_layers([index]) == [index]
    assert torch.equal(pruned.forward_features(images), expected)
    assert pruned.num_features == channels == expected.shape[1]


def test_every_cell_is_a_stage_with_the_reduction_before_it():
    stages = create_backbone("nasnetamobile", image_size=(64, 64)).stages
    assert len(stages) == 1 + 12
    assert stages[0][0] == "conv0.conv.weight"
    assert stages[5][0].startswith("reduction_cell_0")
    assert stages[5][-1].startswith("cell_6")


def test_the_smallest_size_works_and_smaller_ones_are_refused():
    assert create_backbone("nasnetamobile", image_size=(3, 3)).map_size == (1, 1)
    with pytest.raises(InputError, match=r"'nasnetamobile' cannot take 2 x 40 pixels .*its smallest 3 x 3"):
        create_backbone("nasnetamobile", image_size=(2, 40))
