"""Inputs of a model: normalised as the backbone wants, augmented by sample and epoch and by nothing else."""

import numpy as np
import torch

from models.backbones import create_backbone
from trainables.augmentation import AugmentationSettings
from trainables.inputs import FeatureInputs, ImageInputs

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 2, 40, 36, 3), dtype=np.uint8)
BACKBONE = create_backbone("test_resnet", image_size=(32, 32))
CPU = torch.device("cpu")


def images(**settings) -> ImageInputs:
    return ImageInputs(PIXELS, BACKBONE, AugmentationSettings(**settings), CPU)


def test_images_are_normalised_by_the_backbones_own_mean_and_deviation():
    batch = images().evaluation(torch.tensor([2]))
    expected = (PIXELS[2].transpose(0, 3, 1, 2) / 255.0 - np.reshape(BACKBONE.mean, (3, 1, 1))) / np.reshape(
        BACKBONE.std, (3, 1, 1)
    )
    np.testing.assert_allclose(batch[0].numpy(), expected, atol=1e-5)
    assert images().channels == 2 * BACKBONE.channels


def test_augmentation_belongs_to_the_sample_and_the_epoch():
    inputs = images(crop=(32, 32), flip_horizontal=0.5, rotation=90, brightness=(0.5, 1.5))
    inputs.start_epoch(1)
    whole = inputs.training(torch.arange(6))
    parts = torch.cat([inputs.training(torch.tensor([row])) for row in range(6)])
    torch.testing.assert_close(whole, parts, atol=1e-5, rtol=0)
    again = images(crop=(32, 32), flip_horizontal=0.5, rotation=90, brightness=(0.5, 1.5))
    again.start_epoch(1)
    torch.testing.assert_close(again.training(torch.arange(6)), whole, atol=0, rtol=0)
    inputs.start_epoch(2)
    assert (inputs.training(torch.arange(6)) - whole).abs().amax(dim=(1, 2, 3, 4)).min() > 0.1
    torch.testing.assert_close(inputs.evaluation(torch.arange(6)), again.evaluation(torch.arange(6)), atol=0, rtol=0)


def test_pixels_in_memory_and_mapped_are_the_same(tmp_path):
    np.save(tmp_path / "pixels.npy", PIXELS)
    mapped = ImageInputs(np.load(tmp_path / "pixels.npy", mmap_mode="r"), BACKBONE, AugmentationSettings(), CPU)
    held = ImageInputs(torch.from_numpy(PIXELS), BACKBONE, AugmentationSettings(), CPU)
    rows = torch.tensor([5, 0, 3])
    assert torch.equal(mapped.evaluation(rows), held.evaluation(rows))


def test_features_pass_as_they_are():
    features = torch.randn(5, 3, 2, 2)
    inputs = FeatureInputs(features)
    inputs.start_epoch(0)
    assert torch.equal(inputs.training(torch.tensor([4, 1])), features[[4, 1]])
    assert inputs.backbone is None
