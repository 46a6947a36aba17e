"""Fusions of image and metadata: one file and one registration each; importing this package registers them all."""

from typing import Any

from models.fusions import (
    concat,
    cross_attention,
    film,
    gessert,
    hyperparametric,
    late,
    metablock,
    metadata_embedding,
    metadata_only,
    multiply,
    none,
    soft_attention,
)
from models.fusions.base import FUSIONS, Fusion
from models.fusions.branch import branch_widths

__all__ = [
    "FUSIONS",
    "Fusion",
    "branch_widths",
    "concat",
    "create_fusion",
    "cross_attention",
    "film",
    "gessert",
    "hyperparametric",
    "late",
    "metablock",
    "metadata_embedding",
    "metadata_only",
    "multiply",
    "none",
    "soft_attention",
]


def create_fusion(name: str, channels: int, metadata_width: int, **settings: Any) -> Fusion:
    """Return the fusion `name` for maps of `channels` and `metadata_width` values; see `Fusion` for the settings.

    InputError when the name, the depth, the widths or an option are not known, or metadata is missing.
    """
    return FUSIONS.get(name)(channels, metadata_width, **settings)
