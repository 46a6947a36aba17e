"""Every registered fusion by one parametrised walk, then what the papers fix about each."""

import itertools

import pytest
import torch
from torch import nn

from models.errors import InputError
from models.fusions import FUSIONS, branch_widths, create_fusion

CHANNELS, METADATA = 32, 5


EVERY_VARIANT = [
    pytest.param(name, depth, widths, id=f"{name}-{depth}-{widths}")
    for name in FUSIONS.names()
    for depth, widths in itertools.product(FUSIONS.get(name).depths or (None,), ("scaled", "published"))
]


@pytest.fixture
def build():
    def build(name, depth=None, widths="scaled", channels=CHANNELS, metadata_width=METADATA):
        torch.manual_seed(0)
        return create_fusion(name, channels, metadata_width, depth=depth, widths=widths)

    return build


@pytest.fixture
def sample():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, CHANNELS, 4, 5, generator=generator), torch.rand(3, METADATA, generator=generator)


@pytest.mark.parametrize(("name", "depth", "widths"), EVERY_VARIANT)
class TestEveryFusion:
    def test_gives_the_declared_shape(self, build, sample, name, depth, widths):
        fusion = build(name, depth, widths)
        fused = fusion(*sample)
        assert fused.shape == (3, fusion.out_features)
        assert fused.isfinite().all()

    def test_every_parameter_and_the_map_get_a_gradient(self, build, sample, name, depth, widths):
        fusion = build(name, depth, widths)
        feature_map, metadata = sample
        feature_map.requires_grad_()
        fusion(feature_map, metadata).square().sum().backward()
        assert feature_map.grad is not None
        assert feature_map.grad.abs().sum() > 0
        assert all(parameter.grad is not None for parameter in fusion.parameters())

    def test_a_sample_does_not_depend_on_its_batch(self, build, sample, name, depth, widths):
        fusion = build(name, depth, widths)
        feature_map, metadata = sample
        alone = fusion(feature_map[1:2], metadata[1:2])
        torch.testing.assert_close(alone, fusion(feature_map, metadata)[1:2])

    def test_runs_under_bfloat16_autocast(self, build, sample, name, depth, widths):
        fusion = build(name, depth, widths)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            fused = fusion(*sample)
        torch.testing.assert_close(fused.float(), fusion(*sample), atol=0.02, rtol=0.02)

    def test_its_state_makes_another_one_equal(self, build, sample, name, depth, widths):
        fusion = build(name, depth, widths)
        torch.manual_seed(7)
        other = create_fusion(name, CHANNELS, METADATA, depth=depth, widths=widths)
        other.load_state_dict(fusion.state_dict())
        assert torch.equal(other(*sample), fusion(*sample))

    def test_has_as_many_parameters_as_its_widths_say(self, build, name, depth, widths):
        chain = [METADATA, *branch_widths(depth or 0, CHANNELS, widths)]
        expected = sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(chain))
        assert sum(parameter.numel() for parameter in build(name, depth, widths).parameters()) == expected

    def test_missing_metadata_is_a_vector_of_zeros(self, build, sample, name, depth, widths):
        fusion = build(name, depth, widths)
        fused = fusion(sample[0], torch.zeros(3, METADATA))
        assert fused.isfinite().all()
        assert fused.shape == (3, fusion.out_features)

    def test_metadata_matters_where_it_is_said_to(self, build, sample, name, depth, widths):
        fusion = build(name, depth, widths)
        feature_map, metadata = sample
        changed = fusion(feature_map, metadata + 1.0)
        assert torch.equal(changed, fusion(feature_map, metadata)) is not fusion.uses_metadata

    def test_without_spatial_extent_the_pooled_map_is_enough(self, build, sample, name, depth, widths):
        fusion = build(name, depth, widths)
        feature_map, metadata = sample
        pooled = fusion(feature_map.mean((2, 3), keepdim=True), metadata)
        if not fusion.spatial:
            torch.testing.assert_close(pooled, fusion(feature_map, metadata))


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

    def test_no_metadata_is_refused_by_those_that_use_it(self, build, name):
        if FUSIONS.get(name).uses_metadata:
            with pytest.raises(InputError, match=f"'{name}' needs metadata"):
                build(name, metadata_width=0)
        else:
            assert build(name, metadata_width=0).out_features == CHANNELS


def test_a_depth_for_image_only_is_an_error(build):
    with pytest.raises(InputError, match="fusion 'none' has no metadata branch, got depth 1"):
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
