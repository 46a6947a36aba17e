"""timm networks of every layout as feature extractors, and what is refused: names, sizes, foreign weights."""

import pytest
import timm
import torch

from models.backbones import create_backbone
from models.errors import InputError
from models.maps import tokens_to_map

# Last map at 64 pixels: channels, rows, columns.
LAYOUTS = {
    "test_resnet": (96, 2, 2),
    "test_efficientnet": (256, 2, 2),
    "test_convnext": (64, 2, 2),
    "test_vit": (64, 4, 4),  # tokens
    "swin_tiny_patch4_window7_224": (768, 2, 2),  # channels last
    "mobilenetv3_small_100": (576, 2, 2),  # 1024 after its conv head
    "mobilenetv1_025": (256, 2, 2),
}


def small(name, size=(64, 64), **settings):
    torch.manual_seed(3)
    return create_backbone(name, image_size=size, **settings)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_becomes_batch_channels_rows_columns(name):
    backbone = small(name)
    maps = backbone(torch.randn(2, 3, 64, 64))
    assert maps.shape == (2, *LAYOUTS[name])
    assert (backbone.channels, *backbone.map_size) == LAYOUTS[name]
    maps.square().sum().backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters()), "a part that the map does not need"


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "swin_tiny_patch4_window7_224"])
def test_rows_and_columns_are_not_swapped(name):
    assert small(name, (64, 96)).map_size == (LAYOUTS[name][1], LAYOUTS[name][2] * 3 // 2)


def test_the_map_is_timms_own():
    images = torch.randn(2, 3, 64, 64)
    convolutional = small("test_resnet").eval()
    torch.manual_seed(3)
    peer = timm.create_model("test_resnet", num_classes=0).eval()
    torch.testing.assert_close(convolutional(images), peer.forward_features(images))
    swin = small("swin_tiny_patch4_window7_224").eval()
    channels_last = swin.network.forward_features(images)
    assert torch.equal(swin(images)[1, :, 0, 1], channels_last[1, 0, 1])
    vit = small("test_vit").eval()
    tokens = vit.network.forward_features(images)
    assert torch.equal(vit(images)[1, :, 2, 3], tokens[1, 1 + 2 * 4 + 3])


def test_normalisation_and_native_size_come_from_the_networks_configuration():
    backbone = small("mobilenetv1_100")
    assert (backbone.mean, backbone.std, backbone.input_size) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), (224, 224))
    assert small("test_resnet", (96, 96)).input_size == (160, 160)
    assert small("mobilenetv1_025").mean == (0.485, 0.456, 0.406)


def test_heads_behind_the_map_are_dropped():
    backbone = small("mobilenetv3_small_100")
    assert sum(parameter.numel() for parameter in backbone.parameters()) == 927_008  # 1,525,031 with a 7-class head
    assert not any(name.startswith("network.conv_head") for name in backbone.state_dict())


def test_creation_leaves_the_network_in_training_mode_and_its_statistics_alone():
    backbone = small("test_resnet")
    assert backbone.training
    assert not backbone.network.bn1.running_mean.any()


@pytest.mark.parametrize(
    ("name", "size", "native"),
    [
        ("test_convnext", (16, 16), "160 x 160"),  # a kernel larger than its input
        ("test_vit", (65, 64), "160 x 160"),  # timm's assertion
        ("nest_tiny", (20, 20), "224 x 224"),  # refused by the constructor
        ("test_resnet", (0, 64), "160 x 160"),
    ],
)
@pytest.mark.parametrize("with_state", [False, True])
def test_an_image_size_that_does_not_fit(name, size, native, with_state):
    state = small(name, (64, 64)).network.state_dict() if with_state else None
    with pytest.raises(InputError) as raised:
        small(name, size, state=state)
    message = str(raised.value)
    assert f"backbone '{name}' cannot take {size[0]} x {size[1]} pixels" in message
    assert native in message
    assert "\n" not in message


def test_an_unknown_name_is_answered_with_a_few_close_ones():
    with pytest.raises(InputError) as raised:
        small("resnt50")
    assert "backbone 'resnt50' is not known to timm" in str(raised.value)
    assert "did you mean 'resnet50'" in str(raised.value)
    assert len(str(raised.value)) < 150


def test_an_unknown_tag_lists_the_known_ones():
    with pytest.raises(InputError, match=r"'resnet18.nonsense' has an unknown tag; known tags: .*a1_in1k"):
        small("resnet18.nonsense")


def test_a_network_without_published_weights_says_so():
    with pytest.raises(InputError, match="backbone 'mobilenetv1_025': published weights could not be fetched"):
        small("mobilenetv1_025", hub=True)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit", "mobilenetv1_025"])
def test_a_state_is_loaded_whole_and_costs_no_random_numbers(name):
    source = small(name)
    torch.manual_seed(11)
    loaded = create_backbone(name, image_size=(64, 64), state=source.network.state_dict())
    drawn = torch.rand(3)
    torch.manual_seed(11)
    assert torch.equal(drawn, torch.rand(3))
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(loaded.eval()(images), source.eval()(images))
    assert "state_dict" not in loaded.network.pretrained_cfg, "the checkpoint would live on in every copy of the model"


def test_a_state_of_another_size_goes_through_timms_filter():
    source = small("test_vit")
    larger = small("test_vit", (96, 96), state=source.network.state_dict())
    assert larger.map_size == (6, 6)
    assert torch.equal(larger.network.blocks[0].attn.qkv.weight, source.network.blocks[0].attn.qkv.weight)


@pytest.mark.parametrize("missing", ["conv1.0.weight", "bn1.running_var", "layer2.0.bn2.bias"])
def test_a_state_without_one_tensor_is_refused(missing):
    state = small("test_resnet").network.state_dict()
    del state[missing]
    with pytest.raises(InputError, match=f"weights of backbone 'test_resnet' lack 1 of its 75 tensors .{missing}"):
        small("test_resnet", state=state)


def test_half_precision_weights_are_taken():
    state = {name: tensor.half() for name, tensor in small("test_resnet").network.state_dict().items()}
    loaded = small("test_resnet", state=state)
    assert torch.equal(loaded.network.conv1[0].weight.half(), state["conv1.0.weight"])


def refused(name, state):
    with pytest.raises(InputError) as raised:
        small(name, state=state)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_state_of_another_architecture_is_refused(caplog):
    foreign = small("test_vit").network.state_dict()
    assert "lack 73 of its 73 tensors" in refused("test_efficientnet", foreign)
    assert not caplog.records


def test_a_state_with_other_shapes_is_refused():
    state = small("test_resnet").network.state_dict()
    state["conv1.0.weight"] = torch.zeros(1, 3, 3, 3)
    assert "size mismatch for conv1.0.weight" in refused("test_resnet", state)


def test_an_empty_state_never_falls_back_to_the_hub():
    assert "hold no tensors" in refused("test_resnet", {})


@pytest.mark.parametrize("n_prefix", [0, 1, 2])
def test_uncounted_prefix_tokens_are_found_by_the_grid(n_prefix):
    tokens = torch.arange(n_prefix + 6.0).reshape(1, -1, 1)
    rows = tokens_to_map(tokens, (64, 96))[0, 0]
    assert rows.tolist() == [[n_prefix, n_prefix + 1, n_prefix + 2], [n_prefix + 3, n_prefix + 4, n_prefix + 5]]


def test_tokens_without_a_grid_are_refused():
    with pytest.raises(ValueError, match="7 tokens make no grid of 64 x 64"):
        tokens_to_map(torch.zeros(1, 7, 4), (64, 64), 0)
