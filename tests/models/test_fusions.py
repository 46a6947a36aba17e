"""Every registered fusion by one parametrised walk, then what MetaNet fixes about none, concat and multiply."""

import copy
import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from fusion_variants import OPTIONS, Variant, every_variant
from torch import nn

from models.errors import InputError
from models.fusions import FUSIONS, branch_widths

CHANNELS, METADATA = 32, 5
SIZE = (4, 5)


@pytest.fixture
def build():
    def build(name, depth=None, widths="scaled", channels=CHANNELS, metadata_width=METADATA, **options):
        return Variant(name, depth, widths).build(channels, metadata_width, SIZE, **options)

    return build


def sample_of(batch=3, channels=CHANNELS, size=SIZE):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, channels, *size, generator=generator), torch.rand(batch, METADATA, generator=generator)


@pytest.fixture
def sample():
    return sample_of()


def dense(*widths: int) -> int:
    """Count the parameters of a chain of linear layers."""
    return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(widths))


def normalised(*widths: int) -> int:
    """Count the parameters of a chain of linear layers with batch normalisation."""
    return dense(*widths) + 2 * sum(widths[1:])


def counted_soft_attention(c: int, m: int, variant: Variant) -> int:
    o = {"maps": 16, "gamma_learned": True, "branch_width": 4096} | variant.options
    return 9 * c * o["maps"] + o["maps"] + int(o["gamma_learned"]) + (dense(m, o["branch_width"]) if m else 0)


def counted_cross_attention(c: int, m: int, variant: Variant) -> int:
    width = variant.options.get("branch_width", 512)
    tokens = dense(c, width) + 2 * m * width + 2 * 2 * width  # both are layer-normalised
    return tokens + 4 * (dense(width, 3 * width) + dense(width, width))


def counted_gessert(c: int, m: int, variant: Variant) -> int:
    width = variant.options.get("branch_width", 256)
    return normalised(m, width, width) + normalised(c + width, 1024)


def counted_branch(c: int, m: int, variant: Variant) -> int:
    return dense(m, *branch_widths(variant.depth or 0, c, variant.widths))


