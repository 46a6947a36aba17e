"""Soft-Attention by what its papers fix: counts, flattened widths, maps that sum to one, paths, gamma, branch."""

import pytest
import torch
from torch import nn

from models.fusions import create_fusion

CHANNELS, METADATA = 6, 5


def build(size=(4, 5), metadata_width=METADATA, **options):
    torch.manual_seed(0)
    return create_fusion("soft-attention", CHANNELS, metadata_width, map_size=size, **options).eval()


@pytest.fixture
def sample():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, CHANNELS, 4, 5, generator=generator), torch.rand(3, METADATA, generator=generator)


def same_max_pool(values: list[list[float]]) -> list[list[float]]:
    """Pool by 2 x 2 with "same" padding: windows start at even positions and end at the edge."""
    height, width = len(values), len(values[0])
    return [
        [max(values[y][x] for y in range(i, min(i + 2, height)) for x in range(j, min(j + 2, width)))
         for j in range(0, width, 2)]
        for i in range(0, height, 2)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("channels", "parameters"),
    [(128, 18_448), (176, 25_360), (192, 27_664), (576, 82_960), (672, 96_784), (960, 138_256), (2048, 294_928)],
)
def test_the_attention_has_the_papers_parameters(channels, parameters):
    with torch.device("meta"):
        fusion = create_fusion("soft-attention", channels, 0)
    assert sum(parameter.numel() for parameter in fusion.convolution.parameters()) == parameters
    assert fusion.gamma.numel() == 1


def test_the_metadata_layer_has_the_papers_parameters():
    with torch.device("meta"):
        fusion = create_fusion("soft-attention", 8, 21)
    assert sum(parameter.numel() for parameter in fusion.branch.parameters()) == 90_112


@pytest.mark.parametrize(
    ("channels", "side", "flattened"),  # the backbones of the notebooks, 4096 metadata features beside
    [(128, 7, 4096), (192, 8, 6144), (2048, 7, 65_536), (960, 7, 30_720), (576, 7, 18_432), (176, 7, 5632),
     (672, 11, 48_384)],
)  # fmt: skip
def test_the_flattened_vector_has_the_papers_width(channels, side, flattened):
    with torch.device("meta"):
        alone = create_fusion("soft-attention", channels, 0, map_size=(side, side))
        beside = create_fusion("soft-attention", channels, 21, map_size=(side, side))
        pooled = create_fusion("soft-attention", channels, 21, map_size=(side, side), flatten=False)
        assert alone(torch.zeros(2, channels, side, side), torch.zeros(2, 0)).shape == (2, flattened)
    assert alone.out_features == flattened
    assert beside.out_features == flattened + 4096
    assert pooled.out_features == 2 * channels + 4096


