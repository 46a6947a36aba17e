"""From checked predictions to `MetricScores`: the fold scores of a configuration, and the influence of each sample."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.clustering import auc_influence, mcr_influence
from analysis.metrics import FoldMetrics
from analysis.predictions import FoldPredictions
from analysis.scores import Fold, MetricScores, mean_over_targets

METRICS: dict[str, str] = {"mcr": "MCR", "auc": "AUC"}
"""The metrics that have influences, so intervals, with the short name that tables print."""


def score(
    targets: Mapping[str, tuple[str, ...]],
    metrics: Mapping[Fold, Mapping[str, FoldMetrics]],
    repeats: Mapping[int, Sequence[FoldPredictions]],
    n_test: Mapping[Fold, int],
    n_train: Mapping[Fold, int],
) -> dict[tuple[str, str | None], MetricScores]:
    """Return the scores by (metric, target), with target None for the mean over targets.

    Args:
        targets: class names by target.
        metrics: of each fold and target.
        repeats: the folds of each repeat.
        n_test: evaluated samples of each fold.
        n_train: samples that each fold was trained on, without an inner validation part; so the ratio n_test / n_train,
            its median over folds, is 1/(k-1) or a little above, which widens the corrected t.
    """
    parts = [part for folds in repeats.values() for part in folds]
    groups = pd.Series(
        {sample: group for part in parts for sample, group in zip(part.samples, part.groups, strict=True)}
    ).sort_index()
    samples = {(part.repeat, part.fold): frozenset(part.samples) for part in parts}
    ratio = float(np.median([n_test[fold] / n_train[fold] for fold in n_test]))
    folds = max(len(folds) for folds in repeats.values())
    scores: dict[tuple[str, str | None], MetricScores] = {}
    for metric in METRICS:
        for target in targets:
            by_fold = {fold: float(getattr(metrics[fold][target], metric)) for fold in metrics}
            influence = INFLUENCES[metric](repeats, target).reindex(groups.index)
            scores[metric, target] = MetricScores(metric, by_fold, samples, influence, groups, folds, ratio)
        scores[metric, None] = mean_over_targets([scores[metric, target] for target in targets])
    return scores


def _mcr_influence(repeats: Mapping[int, Sequence[FoldPredictions]], target: str) -> pd.Series:
    """Per sample, summed over repeats that each weigh 1/R: recalls are pooled over the folds of a repeat."""
    pieces = []
    for folds in repeats.values():
        labels = np.concatenate([part.labels[target] for part in folds])
        probabilities = np.concatenate([part.probabilities[target] for part in folds])
        pieces.append(
            pd.Series(
                mcr_influence(labels, probabilities) / len(repeats), np.concatenate([part.samples for part in folds])
            )
        )
    return pd.concat(pieces).groupby(level=0).sum()


def _auc_influence(repeats: Mapping[int, Sequence[FoldPredictions]], target: str) -> pd.Series:
    """Per sample, summed over folds that each weigh 1/J: scores of different folds are never ranked together."""
    parts = [part for folds in repeats.values() for part in folds]
    pieces = [
        pd.Series(auc_influence(part.labels[target], part.probabilities[target]) / len(parts), part.samples)
        for part in parts
    ]
    return pd.concat(pieces).groupby(level=0).sum()


INFLUENCES = {"mcr": _mcr_influence, "auc": _auc_influence}
