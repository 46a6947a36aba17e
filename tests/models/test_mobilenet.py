"""MobileNetV1 x0.25: the published checkpoint's layout, against a plain rebuild of the network it was trained in."""

import pytest
import torch
from torch import nn

from models.backbones import create_backbone
from models.errors import InputError
from trainables.weights import read_weights

SIZE = (96, 64)


def separable(inputs, outputs, stride):
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.LeakyReLU(0.1),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.1),
    )


class Published(nn.Module):
    """The module layout of the published checkpoint (RetinaFace's MobileNetV1 x0.25), written out by hand."""

    def __init__(self):
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.LeakyReLU(0.1))
        first = [(8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
        second = [(64, 128, 2)] + [(128, 128, 1)] * 5
        self.stage1 = nn.Sequential(stem, *(separable(*block) for block in first))
        self.stage2 = nn.Sequential(*(separable(*block) for block in second))
        self.stage3 = nn.Sequential(separable(128, 256, 2), separable(256, 256, 1))
        self.fc = nn.Linear(256, 1000)

    def forward(self, images):
        return self.stage3(self.stage2(self.stage1(images)))


@pytest.fixture(scope="module")
def published():
    torch.manual_seed(5)
    network = Published()
    for _ in range(3):  # running statistics away from their initial 0 and 1
        network(torch.randn(4, 3, *SIZE))
    return network.eval()


def load(state):
    return create_backbone("mobilenetv1_025", image_size=SIZE, state=state).eval()


def test_the_published_layout_gives_the_same_maps(published):
    images = torch.randn(2, 3, *SIZE)
    torch.testing.assert_close(load(published.state_dict())(images), published(images))


def test_its_own_layout_loads_too(published):
    first = load(published.state_dict())
    again = load(first.network.state_dict())
    images = torch.randn(2, 3, *SIZE)
    assert torch.equal(again(images), first(images))


def test_a_checkpoint_lacking_a_layer_names_it(published):
    state = {name: tensor for name, tensor in published.state_dict().items() if not name.startswith("stage2.3.3")}
    with pytest.raises(InputError, match=r"lack 1 of its 135 tensors \(blocks.3.3.conv_pw.weight\)"):
        load(state)


def test_a_checkpoint_of_another_width_is_refused(published):
    state = published.state_dict()
    state["stage1.0.0.weight"] = torch.zeros(16, 3, 3, 3)
    with pytest.raises(InputError, match=r"weights do not fit backbone 'mobilenetv1_025'.*conv_stem"):
        load(state)


def test_the_real_checkpoint_loads_whole(real_data):
    weights = read_weights(real_data / "weights" / "mobilenetV1X0.25_pretrain.tar")
    backbone = create_backbone("mobilenetv1_025", image_size=(150, 200), state=weights.state).eval()
    assert (backbone.channels, backbone.map_size) == (256, (5, 7))
    published = Published().eval()
    published.load_state_dict(weights.state)
    images = torch.randn(2, 3, 150, 200)
    torch.testing.assert_close(backbone(images), published(images))
