"""Cross-attention between images: the formula by hand, every layout of stage, copies, counts, and who reads whom."""

import copy

import pytest
import torch
from torch import nn

from models.backbones import create_backbone
from models.errors import InputError
from models.fused import FusedModel
from models.fusions import FUSIONS, create_fusion
from models.heads import Heads
from models.modalities import (
    CrossAttention,
    FusionPerImage,
    HeadsPerImage,
    StageAttention,
    attach_attention,
    individual_encoder,
    stage_names,
)

SIZE = (64, 64)
# Widths of stages 1 to 4 by timm's published architectures.
STAGES = {
    "test_resnet": (32, 48, 192, 96),
    "resnet18": (64, 128, 256, 512),
    "test_convnext": (24, 32, 48, 64),
    "test_vit": (64, 64, 64, 64),
    "swin_tiny_patch4_window7_224": (96, 192, 384, 768),
    "mobilenetv1_025": (32, 64, 128, 256),
}


def small(name):
    torch.manual_seed(0)
    return create_backbone(name, image_size=SIZE).eval()


def attached(backbone, stages=(1, 2, 3, 4), *, individual=False, n_images=2):
    """Attention that says something: its last projection is zero at first."""
    modules = attach_attention(backbone, n_images, SIZE, stages=stages, individual=individual)
    torch.manual_seed(5)
    for parameter in modules.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.1)
    return modules


def images(n=4):
    return torch.randn(n, 3, *SIZE, generator=torch.Generator().manual_seed(1))


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def attention_of(channels, n_images, **settings):
    torch.manual_seed(2)
    attention = CrossAttention(channels, n_images, **settings)
    for direction in attention.directions:
        nn.init.normal_(direction.output.weight)
    return attention


def test_attention_by_hand():
    attention = attention_of(6, 2)
    maps = torch.randn(4, 6, 2, 3)  # two samples, image by image
    found = attention(maps)
    (part,) = attention.directions
    for reader, read in ((0, 2), (1, 3), (2, 0), (3, 1)):
        own, other = (part.norm(maps[row].flatten(1).T) for row in (reader, read))  # (6 positions, 6 channels)
        weights = torch.softmax(own @ part.query.weight.T @ (other @ part.key.weight.T).T / 3**0.5, dim=1)
        expected = weights @ (other @ part.value.weight.T) @ part.output.weight.T
        torch.testing.assert_close(found[reader], expected.T.unflatten(1, (2, 3)))


def test_at_first_it_adds_nothing_and_learns_all_the_same():
    attention = CrossAttention(4, 2)
    added = attention(torch.randn(2, 4, 2, 2))
    assert not added.any()
    (added + 1).square().sum().backward()
    assert attention.directions[0].output.weight.grad.any()


def test_large_maps_are_pooled_and_come_back_at_their_size():
    attention = attention_of(4, 2)
    coarse = torch.randn(2, 4, 14, 7)
    fine = coarse.repeat_interleave(2, dim=2)  # 28 x 7: its pooled grid is the coarse one
    expected = nn.functional.interpolate(attention(coarse), (28, 7), mode="bilinear")
    torch.testing.assert_close(attention(fine), expected)


def test_of_three_images_each_reads_the_two_others():
    attention = attention_of(4, 3)
    maps = torch.randn(3, 4, 2, 2)
    before = attention(maps)
    for changed in range(3):
        other = maps.clone()
        other[changed] += torch.randn(4, 2, 2)
        moved = [not torch.allclose(row, was) for row, was in zip(attention(other), before, strict=True)]
        assert moved == [True, True, True]  # a query of its own, or keys and values for the others
    alone = maps.clone()
    alone[1] = alone[2] = maps[2]
    joint = torch.stack([maps[0], maps[2]])
    torch.testing.assert_close(attention(alone)[0], attention_of(4, 2)(joint)[0])  # the same position twice is once


def test_individual_attention_has_a_module_per_reader():
    shared, individual = attention_of(4, 2), attention_of(4, 2, individual=True)
    assert count(shared) == 4 * 4 * 2 + 2 * 4
    assert count(individual) == 2 * count(shared)
    maps = torch.randn(2, 4, 2, 2)
    individual(maps)[0].sum().backward()
    first, second = individual.directions
    assert first.query.weight.grad.any()
    assert all(p.grad is None or not p.grad.any() for p in second.parameters())