@pytest.mark.parametrize("maps", [1, 3, 16])
def test_each_map_sums_to_one_and_their_sum_to_their_number(sample, maps):
    fusion = build(maps=maps)
    attention = fusion.maps(sample[0])
    assert attention.shape == (3, maps, 4, 5)
    assert attention.min() > 0
    torch.testing.assert_close(attention.sum((2, 3)), torch.ones(3, maps))
    torch.testing.assert_close(fusion.attention(sample[0]).sum((1, 2, 3)), torch.full((3,), float(maps)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(fusion.maps(sample[0]).sum((2, 3)), torch.ones(3, maps))


def test_the_2d_convolution_is_the_3d_one_with_a_stride_of_all_channels(sample):
    fusion = build()
    volume = nn.Conv3d(1, 16, (CHANNELS, 3, 3), stride=(CHANNELS, 1, 1), padding=(0, 1, 1))
    volume.weight.data = fusion.convolution.weight.data[:, None]
    volume.bias.data = fusion.convolution.bias.data
    scores = torch.relu(volume(sample[0][:, None]))[:, :, 0]
    expected = torch.stack([torch.softmax(head.flatten(), 0).reshape(4, 5) for head in scores.flatten(0, 1)])
    torch.testing.assert_close(fusion.maps(sample[0]).flatten(0, 1), expected)


def test_two_paths_pooled_joined_rectified_and_flattened_by_hand(sample):
    fusion = build(gamma_start=2.0, branch_width=4)
    feature_map, metadata = sample
    attended = 2.0 * feature_map * fusion.attention(feature_map)
    pooled = [[same_max_pool(channel) for channel in path.tolist()] for path in (attended[1], feature_map[1])]
    image = torch.tensor(pooled).clamp(min=0).flatten()
    encoded = torch.relu(fusion.branch[0](metadata[1]))
    torch.testing.assert_close(fusion(feature_map, metadata)[1], torch.cat([image, encoded]))


def test_a_relu_before_the_paths_is_the_documents_and_shows_on_negative_maps_only(sample):
    code, document = build(), build(input_relu=True)
    feature_map, metadata = sample
    assert torch.equal(document(feature_map, metadata), code(feature_map.clamp(min=0), metadata))
    assert not torch.equal(document(feature_map, metadata), code(feature_map, metadata))
    assert torch.equal(document(feature_map.abs(), metadata), code(feature_map.abs(), metadata))


def test_with_even_attention_a_position_counts_maps_over_positions():
    fusion = build(size=(2, 2), metadata_width=0)
    nn.init.zeros_(fusion.convolution.weight)
    feature_map = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]).expand(1, CHANNELS, 2, 2)
    fused = fusion(feature_map, torch.zeros(1, 0))
    assert fused.tolist() == [[16.0] * CHANNELS + [4.0] * CHANNELS]  # 4 * 16 maps / 4 positions, then 4 itself


def test_a_gamma_of_zero_silences_the_attended_half_and_is_learned_from_there(sample):
    fusion = build(gamma_start=0.0, metadata_width=0)
    fused = fusion(sample[0], torch.zeros(3, 0))
    half = fused.shape[1] // 2
    assert fused[:, :half].abs().max() == 0
    assert fused[:, half:].max() > 0
    loud = build(gamma_start=0.1, metadata_width=0)
    loud(sample[0], torch.zeros(3, 0)).sum().backward()
    assert loud.gamma.grad > 0


def test_a_gamma_that_is_not_learned_is_saved_but_no_parameter(sample):
    fixed, learned = build(gamma_start=0.7, gamma_learned=False), build(gamma_start=0.7)
    assert "gamma" in fixed.state_dict()
    assert "gamma" not in dict(fixed.named_parameters())
    assert "gamma" in dict(learned.named_parameters())
    assert torch.equal(fixed(*sample), learned(*sample))


def test_without_metadata_it_is_the_image_part(sample):
    whole, alone = build(), build(metadata_width=0)
    image = {name: value for name, value in whole.state_dict().items() if not name.startswith("branch")}
    alone.load_state_dict(image)
    fused = alone(sample[0], torch.zeros(3, 0))
    assert torch.equal(fused, whole(*sample)[:, : alone.out_features])


def test_global_average_pooling_is_the_mean_of_what_is_flattened_otherwise(sample):
    flat, pooled = build(metadata_width=0), build(metadata_width=0, flatten=False)
    nothing = torch.zeros(3, 0)
    expected = flat(sample[0], nothing).reshape(3, 2 * CHANNELS, 6).mean(2)
    torch.testing.assert_close(pooled(sample[0], nothing), expected)


def test_dropout_acts_on_the_image_in_training_only(sample):
    fusion = build(branch_width=8)
    exact = fusion(*sample)
    torch.manual_seed(0)
    dropped = fusion.train()(*sample)
    assert torch.equal(dropped[:, -8:], exact[:, -8:])
    kept = (dropped != 0) & (exact != 0)
    torch.testing.assert_close(dropped[kept][:20], (2 * exact)[kept][:20])
    alive = exact[:, :-8] > 0
    assert 0.3 < (dropped[:, :-8][alive] == 0).float().mean() < 0.7


def test_the_attention_starts_he_uniform_with_zero_biases():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        convolution = create_fusion("soft-attention", 64, 0).convolution
    limit = (6 / (9 * 64)) ** 0.5
    assert convolution.bias.abs().max() == 0
    assert 0.98 * limit < convolution.weight.abs().max() <= limit
