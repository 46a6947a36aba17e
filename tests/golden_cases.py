"""The components whose numbers are kept: name -> (version, function that computes a short list of floats).

Everything a function uses is made from fixed seeds, initial parameters included, so a changed initialisation shows too.
Add a component with one more entry of `CASES`; components of a registry are walked, so a new fusion needs none.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from array_cohorts import cohort_of, grouped_cohort
from fusion_variants import OPTIONS

from models.backbones import BACKBONES_VERSION, create_backbone
from models.fusions import FUSIONS, create_fusion
from models.gates import GATES
from models.heads import HEADS_VERSION, Heads
from models.modalities import MODALITIES_VERSION, CrossAttention
from trainables.augmentation import AUGMENTATION_VERSION, AugmentationSettings, augment, draws, evaluate
from trainables.configuration import Configuration
from trainables.data import FitData, ImageData, ImageSource
from trainables.features import FEATURES_VERSION, BackboneSettings, FeatureKind, FeatureSource
from trainables.fit import FoldFit
from trainables.folds import FoldSettings, make_splits
from trainables.images import PREPARATION_VERSION, ImageSettings, prepare
from trainables.losses import LOSSES, LossSettings, WeightFormula, create_loss
from trainables.metadata import ENCODINGS, MetadataSettings, fit_encoder
from trainables.optimisation import TRAINING_VERSION

CHANNELS, METADATA = 4, 3
WHOLE_PIXELS = {"flip_horizontal": 0.5, "flip_vertical": 0.5, "quarter_turns": 0.5}
GEOMETRY = {"zoom": [0.7, 1.0], "rotation": 30, "translation": 0.1, "scale": [0.8, 1.2], "shear": 8, "skew": 0.2}
COLOUR = {"brightness": [0.7, 1.3], "contrast": [0.7, 1.3], "saturation": [0.7, 1.3], "hue": 0.1}


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


def gate(name: str) -> list[float]:
    """Some of the last map of a network with gates, in both places and with both ways to squeeze."""
    numbers = []
    for settings in ({}, {"position": "before"}, {"pool": "average", "reduction": 4}):
        with seeded(0):
            network = create_backbone("test_resnet", image_size=(64, 96), gate={"name": name, **settings}).eval()
            for weight, parameter in network.named_parameters():
                if weight.endswith(("bn2.weight", "bn3.weight")):  # zero at first: the residual would not be seen
                    torch.nn.init.ones_(parameter)
            numbers += network(torch.randn(1, 3, 64, 96)).mean((2, 3))[0, :6].tolist()
    return numbers


def fusion(name: str) -> list[float]:
    """Some numbers of every depth and both kinds of widths; where there are options, of three samples for each."""
    batch, channels = (3, 32) if name in OPTIONS else (1, CHANNELS)
    numbers = []
    for options in [{}, *OPTIONS.get(name, [])]:
        for depth in FUSIONS.get(name).depths or (None,):
            for widths in ("scaled", "published"):
                with seeded(0):
                    settings = {"depth": depth, "widths": widths, "map_size": (2, 3)} | options
                    module = create_fusion(name, channels, METADATA, **settings)
                    fused = module(torch.randn(batch, channels, 2, 3), torch.rand(batch, METADATA)).flatten()
                numbers += fused[:: max(1, len(fused) // 12)].tolist()
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


def encoding(name: str) -> list[float]:
    """Two samples of the encoder of all fields, one with everything missing, and a mask of dropped fields."""
    cohort = cohort_of(list("abbcab"))
    cohort.samples.iloc[1, -2:] = [None, np.nan]
    encoder = fit_encoder(MetadataSettings(fields=("age", "sex"), encoding=name), cohort, np.arange(5))
    mask = encoder.drop_mask(4, np.random.default_rng(0))
    return [*encoder.encode(np.array([0, 1])).flatten().tolist(), *mask.flatten().tolist()]


def preparation() -> list[float]:
    """Some pixels of a picture after colour constancy and each way of resizing."""
    image = np.random.default_rng(0).integers(20, 220, size=(40, 60, 3), dtype=np.uint8)
    numbers = []
    for resize in ("stretch", "crop"):
        settings = ImageSettings(size=(12, 10), resize=resize, colour_constancy="shades-of-grey")
        numbers += prepare(image, settings)[::5, ::4].flatten().astype(float).tolist()
    return numbers


def extraction(kind: FeatureKind) -> list[float]:
    """Frozen features of a cohort of two images a sample, by a seeded random network."""
    cohort = cohort_of(list("ab"), images=("clinical", "dermoscopy"))
    settings, image = BackboneSettings(name="test_resnet"), ImageSettings(size=(32, 32))
    with tempfile.TemporaryDirectory() as cache:
        features = FeatureSource(cohort, settings, image, None, kind).open(Path(cache), workers=1)
        return np.array(features)[:, ::40].flatten()[:24].astype(float).tolist()


def augmentation(**settings: object) -> list[float]:
    """Some pixels of two samples of two pictures, augmented and as they are evaluated."""
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 2, 20, 24, 3), dtype=np.uint8))
    chosen = AugmentationSettings.model_validate(settings | {"crop": [16, 18]})
    seen = augment(pixels, torch.from_numpy(draws(2, 2, seed=0)), chosen)
    return torch.cat([seen, evaluate(pixels, chosen)])[:, :, :, ::7, ::8].flatten().tolist()


def training(**settings: object) -> list[float]:
    """Predictions at the end of a short fold fit on random features."""
    cohort = grouped_cohort(30)
    labels = torch.from_numpy(cohort.labels("diagnosis")[:, None])
    features = torch.tensor(np.random.default_rng(0).normal(size=(len(cohort), 4, 1, 1)), dtype=torch.float32)
    configuration = Configuration.of(
        {
            "metadata": {"fields": ["age", "sex"], "encoding": "zero-fill"},
            "head": {"dropout": 0.2},
            "backbone": {"standardise": True},
            "training": {"epochs": 3, "batch_size": 16, "learning_rate": 0.02, **settings},
        }
    )
    split = make_splits(cohort, FoldSettings(folds=3), inner_share=0.2)[0]
    fit = FoldFit(configuration, split, cohort, FitData(features, labels), seed=0, threads=1)
    list(fit.run())
    assert fit.outcome is not None
    assert fit.outcome.predictions is not None
    return fit.outcome.predictions.filter(like="probability:").iloc[:4].to_numpy().flatten().astype(float).tolist()


def fine_tuning(images: tuple[str, ...] = ("dermoscopy",), **sections: object) -> list[float]:
    """Predictions at the end of a short fold fit that trains all but the first stage of its backbone.

    A second image is the negative of the first.
    """
    cohort = cohort_of(list("abbabaabbabaabba"), images=images)
    configuration = Configuration.of(
        {
            "backbone": {"name": "test_resnet", "frozen_stages": 1},
            "image": {"size": [40, 40]},
            "augmentation": {"crop": [32, 32], "flip_vertical": 0.5},
            "metadata": {"fields": ["age", "sex"]},
            "training": {"epochs": 2, "batch_size": 4, "learning_rate": 0.01, "optimiser": "sgd"},
            **sections,
        }
    )
    rows = [np.resize(cohort.images.read(row, "dermoscopy"), (40, 40, 3)) for row in range(len(cohort))]
    pixels = np.stack([np.stack([image, 255 - image][: len(images)]) for image in rows])
    with seeded(0):
        source = ImageSource(pixels, create_backbone("test_resnet", image_size=(32, 32)).eval())
    data = ImageData(source, torch.from_numpy(cohort.labels("diagnosis")[:, None]), "cpu")
    split = make_splits(cohort, FoldSettings(folds=2))[0]
    fit = FoldFit(configuration, split, cohort, data, seed=0, threads=1)
    list(fit.run())
    assert fit.outcome is not None
    assert fit.outcome.predictions is not None
    return fit.outcome.predictions.filter(like="probability:").to_numpy().flatten().astype(float).tolist()


def modalities(**settings: object) -> list[float]:
    """A short fold fit with heads per image and the biased loss, then what random attention adds to two images."""
    chosen = {"heads": "separate", "prediction": "biased", **settings}
    numbers = fine_tuning(("clinical", "dermoscopy"), modalities=chosen, loss={"bias": 0.7})
    with seeded(0):
        attention = CrossAttention(CHANNELS, 2, individual=settings["attention"] == "individual")
        for direction in attention.directions:
            torch.nn.init.normal_(direction.output.weight)
        return numbers + attention(torch.randn(2, CHANNELS, 16, 3))[:, 0, ::5].flatten().tolist()


CASES: dict[str, tuple[int, Callable[[], list[float]]]] = {
    "backbone alexnet": (BACKBONES_VERSION, partial(backbone, "alexnet")),
    "backbone mobilenetv1_025": (BACKBONES_VERSION, partial(backbone, "mobilenetv1_025")),
    "backbone test_vit": (BACKBONES_VERSION, partial(backbone, "test_vit")),
    "backbone nasnetamobile": (BACKBONES_VERSION, partial(backbone, "nasnetamobile")),
    **{f"gate {name}": (GATES.version(name), partial(gate, name)) for name in GATES.names()},
    "heads": (HEADS_VERSION, heads),
    **{f"fusion {name}": (FUSIONS.version(name), partial(fusion, name)) for name in FUSIONS.names()},
    **{f"encoding {name}": (ENCODINGS.version(name), partial(encoding, name)) for name in ENCODINGS.names()},
    "preparation": (PREPARATION_VERSION, preparation),
    "augmentation geometry": (AUGMENTATION_VERSION, partial(augmentation, **GEOMETRY)),
    "augmentation whole pixels": (AUGMENTATION_VERSION, partial(augmentation, **WHOLE_PIXELS, evaluation="resize")),
    "augmentation colour": (AUGMENTATION_VERSION, partial(augmentation, **COLOUR)),
    "features pooled": (FEATURES_VERSION, partial(extraction, "pooled")),
    "features map": (FEATURES_VERSION, partial(extraction, "map")),
    "training adam": (TRAINING_VERSION, partial(training, optimiser="adam", schedule="cosine")),
    "training of a backbone": (TRAINING_VERSION, fine_tuning),
    "modalities shared": (MODALITIES_VERSION, partial(modalities, attention="shared", normalisation="split")),
    "modalities individual": (MODALITIES_VERSION, partial(modalities, attention="individual", encoder="individual")),
    "training sgd": (TRAINING_VERSION, partial(training, optimiser="sgd", schedule="step", steps=[2])),
    **{f"loss {name}": (LOSSES.version(name), partial(loss, name)) for name in LOSSES.names()},
}
