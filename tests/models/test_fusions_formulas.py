"""The other fusions by their formulas: numbers by hand, gates of one, and what a setting changes."""

import math

import pytest
import torch
from torch import nn

from models.errors import InputError
from models.fusions import create_fusion
from models.fusions.layers import NormalisedLinear, normalised_layers

CHANNELS, METADATA = 8, 5


def build(name, channels=CHANNELS, metadata_width=METADATA, **settings):
    torch.manual_seed(0)
    return create_fusion(name, channels, metadata_width, **settings).eval()


@pytest.fixture
def sample():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, CHANNELS, 4, 5, generator=generator), torch.rand(3, METADATA, generator=generator)


def constant(layer: nn.Linear, *values: float) -> None:
    """Let a linear layer give the same values for every input."""
    nn.init.zeros_(layer.weight)
    layer.bias.data = torch.tensor(values)


class TestMetadataEmbedding:
    @pytest.mark.parametrize("depth", [1, 2, 3, 4])
    def test_with_a_sigmoid_it_is_metanets_gate(self, sample, depth):
        embedding, multiply = (build(name, depth=depth) for name in ("metadata-embedding", "multiply"))
        multiply.load_state_dict(embedding.state_dict())
        torch.testing.assert_close(embedding(*sample), multiply(*sample))

    @pytest.mark.parametrize(("activation", "factor"), [("linear", -2.0), ("relu", 0.0), ("sigmoid", 0.1192029)])
    def test_the_last_activation_bounds_the_scale(self, sample, activation, factor):
        fusion = build("metadata-embedding", activation=activation)
        constant(fusion.branch[2], *[-2.0] * CHANNELS)
        torch.testing.assert_close(fusion(*sample), factor * sample[0].mean((2, 3)))

    def test_published_width_is_1024(self):
        with torch.device("meta"):
            fusion = create_fusion("metadata-embedding", 512, 3, widths="published")
        assert [layer.out_features for layer in fusion.branch if isinstance(layer, nn.Linear)] == [1024, 512]

    def test_an_unknown_activation_is_refused(self):
        message = r"fusion.activation='tanh' is not known; choose one of sigmoid, linear, relu"
        with pytest.raises(InputError, match=message):
            build("metadata-embedding", activation="tanh")


class TestFiLM:
    def test_scales_and_shifts_each_channel(self):
        fusion = build("film", channels=2, depth=1)
        constant(fusion.branch[0], 0.5, -2.0, 10.0, 20.0)  # gamma - 1 of both channels, then beta of both
        feature_map = torch.arange(8.0).reshape(1, 2, 2, 2)  # means 1.5 and 5.5
        assert fusion(feature_map, torch.rand(1, METADATA)).tolist() == [[1.5 * 1.5 + 10, -5.5 + 20]]

    @pytest.mark.parametrize("depth", [1, 2, 3, 4])
    def test_a_silent_branch_is_the_image_only_model(self, sample, depth):
        fusion = build("film", depth=depth)
        last = [layer for layer in fusion.branch if isinstance(layer, nn.Linear)][-1]
        constant(last, *[0.0] * 2 * CHANNELS)
        torch.testing.assert_close(fusion(*sample), build("none")(*sample))


