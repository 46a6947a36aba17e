"""From checked predictions to `MetricScores`: the fold scores of a configuration, and the influence of each sample."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.metrics import FoldMetrics
from analysis.predictions import FoldPredictions
from analysis.scores import Fold, MetricScores, mean_over_targets
from analysis.statistics.clustering import (
    auc_influence,
    average_precision_influence,
    brier_influence,
    calibration_influence,
    micro_auc_influence,
)
from analysis.statistics.influences import decision_influence
from analysis.statistics.training_influence import TrainingMap

METRICS: dict[str, str] = {
    "mcr": "MCR",
    "auc": "AUC",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "precision": "macro precision",
    "f1": "macro F1",
    "macro_specificity": "macro specificity",
    "ovr_balanced_accuracy": "one-vs-rest balanced accuracy",
    "micro_auc": "micro AUC",
    "average_precision": "macro AP",
    "brier": "Brier score",
    "ece": "ECE",
}
"""The metrics that have influences, so intervals, with the short name that tables print."""

LEADING = ("mcr", "auc")
"""The metrics that stand beside any other in leaderboards and comparisons."""

OF_PROBABILITIES = {
    "auc": auc_influence,
    "micro_auc": micro_auc_influence,
    "average_precision": average_precision_influence,
    "brier": brier_influence,
    "ece": calibration_influence,
}
"""Metrics of probabilities, one fold at a time; all others count decisions."""


class Scores(Mapping[tuple[str, str | None], MetricScores]):
    """The scores of one configuration by (metric, target), with target None for the mean over targets.

    Each is computed when it is first asked for: a table needs two or three of them.
    """

    def __init__(
        self,
        targets: Mapping[str, tuple[str, ...]],
        metrics: Mapping[Fold, Mapping[str, FoldMetrics]],
        repeats: Mapping[int, Sequence[FoldPredictions]],
        test_over_train: float,
        class_weights: str = "none",
    ) -> None:
        self._targets, self._metrics, self._repeats = targets, metrics, repeats
        self._test_over_train, self._class_weights = test_over_train, class_weights
        self._maps: dict[str, list[TrainingMap]] = {}
        self._rarest: dict[str, int] = {}
        self._found: dict[tuple[str, str | None], MetricScores] = {}

    def __getitem__(self, key: tuple[str, str | None]) -> MetricScores:
        if key not in self:
            raise KeyError(key)
        if key not in self._found:
            metric, target = key
            self._found[key] = (
                mean_over_targets([self[metric, name] for name in self._targets])
                if target is None
                else self._scores(metric, target)
            )
        return self._found[key]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and len(key) == 2 and key[0] in METRICS and key[1] in (*self._targets, None)

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        return ((metric, target) for metric in METRICS for target in (*self._targets, None))

    def __len__(self) -> int:
        return len(METRICS) * (len(self._targets) + 1)

    @cached_property
    def _groups(self) -> pd.Series:
        parts = [part for folds in self._repeats.values() for part in folds]
        return pd.Series(
            {sample: group for part in parts for sample, group in zip(part.samples, part.groups, strict=True)}
        ).sort_index()

    @cached_property
    def _samples(self) -> dict[Fold, frozenset[str]]:
        parts = [part for folds in self._repeats.values() for part in folds]
        return {(part.repeat, part.fold): frozenset(part.samples) for part in parts}

    def _scores(self, metric: str, target: str) -> MetricScores:
        by_fold = {fold: float(getattr(self._metrics[fold][target], metric)) for fold in self._metrics}
        influence = _influence(metric, self._repeats, target, len(self._targets[target])).reindex(self._groups.index)
        training = None if metric in OF_PROBABILITIES else self._training(metric, target)
        return MetricScores(
            metric,
            by_fold,
            self._samples,
            influence,
            self._groups,
            max(len(parts) for parts in self._repeats.values()),
            self._test_over_train,
            None if training is None else training.reindex(self._groups.index),
            self._fewest(target),
        )

    def _training(self, metric: str, target: str) -> pd.Series | None:
        """Per sample, summed over repeats that each weigh 1/R; None where it is not known."""
        if target not in self._maps:
            self._maps[target] = _training_maps(self._repeats, target, self._class_weights)
        pieces = [
            pd.Series(one.influence(metric) / len(self._repeats), np.concatenate([part.samples for part in folds]))
            for one, folds in zip(self._maps[target], self._repeats.values(), strict=False)
        ]
        return pd.concat(pieces).groupby(level=0).sum(min_count=1) if pieces else None

    def _fewest(self, target: str) -> int:
        """The groups of the rarest class that is there."""
        if target not in self._rarest:
            parts = [part for folds in self._repeats.values() for part in folds]
            labels = np.concatenate([part.labels[target] for part in parts])
            groups = pd.Series(np.concatenate([part.groups for part in parts]))
            self._rarest[target] = int(groups.groupby(labels).nunique().min())
        return self._rarest[target]


def score(
    targets: Mapping[str, tuple[str, ...]],
    metrics: Mapping[Fold, Mapping[str, FoldMetrics]],
    repeats: Mapping[int, Sequence[FoldPredictions]],
    n_test: Mapping[Fold, int],
    n_train: Mapping[Fold, int],
    class_weights: str = "none",
) -> Scores:
    """Return the scores by (metric, target), with target None for the mean over targets.

    Args:
        targets: class names by target.
        metrics: of each fold and target.
        repeats: the folds of each repeat.
        n_test: evaluated samples of each fold.
        n_train: samples that each fold was trained on, without an inner validation part; so the ratio n_test / n_train,
            its median over folds, is 1/(k-1) or a little above, which widens the corrected t.
        class_weights: how the loss weighs the classes, as configurations say it.
    """
    ratio = float(np.median([n_test[fold] / n_train[fold] for fold in n_test]))
    return Scores(targets, metrics, repeats, ratio, class_weights)


def _influence(metric: str, repeats: Mapping[int, Sequence[FoldPredictions]], target: str, classes: int) -> pd.Series:
    pieces = (
        _of_probabilities(metric, repeats, target)
        if metric in OF_PROBABILITIES
        else _of_decisions(metric, repeats, target, classes)
    )
    return pd.concat(pieces).groupby(level=0).sum()


def _training_maps(repeats: Mapping[int, Sequence[FoldPredictions]], target: str, weights: str) -> list[TrainingMap]:
    """One for each repeat; none unless each repeat is a whole cross-validation without learned thresholds.

    Samples that are trained on and never evaluated have no out-of-fold probabilities to tell their influence by.
    """
    samples = [set(np.concatenate([part.samples for part in folds])) for folds in repeats.values()]
    if min(map(len, repeats.values())) < 2 or any(found != samples[0] for found in samples):
        return []
    if any(target in part.thresholds for folds in repeats.values() for part in folds):
        return []
    return [
        TrainingMap(
            np.concatenate([part.labels[target] for part in folds]),
            np.concatenate([part.probabilities[target] for part in folds]),
            weights,
        )
        for folds in repeats.values()
    ]


def _of_decisions(
    metric: str, repeats: Mapping[int, Sequence[FoldPredictions]], target: str, classes: int
) -> list[pd.Series]:
    """Per sample, summed over repeats that each weigh 1/R: decisions are pooled over the folds of a repeat."""
    pieces = []
    for folds in repeats.values():
        labels = np.concatenate([part.labels[target] for part in folds])
        decisions = np.concatenate([part.decisions(target) for part in folds])
        influence = decision_influence(metric, labels, decisions, classes) / len(repeats)
        pieces.append(pd.Series(influence, np.concatenate([part.samples for part in folds])))
    return pieces


def _of_probabilities(metric: str, repeats: Mapping[int, Sequence[FoldPredictions]], target: str) -> list[pd.Series]:
    """Per sample, summed over folds that each weigh 1/J: scores of different folds are never ranked together."""
    parts = [part for folds in repeats.values() for part in folds]
    return [
        pd.Series(OF_PROBABILITIES[metric](part.labels[target], part.probabilities[target]) / len(parts), part.samples)
        for part in parts
    ]
