"""Networks for samples with several images (dermoscopy, clinical): what they share, and what each has of its own.

The Single-Shared Network (Tang & Lasser, arXiv 2403.19203; its full text was not reachable, so the design is inferred,
papers.md 4.2) has one encoder, one cross-attention and separate heads; its controls have individual encoders and
individual attention. With encoder E, attention A per stage and heads H of each of two images

    shared      E +  A * stages + 2 H        individual   2 E + 2 A * stages + 2 H

Every module here takes a batch that is ordered image by image: all first images, then all second ones.
"""

from models.modalities.attention import CrossAttention
from models.modalities.copies import PerImage, individual_encoder, split_normalisation
from models.modalities.heads import FusionPerImage, HeadsPerImage
from models.modalities.stages import StageAttention, attach_attention, stage_names

MODALITIES_VERSION = 1
"""Raised by hand when the numbers change of attention, copies or heads per image, or of the biased loss."""

__all__ = [
    "MODALITIES_VERSION",
    "CrossAttention",
    "FusionPerImage",
    "HeadsPerImage",
    "PerImage",
    "StageAttention",
    "attach_attention",
    "individual_encoder",
    "split_normalisation",
    "stage_names",
]
