"""Activation maps: by hand where Grad-CAM is CAM, by what they light up, and without any effect on a fold fit."""

import dataclasses

import numpy as np
import pytest
import torch
from array_cohorts import cohort_of, grouped_cohort

from analysis.activation_maps import read_maps
from analysis.errors import StorageError
from analysis.ledger import Ledger
from models.fused import FusedModel
from models.fusions import FUSIONS, create_fusion
from models.heads import Heads
from models.modalities import FusionPerImage, HeadsPerImage
from trainables.activation_maps import LARGEST_SIDE, MapSettings, chosen_rows, class_activation_maps, smaller
from trainables.configuration import Configuration
from trainables.data import FitData, ImageData, ImageSource, open_data
from trainables.features import FeatureSource
from trainables.fit import FoldFit
from trainables.folds import FoldSettings, make_splits
from trainables.planning import TrialContext, plan_trial, splits_for
from trainables.trial import run_trial

EXACT = torch.autocast("cpu", enabled=False)
COHORT = grouped_cohort(31)
SPLIT = make_splits(COHORT, FoldSettings(folds=3))[0]
MAPS = torch.tensor(np.random.default_rng(0).normal(size=(len(COHORT), 32, 3, 2)), dtype=torch.float32)
LABELS = torch.from_numpy(COHORT.labels("diagnosis")[:, None])
TRAINED = [name for name in FUSIONS.names() if FUSIONS.get(name).uses_image]
POOLED = [name for name in TRAINED if not FUSIONS.get(name).spatial]
SMALL = {"cross-attention": {"branch_width": 8}, "soft-attention": {"branch_width": 8, "maps": 3}}


def model_of(fusion: str, channels: int = 32, classes: tuple[int, ...] = (3,)) -> FusedModel:
    torch.manual_seed(0)
    made = create_fusion(fusion, channels, 2, map_size=(3, 2), **SMALL.get(fusion, {}))
    return FusedModel(made, Heads(made.out_features, classes)).eval()


def configured(fusion: str = "concat", **sections) -> Configuration:
    base = {
        "backbone": {"features": "map"},
        "metadata": {"fields": ["age", "sex"]},
        "fusion": {"name": fusion} | SMALL.get(fusion, {}),
        "training": {"epochs": 2, "batch_size": 8, "learning_rate": 0.01},
    }
    return Configuration.of({**base, **sections})


def fitted(configuration: Configuration, maps: MapSettings | None, data=None, cohort=COHORT, split=SPLIT) -> FoldFit:
    data = data or FitData(MAPS, LABELS)
    fit = FoldFit(configuration, split, cohort, data, seed=0, threads=1, maps=maps)
    list(fit.run())
    return fit


def maps_of(model, feature_maps, classes, *, n_images=1, pooled=False) -> torch.Tensor:
    metadata = torch.ones(len(feature_maps), 2)
    return class_activation_maps(
        model, feature_maps, metadata, classes, n_images=n_images, pooled=pooled, autocast=EXACT
    )


def test_with_average_pooling_and_a_linear_head_it_is_zhous_map_and_sums_to_the_logit():
    model = model_of("none")
    classes = torch.tensor([[0, 2], [1, 1], [2, 0]])
    found = maps_of(model, MAPS[:3], classes)
    head = model.heads.classifiers[0]
    by_hand = torch.einsum("nkc,ncij->nkij", head.weight[classes], MAPS[:3]) / 6  # w_c A_c over 3 x 2 positions
    torch.testing.assert_close(found[:, :, 0], by_hand)
    logits = model.forward_features(MAPS[:3], torch.ones(3, 2))[0] - head.bias
    torch.testing.assert_close(found.sum((2, 3, 4)), logits.gather(1, classes))


@pytest.mark.parametrize("name", POOLED)
def test_a_head_on_pooled_features_has_the_map_of_one_on_the_whole_map(name):
    classes = torch.tensor([[0, 1], [2, 2]])
    model = model_of(name)
    torch.testing.assert_close(maps_of(model, MAPS[:2], classes, pooled=True), maps_of(model, MAPS[:2], classes))


