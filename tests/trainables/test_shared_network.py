"""Fold fits of samples with two images: what is shared, the biased loss, predictions of all heads, and refusals."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shared_network_ranks
import torch
from array_cohorts import cohort_of

from models.errors import InputError
from trainables.configuration import Configuration
from trainables.data import FitData, ImageData, ImageSource, open_data
from trainables.decisions import youden_threshold
from trainables.features import FeatureSource
from trainables.fit import FoldFit
from trainables.folds import FoldSettings, make_splits
from trainables.losses import LossSettings
from trainables.modalities import ModalitySettings
from trainables.network import check_modalities, share_encoder
from trainables.outcome import mean_metrics
from trainables.planning import component_versions

IMAGES = ("clinical", "dermoscopy")
COHORT = cohort_of(list("abbabaabbabaabba"), images=IMAGES)
SPLIT = make_splits(COHORT, FoldSettings(folds=2), inner_share=0.25)[0]
TARGETS = torch.from_numpy(COHORT.labels("diagnosis")[:, None])
SHARED = {"heads": "separate", "attention": "shared", "normalisation": "split"}
INDIVIDUAL = {"heads": "separate", "encoder": "individual", "attention": "individual", "attention_stages": [1, 2, 3, 4]}
WORLD = 2
ROOT = Path(__file__).parents[2]


def settings(modalities, **sections) -> Configuration:
    base = {
        "backbone": {"name": "test_resnet", "frozen_stages": 0},
        "image": {"size": [64, 64]},
        "metadata": {"fields": ["age", "sex"]},
        "fusion": {"name": "concat"},
        "training": {"epochs": 2, "batch_size": 4, "learning_rate": 0.02, "optimiser": "sgd", "inner_share": 0.25},
    }
    return Configuration.of({**base, "modalities": modalities, **sections})


def frozen(modalities, **sections) -> Configuration:
    return settings(modalities, backbone={"name": "test_resnet"}, **sections)


def image_data(configuration) -> ImageData:
    """Noise of its own for every image; the second is brighter for class b."""
    pixels = np.random.default_rng(0).integers(0, 200, (len(COHORT), 2, 64, 64, 3), dtype=np.uint8)
    pixels[TARGETS[:, 0].numpy() == 1, 1] += 50
    source = FeatureSource(COHORT, configuration.backbone, configuration.image, None, "map")
    return ImageData(ImageSource(pixels, source.build_backbone()), TARGETS, "cpu")


def feature_data() -> FitData:
    """Two maps a sample; only the second tells the classes apart."""
    features = np.random.default_rng(0).normal(size=(len(COHORT), 8, 2, 2))
    features[:, 4:] += 3 * (TARGETS.numpy()[:, :, None, None] - 0.5)
    return FitData(torch.tensor(features, dtype=torch.float32), TARGETS)


def fit_of(configuration, data=None) -> FoldFit:
    data = data or (image_data(configuration) if configuration.fine_tuned else feature_data())
    return FoldFit(configuration, SPLIT, COHORT, data, seed=0, threads=1)


def run(configuration) -> FoldFit:
    fit = fit_of(configuration)
    list(fit.run())
    return fit


def probabilities(fit) -> np.ndarray:
    return fit.outcome.predictions.filter(like="probability:").to_numpy()


@pytest.mark.parametrize("modalities", [SHARED, INDIVIDUAL], ids=["shared", "individual"])
class TestFineTuned:
    def test_every_parameter_learns_and_a_repeat_gives_the_same_bytes(self, modalities):
        configuration = settings(modalities, loss={"bias": 0.7})
        fit = fit_of(configuration)
        before = {name: parameter.detach().clone() for name, parameter in fit.model.named_parameters()}
        list(fit.run())
        assert [name for name, p in fit.model.named_parameters() if torch.equal(p, before[name])] == []
        assert fit.outcome.predictions.equals(run(configuration).outcome.predictions)
        assert fit.outcome.cost["parameters"] == sum(p.numel() for p in fit.model.parameters())

    def test_it_goes_on_from_a_saved_state(self, modalities):
        whole, stopped, resumed = (fit_of(settings(modalities)) for _ in range(3))
        list(whole.run())
        next(stopped.run())
        resumed.restore(copy.deepcopy(stopped.state()))
        list(resumed.run())
        assert resumed.outcome.predictions.equals(whole.outcome.predictions)

    def test_attention_is_a_new_layer_and_the_backbones_own_weights_are_not(self, modalities):
        fit = fit_of(settings(modalities, training={"new_layer_factor": 10.0}))
        new = {id(parameter) for parameter in fit.optimiser.param_groups[0]["params"]}
        assert {id(parameter) for parameter in fit.model.attention.parameters()} <= new
        assert not new & {id(parameter) for parameter in fit.model.backbone.parameters()}

    def test_the_backbone_of_other_fits_is_untouched(self, modalities):
        configuration = settings(modalities)
        data = image_data(configuration)
        names = list(data.source.backbone.state_dict())
        list(fit_of(configuration, data).run())
        assert list(data.source.backbone.state_dict()) == names
        assert not any(module._forward_hooks for module in data.source.backbone.modules())


def test_costs_tell_shared_from_individual():
    """E + 2 A + 2 H against 2 E + 2 * 2 A + 2 H, from the widths of test_resnet's stages 3 and 4."""
    encoder = sum(parameter.numel() for parameter in image_data(settings({})).source.backbone.parameters())
    attention, head = sum(2 * width * (width + 1) for width in (192, 96)), (96 + 3) * 2 + 2
    both = {"heads": "separate", "attention": "shared"}, {**INDIVIDUAL, "attention_stages": [3, 4]}
    shared, individual = (run(settings(each)).outcome.cost["parameters"] for each in both)
    assert shared == encoder + attention + 2 * head
    assert individual == 2 * encoder + 2 * attention + 2 * head