PARAMETERS: dict[str, Callable[[int, int, Any], int]] = {  # by channels, metadata width and variant, by hand
    "none": lambda c, m, v: 0,
    "late": lambda c, m, v: 0,
    "metadata-only": lambda c, m, v: 0,
    "concat": counted_branch,
    "multiply": counted_branch,
    "metadata-embedding": counted_branch,
    "film": lambda c, m, v: dense(m, *branch_widths(v.depth, c, v.widths)[:-1], 2 * c),
    "soft-attention": counted_soft_attention,
    "metablock": lambda c, m, v: 2 * normalised(m, c // v.options.get("group_size", 32)),
    "gessert": counted_gessert,
    "hyperparametric": lambda c, m, v: 2 * normalised(m, c) + normalised(c, 1024, 512, 256),
    "cross-attention": counted_cross_attention,
}


@pytest.mark.parametrize("variant", every_variant(), ids=str)
class TestEveryFusion:
    def test_gives_the_declared_shape(self, sample, variant):
        fusion = variant.build(CHANNELS, METADATA, SIZE)
        fused = fusion(*sample)
        assert fused.shape == (3, fusion.out_features)
        assert fused.isfinite().all()

    def test_every_parameter_and_the_map_get_a_gradient(self, sample, variant):
        fusion = variant.build(CHANNELS, METADATA, SIZE)
        feature_map, metadata = sample
        feature_map.requires_grad_()
        metadata.requires_grad_()
        fusion(feature_map, metadata).square().sum().backward()
        assert (feature_map.grad is not None) == fusion.uses_image
        if fusion.uses_image:
            assert feature_map.grad.abs().sum() > 0
        assert all(parameter.grad is not None for parameter in fusion.parameters())
        assert all(parameter.grad.isfinite().all() for parameter in fusion.parameters())

    def test_a_sample_does_not_depend_on_its_batch(self, sample, variant):
        fusion = variant.build(CHANNELS, METADATA, SIZE).eval()
        feature_map, metadata = sample
        alone = fusion(feature_map[1:2], metadata[1:2])
        torch.testing.assert_close(alone, fusion(feature_map, metadata)[1:2])

    @pytest.mark.parametrize("batch", [0, 1])
    def test_trains_on_a_batch_of_one_and_on_a_share_of_none(self, variant, batch):
        fusion = variant.build(CHANNELS, METADATA, SIZE).train()
        feature_map, metadata = sample_of(batch)
        fused = fusion(feature_map.requires_grad_(), metadata.requires_grad_())
        assert fused.shape == (batch, fusion.out_features)
        fused.sum().backward()
        assert all(value.isfinite().all() for value in [fused, *fusion.state_dict().values()])
        assert all(p.grad is None or p.grad.isfinite().all() for p in fusion.parameters())

    def test_runs_under_bfloat16_autocast(self, sample, variant):
        fusion = variant.build(CHANNELS, METADATA, SIZE).eval()
        exact = fusion(*sample).detach()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            fused = fusion(*sample)
        torch.testing.assert_close(fused.float(), exact, atol=0.02 * max(1.0, float(exact.abs().max())), rtol=0.02)

    def test_its_state_makes_another_one_equal(self, sample, variant):
        fusion, other = (variant.build(CHANNELS, METADATA, SIZE, seed=seed).eval() for seed in (0, 7))
        if next(fusion.parameters(), None) is not None:
            assert not torch.equal(other(*sample), fusion(*sample))
        other.load_state_dict(fusion.state_dict())
        assert torch.equal(other(*sample), fusion(*sample))
        assert torch.equal(copy.deepcopy(fusion)(*sample), fusion(*sample))

    def test_has_as_many_parameters_as_its_widths_say(self, variant):
        for metadata_width in (METADATA, 21):
            fusion = variant.build(CHANNELS, metadata_width, SIZE)
            expected = PARAMETERS[variant.name](CHANNELS, metadata_width, variant)
            assert sum(parameter.numel() for parameter in fusion.parameters()) == expected

    def test_missing_metadata_is_a_vector_of_zeros(self, sample, variant):
        fusion = variant.build(CHANNELS, METADATA, SIZE)
        fused = fusion(sample[0], torch.zeros(3, METADATA))
        assert fused.isfinite().all()
        assert fused.shape == (3, fusion.out_features)

    def test_image_and_metadata_matter_where_they_are_said_to(self, sample, variant):
        fusion = variant.build(CHANNELS, METADATA, SIZE).eval()
        feature_map, metadata = sample
        fused = fusion(feature_map, metadata)
        hands_on = fusion.uses_metadata and not (fusion.estimates and fusion.uses_image)
        assert torch.equal(fusion(feature_map, metadata + 1.0), fused) is not hands_on
        assert torch.equal(fusion(feature_map + 1.0, metadata), fused) is not fusion.uses_image

    def test_without_spatial_extent_the_pooled_map_is_enough(self, sample, variant):
        if not FUSIONS.get(variant.name).spatial:
            fusion = variant.build(CHANNELS, METADATA, SIZE).eval()
            feature_map, metadata = sample
            pooled = fusion(feature_map.mean((2, 3), keepdim=True), metadata)
            torch.testing.assert_close(pooled, fusion(feature_map, metadata))

    @pytest.mark.parametrize("size", [(1, 1), (2, 2), (7, 7)])
    def test_takes_maps_of_every_size_and_of_several_images(self, variant, size):
        fusion = variant.build(2 * CHANNELS, METADATA, size)
        fused = fusion(*sample_of(2, 2 * CHANNELS, size))
        assert fused.shape == (2, fusion.out_features)
        assert fused.isfinite().all()


@pytest.mark.parametrize("name", FUSIONS.names())
class TestEverySetting:
    def test_the_class_knows_its_registered_name(self, name):
        assert FUSIONS.get(name).name == name

    def test_the_default_depth_is_legal_and_built(self, build, name):
        kind = FUSIONS.get(name)
        assert (kind.default_depth in kind.depths) if kind.depths else kind.default_depth is None
        assert build(name).depth == kind.default_depth

    def test_an_illegal_depth_names_fusion_depth_and_choices(self, build, name):
        with pytest.raises(InputError) as raised:
            build(name, depth=9)
        message = str(raised.value)
        assert f"'{name}'" in message
        assert "depth 9" in message
        assert all(str(depth) in message for depth in FUSIONS.get(name).depths)

    def test_unknown_widths_are_refused(self, build, name):
        with pytest.raises(InputError, match="branch widths 'scale' are not known; choose one of scaled, published"):
            build(name, widths="scale")

    def test_an_unknown_option_is_refused_with_those_that_are(self, build, name):
        with pytest.raises(InputError) as raised:
            build(name, temperature=1)
        assert str(raised.value).startswith(f"fusion '{name}' has no option 'temperature'")
        assert all(option in str(raised.value) for option in FUSIONS.get(name).options)

    def test_every_option_is_varied(self, name):
        kind = FUSIONS.get(name)
        assert {option for options in OPTIONS.get(name, []) for option in options} == set(kind.options)
        assert kind.branch_options <= set(kind.options)

    def test_no_metadata_is_refused_by_those_that_need_it(self, build, name):
        kind = FUSIONS.get(name)
        if kind.uses_metadata and not kind.metadata_optional:
            with pytest.raises(InputError, match=f"'{name}' needs metadata"):
                build(name, metadata_width=0)
        else:
            fusion = build(name, metadata_width=0)
            assert fusion(sample_of()[0], torch.zeros(3, 0)).shape == (3, fusion.out_features)


def test_a_depth_for_image_only_is_an_error(build):
    with pytest.raises(InputError, match="fusion 'none' has no depth to choose, got depth 1; leave the depth out"):
        build("none", depth=1)


def test_multiply_has_no_depth_zero(build):
    with pytest.raises(InputError, match="fusion 'multiply' has no depth 0; choose one of 1, 2, 3, 4"):
        build("multiply", depth=0)


@pytest.mark.parametrize(
    ("depth", "published", "parameters"),  # MetaNet's Table 4 at C = 2048 with 17 metadata values
    [
        (1, [2048], 36_864),
        (2, [1024, 2048], 2_117_632),
        (3, [512, 1024, 2048], 2_633_728),
        (4, [256, 512, 1024, 2048], 2_760_704),
    ],
)
@pytest.mark.parametrize("name", ["concat", "multiply"])
@pytest.mark.parametrize("widths", ["scaled", "published"])
def test_published_widths_and_parameter_counts(build, name, depth, widths, published, parameters):
    assert branch_widths(depth, 2048, widths) == published
    fusion = build(name, depth, widths, channels=2048, metadata_width=17)
    assert sum(parameter.numel() for parameter in fusion.parameters()) == parameters


def test_widths_scale_with_the_channels_but_published_ones_stay():
    assert branch_widths(4, 4, "scaled") == [1, 1, 2, 4]
    assert branch_widths(3, 256, "scaled") == [64, 128, 256]
    assert branch_widths(3, 256, "published") == [512, 1024, 256]
    assert branch_widths(0, 256) == []


@pytest.mark.parametrize("depth", [-1, 5])
def test_an_undefined_branch_depth_is_refused(depth):
    with pytest.raises(InputError, match="choose 0 to 4"):
        branch_widths(depth, 64)


def test_image_only_is_the_mean_over_positions(build):
    feature_map = torch.arange(8.0).reshape(1, 2, 2, 2)
    assert build("none", channels=2)(feature_map, torch.zeros(1, METADATA)).tolist() == [[1.5, 5.5]]


def test_raw_concat_appends_the_metadata_itself(build, sample):
    feature_map, metadata = sample
    fused = build("concat", depth=0)(feature_map, metadata)
    assert torch.equal(fused, torch.cat([feature_map.mean((2, 3)), metadata], dim=1))


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_concat_appends_an_encoding_that_is_never_negative(build, sample, depth):
    feature_map, metadata = sample
    fused = build("concat", depth=depth)(feature_map, metadata)
    assert torch.equal(fused[:, :CHANNELS], feature_map.mean((2, 3)))
    assert fused[:, CHANNELS:].min() >= 0


def last_layer(fusion) -> nn.Linear:
    return [layer for layer in fusion.branch if isinstance(layer, nn.Linear)][-1]


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_gate_of_one_is_the_image_only_model(build, sample, depth):
    fusion = build("multiply", depth=depth)
    nn.init.constant_(last_layer(fusion).bias, 100.0)
    torch.testing.assert_close(fusion(*sample), build("none")(*sample))


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_zero_last_layer_gates_by_one_half(build, sample, depth):
    fusion = build("multiply", depth=depth)
    nn.init.zeros_(last_layer(fusion).weight)
    nn.init.zeros_(last_layer(fusion).bias)
    assert torch.equal(fusion.gate(sample[1]), torch.full((3, CHANNELS), 0.5))
    torch.testing.assert_close(fusion(*sample), build("none")(*sample) / 2)


def test_the_linear_branch_equals_metanets_1x1_convolutions(build, sample):
    fusion = build("multiply", depth=2)
    feature_map, metadata = sample
    first, _, second, _ = fusion.branch
    convolutions = nn.Sequential(nn.Conv2d(METADATA, 16, 1), nn.ReLU(), nn.Conv2d(16, CHANNELS, 1), nn.Sigmoid())
    for convolution, linear in ((convolutions[0], first), (convolutions[2], second)):
        convolution.weight.data = linear.weight.data[:, :, None, None]
        convolution.bias.data = linear.bias.data
    gated = feature_map * convolutions(metadata[:, :, None, None])
    torch.testing.assert_close(fusion(feature_map, metadata), nn.functional.adaptive_avg_pool2d(gated, 1).flatten(1))
