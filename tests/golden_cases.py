"""The components whose numbers are kept: name -> (version, function that computes a short list of floats).

Everything a function uses is made from fixed seeds, initial parameters included, so a changed initialisation shows too.
Add a component with one more entry of `CASES`; components of a registry are walked, so a new fusion needs none.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import get_args

import numpy as np
import torch

from models.backbones import BACKBONES_VERSION, create_backbone
from models.fusions import FUSIONS, create_fusion
from models.heads import HEADS_VERSION, Heads
from trainables.losses import LOSSES, LossSettings, WeightFormula, create_loss

CHANNELS, METADATA = 4, 3


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def backbone(name: str) -> list[float]:
    with seeded(0):
        network = create_backbone(name, image_size=(64, 96)).eval()
        maps = network(torch.randn(1, 3, 64, 96))
    return [*maps.mean((2, 3))[0, :6].tolist(), *maps[0, 0].flatten()[:6].tolist()]


def fusion(name: str) -> list[float]:
    numbers = []
    for depth in FUSIONS.get(name).depths or (None,):
        for widths in ("scaled", "published"):
            with seeded(0):
                module = create_fusion(name, CHANNELS, METADATA, depth=depth, widths=widths)
                numbers += module(torch.randn(1, CHANNELS, 2, 3), torch.rand(1, METADATA))[0].tolist()
    return numbers


def heads() -> list[float]:
    with seeded(0):
        first, second = Heads(5, [3, 2], dropout=0.5)(torch.randn(2, 5))
    return [*first.flatten().tolist(), *second.flatten().tolist()]


def loss(name: str) -> list[float]:
    """Values and gradients with each class-weight formula, then on two classes with alpha."""
    settings = [{}] if "class_weights" not in LOSSES.get(name).settings_used else weighted_settings()
    if name == "weighted-cross-entropy":
        settings = [setting for setting in settings if setting["class_weights"] != "none"]
    numbers = [number for setting in settings for number in loss_numbers([30, 9, 2], name=name, **setting)]
    if "alpha" in LOSSES.get(name).settings_used:
        numbers += loss_numbers([30, 9], name=name, alpha=0.25, gamma=1.5)
    return numbers


def weighted_settings() -> list[dict[str, str]]:
    return [
        {"class_weights": formula, "reduction": reduction}
        for formula in get_args(WeightFormula)
        for reduction in ("weighted-mean", "mean")
    ]


def loss_numbers(counts: list[int], **settings: object) -> list[float]:
    with seeded(0):
        logits = torch.randn(6, len(counts), requires_grad=True)
        targets = torch.randint(len(counts), (6, 1))
    value = create_loss(LossSettings.model_validate(settings), [np.array(counts)])((logits,), targets)
    (gradient,) = torch.autograd.grad(value, logits)
    return [value.item(), *gradient[0].tolist()]


CASES: dict[str, tuple[int, Callable[[], list[float]]]] = {
    "backbone mobilenetv1_025": (BACKBONES_VERSION, partial(backbone, "mobilenetv1_025")),
    "backbone test_vit": (BACKBONES_VERSION, partial(backbone, "test_vit")),
    "heads": (HEADS_VERSION, heads),
    **{f"fusion {name}": (FUSIONS.version(name), partial(fusion, name)) for name in FUSIONS.names()},
    **{f"loss {name}": (LOSSES.version(name), partial(loss, name)) for name in LOSSES.names()},
}
