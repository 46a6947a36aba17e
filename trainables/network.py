"""The network of a fold fit, built from its configuration: encoder and attention for several images, fusions, heads."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from models.backbones import Backbone
from models.errors import InputError
from models.fused import FusedModel
from models.fusions import Fusion, create_fusion
from models.heads import Heads
from models.modalities import (
    FusionPerImage,
    HeadsPerImage,
    attach_attention,
    individual_encoder,
    split_normalisation,
)
from trainables.configuration import Configuration
from trainables.inputs import Inputs
from trainables.losses import LossSettings, image_weights
from trainables.modalities import ModalitySettings


def build_network(
    configuration: Configuration, inputs: Inputs, metadata_width: int, n_images: int, classes: Sequence[int]
) -> FusedModel:
    """Return the untrained network on `inputs`, whose backbone (if it has one) becomes part of it.

    Args:
        configuration: fusion, heads, and what the images share.
        inputs: says the shape of the joined maps.
        metadata_width: encoded values of a sample.
        n_images: of a sample.
        classes: number of classes of each target.

    Raises:
        InputError: from a fusion or `share_encoder`.
    """
    dropout, channels = configuration.head.dropout, inputs.channels
    if configuration.modalities.separate:
        each = channels // n_images
        fusions = [_fusion(configuration, each, inputs.map_size, metadata_width) for _ in range(n_images)]
        heads = [Heads(fusion.out_features, classes, dropout) for fusion in fusions]
        parts: tuple[Any, Any] = FusionPerImage(fusions), HeadsPerImage(heads)
    else:
        fusion = _fusion(configuration, channels, inputs.map_size, metadata_width)
        parts = fusion, Heads(fusion.out_features, classes, dropout)
    # After fusion and heads: their initial weights are then the same with and without attention.
    attention = None if inputs.backbone is None else share_encoder(configuration, inputs.backbone, n_images)
    return FusedModel(*parts, inputs.backbone, attention)


def share_encoder(configuration: Configuration, backbone: Backbone, n_images: int) -> nn.ModuleList | None:
    """Make the backbone, in place, what the images share of it; return the attention modules hooked to it, if any.

    InputError when the backbone cannot be copied part by part, has no batch normalisation to split, or does not tell
    the stages that attention follows.
    """
    settings, size = configuration.modalities, configuration.input_size
    if settings.encoder == "individual":
        individual_encoder(backbone, n_images, size)
    elif settings.normalisation == "split":
        split_normalisation(backbone, n_images, size)
    if settings.attention == "none":
        return None
    individual = settings.attention == "individual"
    return attach_attention(backbone, n_images, size, stages=settings.attention_stages, individual=individual)


def check_modalities(settings: ModalitySettings, loss: LossSettings, image_names: Sequence[str]) -> None:
    """Raise an InputError for modality settings that the images of a cohort, or the loss, leave without effect."""
    if not settings.active:
        return
    name, value = next(iter(settings.canonical().items()))
    if len(image_names) < 2:
        raise InputError(
            f"modalities.{name}={value} is for several images a sample, the cohort has {', '.join(image_names)} alone; "
            "leave modalities out"
        )
    if settings.separate and loss.bias is not None:
        image_weights(loss.bias, loss.favoured, image_names)
    if settings.separate and settings.prediction == "biased" and loss.bias is None:
        raise InputError("modalities.prediction=biased averages with the weights of loss.bias; set it, for example 0.7")


def check_fusion(configuration: Configuration, channels: int, map_size: tuple[int, int]) -> None:
    """Raise an InputError for a fusion that cannot take maps of `channels` and `map_size`; no memory is taken."""
    with torch.device("meta"):
        _fusion(configuration, channels, map_size, int(configuration.uses_metadata))


def _fusion(configuration: Configuration, channels: int, map_size: tuple[int, int], metadata_width: int) -> Fusion:
    return create_fusion(
        configuration.fusion_name,
        channels,
        metadata_width,
        depth=configuration.depth,
        widths=configuration.fusion.widths,
        map_size=map_size,
        **configuration.options,
    )