def test_a_gate_that_metadata_close_takes_its_channels_out_of_the_map():
    model = model_of("multiply", channels=2)
    last = [module for module in model.fusion.modules() if isinstance(module, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([-100.0, 100.0]))  # sigmoid: 0 for the first channel, 1 for the second
    found = maps_of(model, MAPS[:1, :2], torch.tensor([[1]]))[0, 0, 0]
    torch.testing.assert_close(found, model.heads.classifiers[0].weight[1, 1] * MAPS[0, 1] / 6)


def test_every_image_has_its_own_map_by_its_own_head():
    torch.manual_seed(0)
    fusions = [create_fusion("none", 16, 0, map_size=(3, 2)) for _ in range(2)]
    heads = [Heads(16, (3,)) for _ in range(2)]
    model = FusedModel(FusionPerImage(fusions), HeadsPerImage(heads)).eval()
    found = maps_of(model, MAPS[:1], torch.tensor([[2]]), n_images=2)[0, 0]
    for number, head in enumerate(heads):
        own = MAPS[0, 16 * number : 16 * (number + 1)]
        expected = torch.einsum("c,cij->ij", head.classifiers[0].weight[2], own) / 6
        torch.testing.assert_close(found[number], expected)


def test_joined_images_share_a_head_and_their_maps_add_up_to_the_logit():
    model = model_of("none")
    found = maps_of(model, MAPS[:2], torch.tensor([[0], [1]]), n_images=2)
    assert found.shape == (2, 1, 2, 3, 2)
    whole = maps_of(model, MAPS[:2], torch.tensor([[0], [1]]))
    torch.testing.assert_close(found.sum(2), whole[:, :, 0])


@pytest.mark.parametrize("name", TRAINED)
def test_maps_of_every_fusion_change_nothing_about_its_fold_fit(name):
    plain, with_maps = (fitted(configured(name), maps).outcome for maps in (None, MapSettings(per_class=2)))
    assert plain.maps is None
    assert with_maps.predictions.equals(plain.predictions)
    assert with_maps.metrics == plain.metrics
    found = with_maps.maps
    assert found.maps.shape == (6, 2, 1, 3, 2)
    assert np.isfinite(found.maps).all()
    assert np.abs(found.maps).max() > 0
    recorded = plain.predictions.set_index("sample").loc[found.samples]
    np.testing.assert_array_equal(recorded.filter(like="probability:").to_numpy(), found.probabilities)
    assert recorded["target:diagnosis"].tolist() == [found.classes[label] for label in found.labels]
    np.testing.assert_array_equal(found.decisions, found.probabilities.argmax(1))
    assert found.pictures is None


def test_the_chosen_samples_hang_on_their_ids_alone():
    few, more = (chosen_rows(COHORT, SPLIT, count) for count in (1, 3))
    labels = COHORT.labels("diagnosis")
    assert np.bincount(labels[few]).tolist() == [1, 1, 1]
    assert np.bincount(labels[more]).tolist() == [3, 3, 3]
    assert set(few) < set(more) <= set(SPLIT.test)
    turned = dataclasses.replace(SPLIT, test=SPLIT.test[::-1])
    assert chosen_rows(COHORT, turned, 3).tolist() == more.tolist()
    everything = chosen_rows(COHORT, SPLIT, 1000)
    assert sorted(everything) == sorted(SPLIT.test)


def test_a_class_without_evaluated_samples_has_no_maps():
    labels = COHORT.labels("diagnosis")
    without = dataclasses.replace(SPLIT, test=SPLIT.test[labels[SPLIT.test] != 1])
    found = fitted(configured(), MapSettings(per_class=2), split=without).outcome.maps
    assert found.labels.tolist() == [0, 0, 2, 2]


def test_the_threshold_that_was_chosen_decides(monkeypatch):
    cohort = cohort_of(list("ab" * 24))
    split = make_splits(cohort, FoldSettings(folds=3), inner_share=0.25)[0]
    data = FitData(MAPS[:48], torch.from_numpy(cohort.labels("diagnosis")[:, None]))
    configuration = configured(
        head={"threshold": "youden"}, training={"epochs": 1, "learning_rate": 1e-4, "inner_share": 0.25}
    )
    monkeypatch.setattr("trainables.decisions.youden_threshold", lambda labels, positive: 0.0)
    outcome = fitted(configuration, MapSettings(), data, cohort, split).outcome
    assert outcome.metrics["threshold:diagnosis"] == 0.0
    assert outcome.maps.decisions.tolist() == [1] * 8


def test_a_bright_square_lights_up():
    """The square is all that tells the classes apart; its place is random, so the network has to look for it."""
    cohort = cohort_of(list("ab" * 32))
    split = make_splits(cohort, FoldSettings(folds=4))[0]
    rng = np.random.default_rng(0)
    pixels = rng.integers(40, 60, (len(cohort), 1, 64, 64, 3)).astype(np.uint8)
    corners = rng.integers(0, 2, (len(cohort), 2)) * 32
    for row in np.flatnonzero(cohort.labels("diagnosis") == 1):
        top, left = corners[row] + 8
        pixels[row, 0, top : top + 16, left : left + 16] = 220
    configuration = Configuration.of(
        {
            "backbone": {"name": "test_resnet", "frozen_stages": 0},
            "image": {"size": [64, 64]},
            "training": {"epochs": 6, "batch_size": 8, "learning_rate": 0.01},
        }
    )
    backbone = FeatureSource(cohort, configuration.backbone, configuration.image, None, "map").build_backbone()
    data = ImageData(ImageSource(pixels, backbone), torch.from_numpy(cohort.labels("diagnosis")[:, None]), "cpu")
    outcome = fitted(configuration, MapSettings(per_class=8), data, cohort, split).outcome
    found = outcome.maps
    assert (found.decisions == found.labels).all()
    rows = cohort.samples.index.get_indexer(found.samples)
    np.testing.assert_array_equal(found.pictures, pixels[rows])
    bright = found.labels == 1
    size = found.maps.shape[-1]
    shown = torch.from_numpy(np.maximum(found.maps[bright, 0], 0))
    quarters = torch.nn.functional.adaptive_avg_pool2d(shown, 2)[:, 0].numpy()
    assert size >= 2
    own = quarters[np.arange(bright.sum()), *(corners[rows[bright]] // 32).T]
    assert (own == quarters.max(axis=(1, 2))).all()
    assert (own > 0.5 * quarters.sum(axis=(1, 2))).all()


def test_large_pictures_are_made_smaller_and_small_ones_are_not():
    pictures = np.random.default_rng(0).integers(0, 255, (2, 2, 200, 320, 3)).astype(np.uint8)
    assert smaller(pictures).shape == (2, 2, 100, LARGEST_SIDE, 3)
    assert smaller(pictures[:0]).shape == (0, 2, 100, LARGEST_SIDE, 3)
    assert smaller(pictures[:, :, :90, :100]).shape == (2, 2, 90, 100, 3)


def context_of(tmp_path, configuration, cohort, **changes) -> TrialContext:
    folds = FoldSettings(folds=2)
    splits = splits_for(cohort, folds, [configuration])
    return TrialContext(
        cohort=cohort, folds=folds, splits=splits, ledger=Ledger(tmp_path / "ledger"), cache=tmp_path / "cache",
        weights={}, **changes,
    )  # fmt: skip


def frozen(**backbone) -> Configuration:
    return configured(image={"size": [32, 32]}, backbone={"name": "test_resnet", "standardise": True} | backbone)


@pytest.mark.parametrize("features", ["pooled", "map"])
def test_frozen_features_give_the_same_maps_pooled_and_not(features, tmp_path):
    cohort = cohort_of(list("ab" * 16), images=("clinical", "dermoscopy"))
    configuration = frozen(features=features)
    context = context_of(tmp_path, configuration, cohort)
    data = open_data(context.features_of(configuration), configuration, context.cache, workers=1)
    fit = FoldFit(
        configuration, context.splits_of(configuration)[0], cohort, data, seed=0, threads=1, maps=MapSettings()
    )
    list(fit.run())
    found = fit.outcome.maps
    assert found.maps.shape[:3] == (8, 2, 2)
    rows = cohort.samples.index.get_indexer(found.samples)
    assert found.pictures[:, 1, 0, 0, 0].tolist() == rows.tolist()  # the grey of a picture is its row
    # The map sums to the part of the logit that comes from the image: the rest is metadata and bias.
    head, width = fit.model.heads.classifiers[0], data.features.shape[1]
    standard = fit.inputs.features[rows].mean((2, 3))
    expected = (standard @ head.weight[:, :width].T).gather(1, torch.from_numpy(found.labels)[:, None])[:, 0]
    np.testing.assert_allclose(found.maps[:, 0].sum((1, 2, 3)), expected.detach().numpy(), atol=1e-4)


def test_a_trial_stores_maps_beside_its_records_and_keys_do_not_know(tmp_path):
    cohort, configuration = cohort_of(list("ab" * 16)), frozen()
    contexts = [context_of(tmp_path / name, configuration, cohort, maps=maps) for name, maps in
                (("plain", None), ("maps", MapSettings(per_class=2)))]  # fmt: skip
    trials = [plan_trial("x", configuration, context) for context in contexts]
    assert [fit.key for fit in trials[0].fits] == [fit.key for fit in trials[1].fits]
    for trial, context in zip(trials, contexts, strict=True):
        list(run_trial(trial, context, workers=1))
    for fit in trials[0].fits:
        plain, other = (context.ledger.predictions(context.ledger.get(fit.key)) for context in contexts)
        assert plain.equals(other)
        assert read_maps(contexts[0].ledger.storage, fit.key) is None
        assert read_maps(contexts[1].ledger.storage, fit.key).maps.shape[:2] == (4, 2)
    # A fold fit that is done is not trained again, and nothing can make its maps up.
    late = dataclasses.replace(contexts[0], maps=MapSettings())
    assert all(event.reused for event in run_trial(trials[0], late, workers=1))
    assert late.ledger.storage.names("maps", ".npz") == []


def test_maps_that_cannot_be_written_cost_no_record(tmp_path, monkeypatch):
    def full(storage, key, maps):
        raise StorageError("no space left")

    monkeypatch.setattr("trainables.fit_run.write_maps", full)
    configuration, cohort = frozen(), cohort_of(list("ab" * 16))
    context = context_of(tmp_path, configuration, cohort, maps=MapSettings())
    trial = plan_trial("x", configuration, context)
    assert [event.state for event in list(run_trial(trial, context, workers=1)) if hasattr(event, "state")] == [
        "done", "done",
    ]  # fmt: skip


def test_fine_tuned_fits_keep_what_the_network_saw(tmp_path):
    cohort = cohort_of(list("ab" * 16))
    configuration = configured(
        backbone={"name": "test_resnet", "frozen_stages": 0}, image={"size": [40, 40]},
        augmentation={"crop": [32, 32]}, training={"epochs": 1, "batch_size": 8, "precision": "bfloat16"},
    )  # fmt: skip
    context = context_of(tmp_path, configuration, cohort, maps=MapSettings(per_class=1))
    trial = plan_trial("x", configuration, context)
    list(run_trial(trial, context, workers=1))
    found = read_maps(context.ledger.storage, trial.fits[0].key)
    assert found.pictures.shape == (2, 1, 32, 32, 3)
    assert np.isfinite(found.maps).all()
