"""The bootstrap of one part of a study: one set of draws for all its configurations, so that differences are paired.

resampling = Resampling(results, replicates=10_000, seed=0)
resampling.interval(result, "mcr", method="bca")            # of the printed statistic: the mean over folds
resampling.difference(reference, other, "auc")              # other minus reference, from the same draws

Groups are drawn within the classes of a target; the mean over several targets is drawn within those of the first one.
A replicate scores each fold with the drawn groups and averages as the table does; a fold that it leaves without the
metric is missing there. Every value is computed once, when it is first asked for.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.scores import Fold, MetricScores, refuse_unpaired
from analysis.statistics.bootstrap import (
    BootstrapMethod,
    bca_interval,
    bootstrap_p,
    jackknife_acceleration,
    percentile_interval,
)
from analysis.statistics.group_draws import GroupDraws
from analysis.statistics.intervals import Interval
from analysis.statistics.weighted_metrics import WEIGHTED, WeightedFold, mean_of_defined
from analysis.statistics.weighted_ranking import WEIGHT

REPLICATES = 10_000
"""What a report draws unless told otherwise."""
BLOCK = 1_000
"""Replicates that are scored at once: their weights of one fold stay in the cache of the processor."""


@dataclass(frozen=True)
class ResampledDifference:
    """A paired difference, other minus reference: both intervals, and the two-sided p of a difference of 0."""

    percentile: Interval
    bca: Interval
    p: float


class Resampling:
    """The bootstrap replicates of the complete configurations of one part, computed when they are asked for."""

    def __init__(self, results: Sequence[ConfigurationResult], *, replicates: int = REPLICATES, seed: int = 0) -> None:
        """Take the configurations of one part.

        Args:
            results: all with the same folds of the same samples; incomplete ones have no scores and no replicates.
            replicates: B.
            seed: of the draws; the same seed and samples give the same bytes, whatever the number of threads.

        Raises:
            AnalysisError: fewer than one replicate.
        """
        if replicates < 1:
            raise AnalysisError(f"replicates={replicates}: a bootstrap needs at least one, as {REPLICATES}")
        self.n_replicates, self.seed = replicates, seed
        self._complete = [result for result in results if result.complete and result.predictions]
        self._draws: dict[str, GroupDraws] = {}
        self._replicates: dict[tuple[str, str, str | None], np.ndarray] = {}
        self._left_out: dict[tuple[str, str, str | None], np.ndarray] = {}

    def replicates(self, result: ConfigurationResult, metric: str, target: str | None = None) -> np.ndarray:
        """Return the mean over folds of every replicate (B,); NaN where a replicate leaves no fold with the metric.

        Raises:
            AnalysisError: an unknown metric or target, an incomplete configuration, or other groups than the part has.
        """
        return self._cached(self._replicates, self._replicate, result, metric, target)

    def left_out(self, result: ConfigurationResult, metric: str, target: str | None = None) -> np.ndarray:
        """Return the mean over folds without each group in turn (G,), for the acceleration of BCa.

        Raises:
            AnalysisError: as `replicates`.
        """
        return self._cached(self._left_out, self._leave_out, result, metric, target)

    def interval(
        self,
        result: ConfigurationResult,
        metric: str,
        target: str | None = None,
        *,
        confidence: float = 0.95,
        method: BootstrapMethod = "percentile",
    ) -> Interval:
        """Return the bootstrap interval of one configuration.

        Raises:
            AnalysisError: as `replicates`.
        """
        values, scores = self.replicates(result, metric, target), result.scores_of(metric, target)
        if method == "percentile":
            return percentile_interval(values, estimate=scores.estimate, confidence=confidence, size=scores.size)
        return bca_interval(
            values,
            estimate=scores.estimate,
            acceleration=jackknife_acceleration(self.left_out(result, metric, target), self.draws(target).strata),
            confidence=confidence,
            size=scores.size,
        )

    def difference(
        self,
        reference: ConfigurationResult,
        other: ConfigurationResult,
        metric: str,
        target: str | None = None,
        *,
        confidence: float = 0.95,
    ) -> ResampledDifference:
        """Return other minus reference, from the same draws.

        Raises:
            AnalysisError: the two are not paired, or as `replicates`.
        """
        ours, theirs = other.scores_of(metric, target), reference.scores_of(metric, target)
        refuse_unpaired(theirs, ours)
        values = self.replicates(other, metric, target) - self.replicates(reference, metric, target)
        left_out = self.left_out(other, metric, target) - self.left_out(reference, metric, target)
        estimate, strata = float((ours.values - theirs.values).mean()), self.draws(target).strata
        acceleration = jackknife_acceleration(left_out, strata)
        return ResampledDifference(
            percentile_interval(values, estimate=estimate, confidence=confidence, size=ours.size),
            bca_interval(values, estimate=estimate, acceleration=acceleration, confidence=confidence, size=ours.size),
            bootstrap_p(values, estimate=estimate),
        )

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())

    def _cached(
        self,
        found: dict[tuple[str, str, str | None], np.ndarray],
        compute: Callable[[ConfigurationResult, str, str, GroupDraws], np.ndarray],
        result: ConfigurationResult,
        metric: str,
        target: str | None,
    ) -> np.ndarray:
        if metric not in WEIGHTED:
            raise AnalysisError(f"no metric {metric!r} (known: {', '.join(WEIGHTED)})")
        result.scores_of(metric, target)  # refuses what has no scores
        targets = [target] if target is not None else list(result.targets)
        key = (result.identifier, metric, targets[0] if len(targets) == 1 else None)
        if key not in found:
            draws = self.draws(target)
            found[key] = np.mean([compute(result, metric, name, draws) for name in targets], axis=0)
        return found[key]

    def draws(self, target: str | None) -> GroupDraws:
        """Return the draws for a target; for the mean over targets (None) those of the first one.

        Raises:
            AnalysisError: no configuration of the part is complete.
        """
        if not self._complete:
            raise AnalysisError("no configuration of this part is complete: there is nothing to resample")
        first = self._complete[0]
        name = next(iter(first.targets)) if target is None else target
        if name not in self._draws:
            parts = first.predictions.values()
            samples, groups, labels = (
                np.concatenate(values)
                for values in zip(*((part.samples, part.groups, part.labels[name]) for part in parts), strict=True)
            )
            _, once = np.unique(samples.astype(str), return_index=True)
            rng = np.random.default_rng([self.seed, list(first.targets).index(name)])
            self._draws[name] = GroupDraws.of(
                groups[once].astype(str), labels[once], replicates=self.n_replicates, rng=rng
            )
        return self._draws[name]

    def _replicate(self, result: ConfigurationResult, metric: str, target: str, draws: GroupDraws) -> np.ndarray:
        folds = [_placed(result, fold, target, draws) for fold in sorted(result.predictions)]
        starts = range(0, self.n_replicates, BLOCK)

        def scored(start: int) -> np.ndarray:
            """The metric of every fold in one block of replicates (J, block)."""
            block = slice(start, start + BLOCK)
            return np.array([WEIGHTED[metric](fold, draws.counts[rows, block].astype(WEIGHT)) for rows, fold in folds])

        values = np.concatenate(list(self._pool.map(scored, starts)), axis=1)
        return mean_of_defined(values, _shares(result.scores_of(metric, target)))

    def _leave_out(self, result: ConfigurationResult, metric: str, target: str, draws: GroupDraws) -> np.ndarray:
        scores = result.scores_of(metric, target)
        values = np.repeat([[scores.by_fold[fold]] for fold in sorted(scores.by_fold)], len(draws.groups), axis=1)
        for value, fold in zip(values, sorted(scores.by_fold), strict=True):
            rows, placed = _placed(result, fold, target, draws)
            starts = range(0, len(rows), BLOCK)
            value[rows] = np.concatenate(list(self._pool.map(partial(_without_each, metric, placed), starts)))
        return mean_of_defined(values, _shares(scores))


def _placed(result: ConfigurationResult, fold: Fold, target: str, draws: GroupDraws) -> tuple[np.ndarray, WeightedFold]:
    """The rows of the draws that a fold's groups have, and the fold with its samples placed among them."""
    part = result.predictions[fold]
    places = draws.groups.get_indexer(pd.Index(part.groups))
    if (places < 0).any():
        odd = part.groups[places < 0][0]
        raise AnalysisError(f"configuration {result.label!r}: group {odd!r} is not among those of the part")
    rows, members = np.unique(places, return_inverse=True)
    fold_of = part.labels[target], part.decisions(target), part.probabilities[target]
    return rows, WeightedFold(*fold_of, members, len(rows))


def _without_each(metric: str, fold: WeightedFold, start: int) -> np.ndarray:
    """The metric of a fold without each of a block of its groups (block,)."""
    width = min(BLOCK, fold.n_groups - start)
    weights = np.ones((fold.n_groups, width), dtype=WEIGHT)
    weights[start + np.arange(width), np.arange(width)] = 0
    return WEIGHTED[metric](fold, weights)


def _shares(scores: MetricScores) -> np.ndarray:
    """How much each fold weighs in the printed mean (J,), in order: folds of the same samples share one weight."""
    share = {fold: 1 / len(folds) for folds in scores.test_sets for fold in folds}
    return np.array([share[fold] for fold in sorted(share)]) / len(scores.test_sets)
