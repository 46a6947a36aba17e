"""Frozen features: the backbone's own numbers, whatever the number of threads; identities name what decides them."""

import dataclasses

import numpy as np
import pytest
import torch
from array_cohorts import cohort_of

from models.backbones import create_backbone
from models.errors import InputError
from trainables.features import BATCH, BackboneSettings, FeatureSource
from trainables.images import ImageSettings, open_pixels
from trainables.seeds import derive, torch_seed
from trainables.weights import Weights

COHORT = cohort_of(list("ab") * (BATCH // 2 + 3))
SOURCE = FeatureSource(COHORT, BackboneSettings(name="test_resnet"), ImageSettings(size=(32, 48)), None, "map")


def test_features_are_what_the_backbone_says_of_normalised_images(tmp_path):
    features = SOURCE.open(tmp_path, workers=2)
    with torch_seed(derive(0, "backbone")):
        network = create_backbone("test_resnet", image_size=(32, 48)).eval()
    pixels = open_pixels(COHORT, SOURCE.image, tmp_path, workers=1)[:, 0]
    scaled = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (network.mean, network.std))
    with torch.inference_mode():
        expected = network((scaled - mean) / std)
    assert features.shape == expected.shape
    np.testing.assert_allclose(features, expected, atol=1e-4)


def test_the_number_of_threads_changes_nothing(tmp_path):
    torch.set_num_threads(2)
    one, three = (SOURCE.open(tmp_path / str(workers), workers=workers) for workers in (1, 3))
    assert np.array_equal(one, three)
    assert torch.get_num_threads() == 2


def test_pooled_is_the_spatial_mean_of_the_map(tmp_path):
    pooled = dataclasses.replace(SOURCE, kind="pooled").open(tmp_path, workers=1)
    maps = SOURCE.open(tmp_path, workers=1)
    np.testing.assert_allclose(pooled, maps.mean(axis=(2, 3), keepdims=True), atol=1e-6)


def test_several_images_stand_side_by_side_on_the_channel_axis(tmp_path):
    two = dataclasses.replace(SOURCE, cohort=cohort_of(list("ab"), images=("clinical", "dermoscopy")))
    one = dataclasses.replace(SOURCE, cohort=cohort_of(list("ab")))
    double, single = two.open(tmp_path, workers=1), one.open(tmp_path, workers=1)
    assert double.shape[1] == 2 * single.shape[1]
    np.testing.assert_allclose(double[:, single.shape[1] :], single, atol=1e-6)


def test_features_are_computed_once(tmp_path, monkeypatch):
    first = SOURCE.open(tmp_path, workers=1)
    monkeypatch.setattr(FeatureSource, "build_backbone", lambda self: pytest.fail("built again"))
    assert np.array_equal(SOURCE.open(tmp_path, workers=1), first)


def test_damaged_features_are_computed_again(tmp_path):
    first = np.array(SOURCE.open(tmp_path, workers=1))
    path = next((tmp_path / "features").glob("*.npy"))
    path.write_bytes(path.read_bytes()[:1000])
    assert np.array_equal(SOURCE.open(tmp_path, workers=1), first)


def test_the_identity_names_the_weights_by_their_bytes():
    file = dataclasses.replace(SOURCE, backbone=BackboneSettings(name="test_resnet", weights="file"))
    with pytest.raises(InputError, match=r"backbone\.weights=file needs --weights"):
        file.identity  # noqa: B018
    here, there = (dataclasses.replace(file, weights=Weights({}, "abc", source)) for source in ("here", "there"))
    assert here.identity == there.identity
    assert here.identity["weights"] == "sha256:abc"
    other = dataclasses.replace(file, weights=Weights({}, "abd", "here"))
    seeds = [dataclasses.replace(SOURCE, backbone=BackboneSettings(name="test_resnet", seed=seed)) for seed in (0, 1)]
    hub = dataclasses.replace(SOURCE, backbone=BackboneSettings(name="resnet18", weights="hub"))
    identities = [source.identity["weights"] for source in (here, other, *seeds, hub)]
    assert len(set(identities)) == 5
    assert identities[-1].startswith("hub:timm/resnet18")


def test_a_random_backbone_depends_on_its_seed_alone(tmp_path):
    torch.manual_seed(1)
    one = SOURCE.open(tmp_path / "a", workers=1)
    torch.manual_seed(2)
    assert np.array_equal(SOURCE.open(tmp_path / "b", workers=1), one)
    other = dataclasses.replace(SOURCE, backbone=BackboneSettings(name="test_resnet", seed=1))
    assert not np.array_equal(other.open(tmp_path / "a", workers=1), one)
