"""The fusions of the registry as they are walked: every depth, both kinds of widths, and some values of every option.

A new fusion is walked without an entry here, with the defaults of its options; `test_every_option_is_varied` asks for
one as soon as it has options.
"""

import itertools
from dataclasses import dataclass, field
from typing import Any

import torch

from models.fusions import FUSIONS, Fusion, create_fusion

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "cross-attention": [{"branch_width": 12, "heads": 3}],
    "gessert": [{"branch_width": 8, "dropout": 0.0}],
    "hyperparametric": [{"image_weight": 0.5, "metadata_weight": 0.5}, {"image_weight": 1.0, "metadata_weight": 0.1}],
    "late": [{"estimator": "logistic-regression", "estimator_weight": 0.2}],
    "metablock": [{"group_size": 4}, {"group_size": 1}],
    "metadata-embedding": [{"activation": "linear"}, {"activation": "relu"}],
    "metadata-only": [{"estimator": "gradient-boosting"}],
    "soft-attention": [
        {"branch_width": 8, "maps": 3, "gamma_start": 0.5},
        {"branch_width": 8, "gamma_learned": False, "dropout": 0.0},
        {"branch_width": 8, "flatten": False},
        {"branch_width": 8, "input_relu": True},
    ],
}


@dataclass(frozen=True)
class Variant:
    """One way to build a fusion."""

    name: str
    depth: int | None = None
    widths: str = "scaled"
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [self.name, *([f"{self.depth}-{self.widths}"] if self.depth is not None else [])]
        return "-".join([*words, *(f"{name}={value}" for name, value in self.options.items())])

    def build(
        self, channels: int, metadata_width: int, map_size: tuple[int, int] = (1, 1), *, seed: int = 0, **options: Any
    ) -> Fusion:
        """Return it with initial parameters from `seed`; `options` go before its own."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            settings = {"depth": self.depth, "widths": self.widths, "map_size": map_size} | self.options | options
            return create_fusion(self.name, channels, metadata_width, **settings)


def variants(name: str) -> list[Variant]:
    """Return the variants of one fusion, the defaults first."""
    depths = FUSIONS.get(name).depths or (None,)
    kinds = ("scaled", "published") if FUSIONS.get(name).depths else ("scaled",)
    walk = itertools.product([{}, *OPTIONS.get(name, [])], depths, kinds)
    return [Variant(name, depth, widths, options) for options, depth, widths in walk]


def every_variant() -> list[Variant]:
    """Return the variants of all fusions."""
    return [variant for name in FUSIONS.names() for variant in variants(name)]
