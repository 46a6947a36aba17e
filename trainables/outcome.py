"""How a fold fit ended: its predictions as the ledger stores them, its metrics, its history and its cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.activation_maps import ActivationMaps
from analysis.ledger import probability_column, target_column
from analysis.metrics import mean_class_recall
from analysis.ranking import macro_auc
from trainables.cohorts import Cohort
from trainables.folds import Split


@dataclass(frozen=True)
class Outcome:
    """How a fold fit ended: `done` with predictions, or `diverged` with a reason; either with its history and cost.

    `maps` of a few evaluated samples, where they were asked for.
    """

    state: str
    predictions: pd.DataFrame | None
    metrics: dict[str, float | None]
    history: list[dict[str, Any]]
    cost: dict[str, Any]
    reason: str | None = None
    maps: ActivationMaps | None = None


def class_codes(cohort: Cohort) -> np.ndarray:
    """Return the true classes of all samples in declared order, int64 (sample, target)."""
    return np.stack([cohort.labels(target.name) for target in cohort.targets], axis=1)


def mean_metrics(
    codes: np.ndarray, probabilities: list[np.ndarray], thresholds: Sequence[float | None] | None = None
) -> dict[str, float | None]:
    """Return MCR and macro AUC, averaged over targets; None where no class allows one.

    Args:
        codes: true classes, int (row, target).
        probabilities: float (row, class) for each target.
        thresholds: of each target, None where the likeliest class is the decision.
    """
    cuts = thresholds or [None] * len(probabilities)
    pairs = list(enumerate(zip(probabilities, cuts, strict=True)))
    found = {  # after every epoch: these two alone, not all that `fold_metrics` computes
        "mcr": [mean_class_recall(codes[:, t], values, threshold) for t, (values, threshold) in pairs],
        "auc": [macro_auc(codes[:, t], values) for t, (values, _) in pairs],
    }
    means = {name: float(np.mean(values)) for name, values in found.items()}
    return {name: value if math.isfinite(value) else None for name, value in means.items()}


def head_probabilities(logits: list[Tensor], number: int) -> list[np.ndarray]:
    """Return the probabilities (row, class) per target of the heads of one image alone, by its number.

    `logits`: (row, image, class) for each target.
    """
    return [torch.softmax(values[:, number], dim=1).numpy() for values in logits]


def head_metrics(
    codes: np.ndarray,
    logits: list[Tensor],
    images: Sequence[str],
    thresholds: Mapping[str, Sequence[float | None]] | None = None,
) -> dict[str, float | None]:
    """Return `mcr:<image>` and `auc:<image>` of the heads of each image alone; nothing where images have none.

    Args:
        codes: true classes, int (row, target).
        logits: (row, image, class) for each target, unless `images` is empty.
        images: names of the images with heads of their own.
        thresholds: of each target, by image; the likeliest class is the decision where there are none.
    """
    found: dict[str, float | None] = {}
    for number, image in enumerate(images):
        cuts = thresholds[image] if thresholds else None
        metrics = mean_metrics(codes, head_probabilities(logits, number), cuts)
        found |= {f"{name}:{image}": value for name, value in metrics.items()}
    return found


def prediction_table(cohort: Cohort, split: Split, configuration: str, probabilities: list[np.ndarray]) -> pd.DataFrame:
    """Return the out-of-fold predictions of a split, columns as in `analysis.ledger.schema`.

    Args:
        cohort: names the samples, groups and classes.
        split: whose evaluation rows were predicted.
        configuration: the identifier.
        probabilities: float32 (row, class) for each target.
    """
    samples = cohort.samples.iloc[split.test]
    table = pd.DataFrame({"sample": samples.index.to_numpy(), "group": samples["group"].to_numpy()})
    table["repeat"], table["fold"] = split.repeat, split.fold
    table["configuration"] = configuration
    for target, values in zip(cohort.targets, probabilities, strict=True):
        table[target_column(target.name)] = samples[f"target:{target.name}"].to_numpy()
        for position, name in enumerate(target.classes):
            table[probability_column(target.name, name)] = values[:, position]
    return table