def test_initial_heads_are_the_same_with_and_without_attention():
    plain, attentive = (fit_of(settings({"heads": "separate", **more})) for more in ({}, {"attention": "shared"}))
    for one, other in zip(plain.model.heads.parameters(), attentive.model.heads.parameters(), strict=True):
        assert torch.equal(one, other)
    rows = plain.split.test
    torch.testing.assert_close(plain._predict(rows)[0], attentive._predict(rows)[0])  # attention adds nothing yet


def test_predictions_are_the_mean_of_the_heads_or_weigh_them_as_the_loss():
    for prediction, weights in (("mean", (0.5, 0.5)), ("biased", (0.2, 0.8))):
        fit = run(frozen({"heads": "separate", "prediction": prediction}, loss={"bias": 0.8}))
        (logits,) = fit._predict(SPLIT.test)
        heads = torch.softmax(logits, dim=2).numpy()
        expected = weights[0] * heads[:, 0] + weights[1] * heads[:, 1]
        np.testing.assert_allclose(probabilities(fit), expected, rtol=1e-6)


def test_each_head_is_reported_alone():
    training = {"epochs": 20, "batch_size": 8, "learning_rate": 0.05}
    configuration = frozen({"heads": "separate"}, fusion={"name": "none"}, training=training)
    fit = run(configuration)
    metrics = fit.outcome.metrics
    assert set(metrics) == {"mcr", "auc", "mcr:clinical", "auc:clinical", "mcr:dermoscopy", "auc:dermoscopy"}
    (logits,) = fit._predict(SPLIT.test)
    alone = mean_metrics(TARGETS.numpy()[SPLIT.test], [torch.softmax(logits[:, 0], dim=1).numpy()])
    assert (metrics["mcr:clinical"], metrics["auc:clinical"]) == (alone["mcr"], alone["auc"])
    assert metrics["auc:dermoscopy"] == 1.0 > metrics["auc:clinical"]


def test_each_head_decides_at_a_threshold_of_its_own_inner_part():
    cohort = cohort_of((["a"] * 9 + ["b"]) * 20, images=IMAGES)
    labels = cohort.labels("diagnosis")
    noise = np.random.default_rng(0).normal(size=(len(labels), 8))
    signal = noise + np.repeat([0.3, 1.0], 4) * labels[:, None]
    data = FitData(torch.tensor(signal[:, :, None, None], dtype=torch.float32), torch.from_numpy(labels[:, None]))
    training = {"epochs": 30, "learning_rate": 0.05, "inner_share": 0.2}
    configuration = frozen(
        {"heads": "separate"}, fusion={"name": "none"}, training=training, head={"threshold": "youden"}
    )
    split = make_splits(cohort, FoldSettings(folds=3), 0.2)[0]
    fit = FoldFit(configuration, split, cohort, data, seed=0, threads=1)
    list(fit.run())
    (inner,), (test,) = fit._predict(split.inner), fit._predict(split.test)
    moved = []
    for number, image in enumerate(IMAGES):
        watched, decided = (torch.softmax(each[:, number], dim=1).numpy() for each in (inner, test))
        threshold = youden_threshold(labels[split.inner], watched[:, 1])
        expected = mean_metrics(labels[split.test][:, None], [decided], [threshold])
        assert fit.outcome.metrics[f"mcr:{image}"] == expected["mcr"]
        moved.append(expected["mcr"] != mean_metrics(labels[split.test][:, None], [decided])["mcr"])
    assert any(moved)


def test_joint_heads_report_no_images():
    assert set(run(frozen({})).outcome.metrics) == {"mcr", "auc"}