@pytest.mark.parametrize("name", STAGES)
class TestEveryLayout:
    def test_stages_have_the_widths_of_the_architecture(self, name):
        modules = attached(small(name))
        assert tuple(module.attention.directions[0].norm.normalized_shape[0] for module in modules) == STAGES[name]

    def test_an_image_reads_its_own_partner_and_no_other_sample(self, name):
        backbone = small(name)
        plain = backbone(images())
        attached(backbone)
        before = backbone(images())
        assert not torch.allclose(before, plain, atol=1e-4)
        changed = images()
        changed[0] += 1.0  # the first image of the first sample
        differs = [not torch.allclose(a, b, atol=1e-5) for a, b in zip(backbone(changed), before, strict=True)]
        assert differs == [True, False, True, False]

    def test_a_copy_of_network_and_attention_is_apart(self, name):
        backbone = small(name)
        pair = nn.ModuleList([backbone, attached(backbone)])
        again = copy.deepcopy(pair)
        expected = backbone(images())
        assert torch.equal(again[0](images()), expected)
        for parameter in again[1].parameters():
            nn.init.zeros_(parameter)
        assert torch.equal(backbone(images()), expected)
        again.load_state_dict(pair.state_dict())
        assert torch.equal(again[0](images()), expected)

    def test_everything_learns_in_low_precision_too(self, name):
        backbone = small(name).train()
        modules = attached(backbone, individual=True)
        with torch.autocast("cpu", torch.bfloat16):
            backbone(images()).float().square().mean().backward()
        for part in (backbone, modules):
            assert all(p.grad is not None and p.grad.isfinite().all() for p in part.parameters())

    def test_parameters_shared_and_individual(self, name):
        backbone, classes, widths = small(name), (5, 3), STAGES[name]
        encoder, direct = count(backbone), count(nn.ParameterList(backbone.network.parameters(recurse=False)))
        attention = sum(4 * width * (width // 2) + 2 * width for width in widths[2:])
        heads = sum(backbone.channels * n + n for n in classes)
        assert count(model_of(backbone, classes)) == encoder + attention + 2 * heads
        individual = model_of(small(name), classes, individual=True)
        assert count(individual) == 2 * encoder - direct + 2 * attention + 2 * heads


def model_of(backbone, classes, *, individual=False):
    if individual:
        individual_encoder(backbone, 2, SIZE)
    attention = attached(backbone, (3, 4), individual=individual)
    fusions = [create_fusion("none", backbone.channels, 0) for _ in range(2)]
    heads = [Heads(backbone.channels, classes) for _ in range(2)]
    return FusedModel(FusionPerImage(fusions), HeadsPerImage(heads), backbone, attention)


def test_every_layout_of_a_map_gives_the_same():
    attention = attention_of(4, 2)
    maps = torch.randn(2, 4, 2, 3)
    expected = StageAttention(attention, "channels-first", (32, 48))(maps)
    assert not torch.allclose(expected, maps)
    last = StageAttention(attention, "channels-last", (32, 48))(maps.permute(0, 2, 3, 1))
    torch.testing.assert_close(last.permute(0, 3, 1, 2), expected)
    tokens = torch.cat([torch.zeros(2, 1, 4), maps.flatten(2).transpose(1, 2)], dim=1)
    read = StageAttention(attention, "tokens", (32, 48), 1)(tokens)
    torch.testing.assert_close(read[:, 1:].transpose(1, 2).unflatten(2, (2, 3)), expected)


def test_class_tokens_neither_read_nor_are_read():
    backbone = small("test_vit")
    (module,) = attached(backbone, (4,))
    tokens = torch.randn(2, 17, 64)
    with_other_class = tokens.clone()
    with_other_class[:, 0] += 1.0
    assert torch.equal(module(tokens)[:, 0], tokens[:, 0])
    assert torch.equal(module(with_other_class)[:, 1:], module(tokens)[:, 1:])


def test_attention_follows_the_chosen_stages_only():
    assert stage_names(small("test_resnet").network) == ("layer1", "layer2", "layer3", "layer4")
    assert stage_names(small("test_vit").network) == ("blocks.1", "blocks.2", "blocks.4", "blocks.5")
    backbone = small("test_resnet")
    assert len(attached(backbone, (2, 4))) == 2
    hooked = [name for name, module in backbone.network.named_modules() if module._forward_hooks]
    assert hooked == ["layer2", "layer4"]


def test_a_network_that_does_not_tell_its_stages(monkeypatch):
    backbone = small("test_resnet")
    backbone.network.feature_info = backbone.network.feature_info[:3]
    with pytest.raises(InputError, match=r"modalities.attention: backbone 'test_resnet' tells 3 of 4 stages; use att"):
        attached(backbone)
    backbone.network.feature_info = None
    with pytest.raises(InputError, match="tells 0 of 4 stages"):
        attached(backbone)


def test_a_stage_without_a_map_is_named():
    backbone = small("test_resnet")
    backbone.network.feature_info = [*backbone.network.feature_info[:4], {"module": "fc", "reduction": 64}]
    with pytest.raises(InputError, match=r"attention_stages: stage 4 of backbone 'test_resnet' gives no feature map"):
        attached(backbone)


class TestHeadsPerImage:
    def test_each_image_has_its_own_map_and_classifier(self):
        torch.manual_seed(0)
        fusions = [create_fusion("concat", 4, 3) for _ in range(2)]
        heads = [Heads(7, (5, 2)) for _ in range(2)]
        model = FusedModel(FusionPerImage(fusions), HeadsPerImage(heads))
        maps, metadata = torch.randn(3, 8, 2, 2), torch.rand(3, 3)
        first, second = model(maps, metadata)
        assert (first.shape, second.shape) == ((3, 2, 5), (3, 2, 2))
        torch.testing.assert_close(second[:, 1], heads[1](fusions[1](maps[:, 4:], metadata))[1])
        assert model(maps[:0], metadata[:0])[0].shape == (0, 2, 5)

    def test_the_parts_of_the_model_must_fit(self):
        with pytest.raises(ValueError, match="same channels"):
            FusionPerImage([create_fusion("none", 4, 0), create_fusion("none", 5, 0)])
        fusion = FusionPerImage([create_fusion("none", 4, 0)] * 2)
        heads = HeadsPerImage([Heads(5, [2]), Heads(5, [2])])
        with pytest.raises(ValueError, match="heads take 5 features, the fusion gives 4"):
            FusedModel(fusion, heads)

    @pytest.mark.parametrize("name", FUSIONS.names())
    def test_any_fusion_can_be_one_per_image(self, name):
        fusions = [create_fusion(name, 32, 3, map_size=(2, 2)) for _ in range(2)]
        joined = FusionPerImage(fusions)
        out = joined(torch.randn(4, 64, 2, 2), torch.rand(4, 3))
        assert out.shape == (4, 2, fusions[0].out_features)
        if any(parameter.requires_grad for parameter in joined.parameters()):
            out[:, 0].sum().backward()
            assert any(p.grad is not None for p in fusions[0].parameters())
            assert all(p.grad is None or not p.grad.any() for p in fusions[1].parameters())
