"""The scores of one configuration on one metric, with all that intervals and paired comparisons need.

Scores are keyed by (repeat, fold). Folds that are evaluated on the very same samples (one official split run with
several seeds) are averaged first: they are one piece of evidence about the data, not several.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.metrics import BOUNDS, LOWER_IS_BETTER
from analysis.statistics.clustering import clustered_se
from analysis.statistics.intervals import (
    Interval,
    Size,
    clustered_interval,
    max_se_error,
    max_se_interval,
    nadeau_bengio_interval,
    spread,
)
from analysis.statistics.sampling_error import SamplingError, larger_error

Fold = tuple[int, int]
"""(repeat, fold)."""


@dataclass(frozen=True)
class MetricScores:
    """Fold scores (fractions) of one metric.

    `samples` holds the evaluated sample ids of each fold, `influence` (index: sample id) how far each sample moves the
    mean score, `groups` (same index) its lesion or patient. `folds` is k, the folds of one repeat. `training` (same
    index) is how far each sample moves the expected score by having been trained on; None where that is not known or
    nothing at first order. `fewest` is the number of groups of the rarest class.
    """

    metric: str
    by_fold: Mapping[Fold, float]
    samples: Mapping[Fold, frozenset[str]]
    influence: pd.Series
    groups: pd.Series
    folds: int
    test_over_train: float
    training: pd.Series | None = None
    fewest: int = 2

    @cached_property
    def test_sets(self) -> tuple[tuple[Fold, ...], ...]:
        """The folds, those with the same evaluated samples together, in order."""
        found: dict[frozenset[str], list[Fold]] = {}
        for fold in sorted(self.by_fold):
            found.setdefault(self.samples[fold], []).append(fold)
        return tuple(tuple(folds) for folds in found.values())

    @cached_property
    def values(self) -> np.ndarray:
        """One score per distinct evaluation part (J,)."""
        return np.array([np.mean([self.by_fold[fold] for fold in folds]) for folds in self.test_sets])

    @property
    def single_split(self) -> bool:
        """Whether there is one evaluation part only: no fold SD, no corrected t, no verdict above suggested."""
        return len(self.test_sets) == 1

    @property
    def estimate(self) -> float:
        """The mean score."""
        return float(self.values.mean())

    @property
    def fold_sd(self) -> float | None:
        """The SD over folds, which is no interval; None with a single split."""
        return None if self.single_split else spread(self.values)

    @cached_property
    def clustered_se(self) -> float:
        """The group-clustered standard error of the estimate."""
        return clustered_se(self.influence.to_numpy(), self.groups.to_numpy())

    @cached_property
    def sampling_error(self) -> SamplingError:
        """The group-clustered standard error by evaluation and, where it is known, by training."""
        training = None if self.training is None else self.training.to_numpy()
        return larger_error(self.influence.to_numpy(), training, self.groups.to_numpy(), fewest=self.fewest)

    @property
    def max_se(self) -> SamplingError:
        """The standard error behind the max-SE interval, with its degrees of freedom."""
        if self.single_split:
            return SamplingError(se=self.clustered_se, df=math.inf)
        error = self.sampling_error
        return max_se_error(self.values, clustered_se=error.se, df=error.df, folds=self.folds)

    @property
    def higher_is_better(self) -> bool:
        """Whether the metric does not count errors."""
        return self.metric not in LOWER_IS_BETTER

    @property
    def merit(self) -> float:
        """The estimate with the sign that makes a higher one better; what rankings sort by."""
        return self.estimate if self.higher_is_better else -self.estimate

    @property
    def bounds(self) -> tuple[float, float]:
        """Where the metric lives; intervals are cut there."""
        return BOUNDS.get(self.metric, (0.0, 1.0))

    @property
    def size(self) -> Size:
        """How much evidence there is."""
        return Size(len(self.by_fold), len({repeat for repeat, _ in self.by_fold}), *self.evaluated)

    @property
    def evaluated(self) -> tuple[int, int]:
        """The numbers of samples and of groups."""
        return len(self.groups), int(self.groups.nunique())

    def max_se_interval(self, confidence: float = 0.95) -> Interval:
        """Return the interval that tables print; the clustered one with a single split."""
        if self.single_split:
            return self.clustered_interval(confidence)
        error = self.sampling_error
        return max_se_interval(
            self.values,
            clustered_se=error.se,
            df=error.df,
            folds=self.folds,
            confidence=confidence,
            bounds=self.bounds,
            size=self.size,
        )

    def clustered_interval(self, confidence: float = 0.95) -> Interval:
        """Return the interval of case sampling alone."""
        return clustered_interval(
            self.values, clustered_se=self.clustered_se, confidence=confidence, bounds=self.bounds, size=self.size
        )

    def nadeau_bengio_interval(self, confidence: float = 0.95) -> Interval | None:
        """Return the corrected t interval, or None with a single split."""
        if self.single_split:
            return None
        return nadeau_bengio_interval(
            self.values, test_over_train=self.test_over_train, confidence=confidence, bounds=self.bounds, size=self.size
        )


def mean_over_targets(scores: Sequence[MetricScores]) -> MetricScores:
    """Return the mean over the targets of one configuration, fold by fold; influences are averaged in the same way."""
    first = scores[0]
    training = [one.training for one in scores if one.training is not None]
    return MetricScores(
        metric=first.metric,
        by_fold={fold: float(np.mean([one.by_fold[fold] for one in scores])) for fold in first.by_fold},
        samples=first.samples,
        influence=sum((one.influence for one in scores[1:]), first.influence) / len(scores),
        groups=first.groups,
        folds=first.folds,
        test_over_train=first.test_over_train,
        training=sum(training[1:], training[0]) / len(scores) if len(training) == len(scores) else None,
        fewest=min(one.fewest for one in scores),
    )


def paired_differences(reference: MetricScores, other: MetricScores) -> np.ndarray:
    """Return other minus reference, one difference per distinct evaluation part (J,).

    Raises:
        AnalysisError: the two were not evaluated on the same folds of the same samples.
    """
    refuse_unpaired(reference, other)
    return other.values - reference.values


def refuse_unpaired(reference: MetricScores, other: MetricScores) -> None:
    """Check that two configurations share metric, folds, samples and groups.

    Raises:
        AnalysisError: they do not; the message names the first difference.
    """
    if reference.metric != other.metric:
        raise AnalysisError(f"cannot compare {other.metric} with {reference.metric}")
    for fold in sorted(set(reference.by_fold) ^ set(other.by_fold)):
        raise AnalysisError(f"unpaired: repeat {fold[0]}, fold {fold[1]} was evaluated for one configuration only")
    for fold in sorted(reference.by_fold):
        odd = reference.samples[fold] ^ other.samples[fold]
        if odd:
            name = f"repeat {fold[0]}, fold {fold[1]}"
            raise AnalysisError(
                f"unpaired: {len(odd)} samples of {name} were evaluated for one configuration only, as {min(odd)!r}"
            )
    if not reference.groups.sort_index().equals(other.groups.sort_index()):
        raise AnalysisError("unpaired: the two configurations give the same samples different groups")