def test_a_bias_towards_an_image_trains_its_head_further():
    moved = {}
    for bias in (0.1, 0.9):
        fit = fit_of(frozen({"heads": "separate"}, fusion={"name": "none"}, loss={"bias": bias}))
        start = copy.deepcopy(fit.model.heads)
        list(fit.run())
        pairs = zip(fit.model.heads.heads, start.heads, strict=True)
        moved[bias] = [float((a.classifiers[0].weight - b.classifiers[0].weight).detach().norm()) for a, b in pairs]
    assert moved[0.9][1] > moved[0.1][1]
    assert moved[0.9][0] < moved[0.1][0]


def test_the_inner_part_is_watched_with_the_same_loss_and_the_same_mean():
    fit = run(frozen({"heads": "separate"}, loss={"bias": 0.8}))
    (logits,) = fit._predict(SPLIT.inner)
    targets = TARGETS[SPLIT.inner, 0]
    losses = [torch.nn.functional.cross_entropy(logits[:, image], targets) for image in range(2)]
    assert fit.outcome.history[-1]["inner"]["loss"] == pytest.approx(float(0.2 * losses[0] + 0.8 * losses[1]))


def test_features_of_a_real_cohort_are_cut_as_the_images_lie(tmp_path):
    configuration = frozen({"heads": "separate"}, fusion={"name": "none"}, metadata={"fields": []})
    source = FeatureSource(COHORT, configuration.backbone, configuration.image, None, "pooled")
    data = open_data(source, configuration, tmp_path, workers=1)
    fit = FoldFit(configuration, SPLIT, COHORT, data, seed=0, threads=1)
    backbone = source.build_backbone()
    assert fit.model.fusion.channels == 2 * backbone.channels
    vectors = fit.model.fusion(data.features[:3], fit.metadata[:3])
    torch.testing.assert_close(vectors[:, 1], data.features[:3, backbone.channels :, 0, 0])


def test_keys_name_the_version_of_modalities_where_they_differ_from_the_defaults():
    assert component_versions(frozen({"heads": "separate"}))["modalities"] == 1
    assert "modalities" not in component_versions(frozen({}))


@pytest.mark.parametrize(
    ("modalities", "loss", "images", "said"),
    [
        ({"heads": "separate"}, {}, IMAGES[:1], "modalities.heads=separate is for several images a sample, the cohort"),
        ({"attention": "shared"}, {}, IMAGES[:1], "modalities.attention=shared is for several images"),
        ({"encoder": "individual"}, {}, IMAGES[:1], "the cohort has clinical alone; leave modalities out"),
        ({"heads": "separate"}, {"bias": 0.7, "favoured": "dermis"}, IMAGES, "loss.favoured='dermis' is no image"),
        ({"heads": "separate", "prediction": "biased"}, {}, IMAGES, "modalities.prediction=biased averages with"),
    ],
)
def test_settings_without_effect_are_refused(modalities, loss, images, said):
    with pytest.raises(InputError) as raised:
        check_modalities(ModalitySettings(**modalities), LossSettings(**loss), images)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("modalities", "loss", "images"),
    [
        ({}, {}, IMAGES[:1]),
        ({}, {"bias": 0.7}, IMAGES[:1]),  # no heads per image: nothing to weigh
        ({"prediction": "biased"}, {}, IMAGES[:1]),
        ({"heads": "separate", "prediction": "biased"}, {"bias": 0.7}, IMAGES),
        (INDIVIDUAL, {}, IMAGES),
    ],
)
def test_settings_with_effect_and_defaults_are_not(modalities, loss, images):
    check_modalities(ModalitySettings(**modalities), LossSettings(**loss), images)


def test_what_a_backbone_cannot_share_is_found_before_training():
    configuration = settings({"normalisation": "split"}, backbone={"name": "test_vit", "frozen_stages": 0})
    backbone = image_data(configuration).source.backbone
    with pytest.raises(InputError, match="'test_vit' has no batch normalisation"):
        share_encoder(configuration, backbone, 2)


@pytest.mark.slow
def test_two_processes_train_what_one_does(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    program = [sys.executable, str(ROOT / "tests" / "shared_network_ranks.py")]
    commands = [[*program, str(rank), str(WORLD), str(tmp_path)] for rank in range(WORLD)]
    processes = [subprocess.Popen(command, env=environment) for command in commands]
    assert [process.wait(timeout=100) for process in processes] == [0] * WORLD
    alone = shared_network_ranks.alone()
    for rank in range(WORLD):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for case, expected in alone.items():
            assert found[case].keys() == expected.keys()
            for name, value in expected.items():
                torch.testing.assert_close(found[case][name], value, rtol=1e-6, atol=1e-9, msg=f"{case}: {name}")