class TestMetaBlock:
    def test_formula_by_hand(self):
        fusion = build("metablock", channels=4, metadata_width=1, group_size=2)
        for part, weight, bias in ((fusion.scale, [0.5, -1.0], [0.1, 0.2]), (fusion.shift, [0.3, 2.0], [0.0, -1.0])):
            part.linear.weight.data = torch.tensor(weight)[:, None]
            part.linear.bias.data = torch.tensor(bias)
            part.norm.running_mean.fill_(0.1)
            part.norm.running_var.fill_(4.0)
        metadata, features = 3.0, [1.0, -0.5, 0.25, 2.0]

        def normal(value):  # by the running mean 0.1 and variance 4
            return (value - 0.1) / math.sqrt(4.0 + 1e-5)

        expected = []
        for index, feature in enumerate(features):  # features 0 and 1 are row 0, features 2 and 3 row 1
            f = normal([0.5, -1.0][index // 2] * metadata + [0.1, 0.2][index // 2])
            g = normal([0.3, 2.0][index // 2] * metadata + [0.0, -1.0][index // 2])
            expected.append(1 / (1 + math.exp(-(math.tanh(feature * f) + g))))
        fused = fusion(torch.tensor(features).reshape(1, 4, 1, 1), torch.tensor([[metadata]]))
        torch.testing.assert_close(fused, torch.tensor([expected]))

    @pytest.mark.parametrize(("channels", "rows"), [(2048, 64), (1024, 32), (1280, 40), (1792, 56)])
    def test_rows_of_the_papers_backbones(self, channels, rows):
        with torch.device("meta"):
            fusion = create_fusion("metablock", channels, 17)
        assert fusion.scale.linear.out_features == fusion.shift.linear.out_features == rows

    def test_gates_stay_between_zero_and_one(self, sample):
        fused = build("metablock", group_size=4)(100 * sample[0], sample[1])
        assert 0 < fused.min() <= fused.max() < 1

    def test_channels_that_do_not_divide_name_the_sizes_that_do(self):
        message = (
            r"fusion.group_size=32 does not divide the 100 channels of the feature map; choose one of 1, 2, 4, 5, 10, "
            r"20, 25, 50, 100"
        )
        with pytest.raises(InputError, match=message):
            build("metablock", channels=100)


class TestGessert:
    def test_layers_and_their_order(self, sample):
        fusion = build("gessert")
        feature_map, metadata = sample
        encoded = fusion.branch(metadata)
        assert encoded.shape == (3, 256)
        joined = torch.cat([feature_map.mean((2, 3)), encoded], dim=1)
        torch.testing.assert_close(fusion(*sample), torch.relu(fusion.joint[0](joined)))
        assert [type(layer) for layer in fusion.branch] == [NormalisedLinear, nn.ReLU, nn.Dropout] * 2
        assert [layer.p for layer in fusion.modules() if isinstance(layer, nn.Dropout)] == [0.4, 0.4]

    def test_a_dropout_of_zero_is_none(self):
        fusion = build("gessert", dropout=0.0)
        assert not any(isinstance(layer, nn.Dropout) for layer in fusion.modules())


class TestHyperparametric:
    def test_formula_by_hand(self):
        fusion = build("hyperparametric", channels=2, metadata_width=1)
        constant(fusion.scale.linear, 2.0, 2.0)
        constant(fusion.shift.linear, -1.0, 3.0)
        feature_map = torch.tensor([1.5, -0.5]).reshape(1, 2, 1, 1)
        unit = 1 / math.sqrt(1 + 1e-5)  # batch normalisation by a running variance of one
        sums = [0.7 * 1.5 * 2 * unit + 0.3 * -1 * unit, 0.7 * 0.01 * -0.5 * 2 * unit + 0.3 * 3 * unit]
        expected = torch.tensor([[value / (1 + math.exp(-value)) for value in sums]])
        torch.testing.assert_close(fusion.gated(feature_map, torch.zeros(1, 1)), expected)

    def test_weights_choose_between_image_and_metadata(self, sample):
        feature_map, metadata = sample
        image = build("hyperparametric", image_weight=1.0, metadata_weight=0.0)
        image.scale.linear.weight.data.zero_()
        assert torch.equal(image(feature_map, metadata), image(feature_map, metadata + 1))
        values = build("hyperparametric", image_weight=0.0, metadata_weight=1.0)
        assert torch.equal(values(feature_map, metadata), values(feature_map + 1, metadata))
        with pytest.raises(InputError, match="leave nothing; raise one of them"):
            build("hyperparametric", image_weight=0.0, metadata_weight=0.0)

    def test_three_layers_follow(self):
        fusion = build("hyperparametric")
        linear = [layer for layer in fusion.layers.modules() if isinstance(layer, nn.Linear)]
        assert [layer.out_features for layer in linear] == [1024, 512, 256]
        assert [layer.p for layer in fusion.modules() if isinstance(layer, nn.Dropout)] == [0.4, 0.4, 0.3]


class TestCrossAttention:
    OPTIONS = {"branch_width": 6, "heads": 2}  # noqa: RUF012

    def test_the_order_of_positions_does_not_matter(self, sample):
        fusion = build("cross-attention", **self.OPTIONS)
        feature_map, metadata = sample
        shuffled = feature_map.flatten(2)[:, :, torch.randperm(20)].reshape(feature_map.shape)
        torch.testing.assert_close(fusion(shuffled, metadata), fusion(feature_map, metadata))

    def test_each_half_sees_the_other_modality(self, sample):
        fusion = build("cross-attention", **self.OPTIONS)
        feature_map, metadata = sample
        fused = fusion(feature_map, metadata)
        image, values = fusion(feature_map, metadata + 1)[:, :6], fusion(feature_map.flip(1), metadata)[:, 6:]
        assert not torch.allclose(image, fused[:, :6])
        assert not torch.allclose(values, fused[:, 6:])

    def test_without_attention_the_tokens_are_averaged(self, sample):
        fusion = build("cross-attention", **self.OPTIONS)
        for layer in fusion.modules():
            if isinstance(layer, nn.MultiheadAttention):
                nn.init.zeros_(layer.out_proj.weight)
        feature_map, metadata = sample
        image = fusion.image_tokens(feature_map.flatten(2).transpose(1, 2)).mean(1)
        values = fusion.metadata_tokens(metadata).mean(1)
        torch.testing.assert_close(fusion(*sample), torch.cat([image, values], dim=1))

    def test_attention_is_scaled_dot_products_by_hand(self):
        fusion = build("cross-attention", **self.OPTIONS)
        attend = fusion.image_cross
        tokens, context = torch.randn(1, 3, 6), torch.randn(1, 4, 6)
        attention = attend.attention
        q, k, v = (
            part(source).reshape(-1, 2, 3).transpose(0, 1)
            for part, source in zip(
                [lambda x, i=i: x[0] @ attention.in_proj_weight[6 * i : 6 * i + 6].T for i in range(3)],
                [tokens, context, context],
                strict=True,
            )
        )
        weights = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(3), dim=2)
        seen = (weights @ v).transpose(0, 1).reshape(3, 6) @ attention.out_proj.weight.T
        torch.testing.assert_close(attend(tokens, context)[0], tokens[0] + seen)

    def test_a_width_that_the_heads_do_not_divide_is_refused(self):
        message = r"fusion.heads=3 does not divide fusion.branch_width=512; choose a width that is a multiple"
        with pytest.raises(InputError, match=message):
            build("cross-attention", heads=3)


class TestEstimated:
    def test_lates_network_is_image_only(self, sample):
        assert torch.equal(build("late")(*sample), build("none")(*sample))

    def test_metadata_only_hands_the_metadata_on(self, sample):
        fusion = build("metadata-only")
        assert fusion(*sample) is sample[1]
        assert fusion.out_features == METADATA


class TestNormalisedLinear:
    @pytest.mark.parametrize("batch", [2, 16])
    def test_a_batch_is_normalised_by_its_own_statistics_in_training(self, batch):
        torch.manual_seed(0)
        layer = NormalisedLinear(3, 2).train()
        outputs = layer(torch.randn(batch, 3))
        torch.testing.assert_close(outputs.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
        torch.testing.assert_close(outputs.var(0, correction=0), torch.ones(2), atol=1e-3, rtol=0)

    def test_a_batch_of_one_is_normalised_as_in_evaluation_and_leaves_no_trace(self):
        layer = NormalisedLinear(3, 2).train()
        layer(torch.randn(16, 3))
        before = {name: value.clone() for name, value in layer.state_dict().items()}
        alone = torch.randn(1, 3)
        assert torch.equal(layer(alone), layer.eval()(alone))
        assert all(torch.equal(before[name], value) for name, value in layer.state_dict().items())

    def test_a_stack_has_a_dropout_where_it_is_not_zero(self):
        stack = normalised_layers(3, [4, 2], [0.0, 0.5])
        assert [type(layer) for layer in stack] == [NormalisedLinear, nn.ReLU, NormalisedLinear, nn.ReLU, nn.Dropout]
