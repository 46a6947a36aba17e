"""Augmentation of images when a backbone is fine-tuned: per sample, batched, on the device."""

from trainables.augmentation.augment import AUGMENTATION_VERSION, augment, evaluate
from trainables.augmentation.drawn import draws
from trainables.augmentation.settings import AugmentationSettings

__all__ = ["AUGMENTATION_VERSION", "AugmentationSettings", "augment", "draws", "evaluate"]
