"""One configuration against another on the same folds: other minus reference, all as fractions.

Corrected t (Nadeau & Bengio 2003), Bayesian correlated t with a region of practical equivalence, ROPE (Benavoli et al.
2017), and the max-SE z test, a heuristic of this project (statistics.md section 2). P values here are not adjusted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.scores import MetricScores, paired_differences
from analysis.statistics.clustering import clustered_se as group_clustered_se
from analysis.statistics.intervals import (
    Interval,
    clustered_interval,
    finite,
    max_se,
    max_se_interval,
    nadeau_bengio_interval,
    nadeau_bengio_se,
)


@dataclass(frozen=True)
class CorrectedT:
    """The corrected resampled t test: two-sided p on J-1 degrees of freedom, and its interval."""

    t: float
    df: int
    p: float
    interval: Interval


@dataclass(frozen=True)
class RopeProbabilities:
    """Posterior probabilities that the difference is below -rope, within, and above +rope; they sum to 1."""

    worse: float
    equivalent: float
    better: float
    rope: float


@dataclass(frozen=True)
class MaxSeTest:
    """The z test with the larger of the paired clustered SE and fold SD / sqrt(k); a heuristic of ours."""

    z: float
    p: float
    interval: Interval


@dataclass(frozen=True)
class Comparison:
    """Everything about one paired difference; with a single split there is no corrected t and no ROPE."""

    metric: str
    differences: tuple[float, ...]
    max_se: MaxSeTest
    corrected_t: CorrectedT | None
    rope: RopeProbabilities | None

    @property
    def constant(self) -> bool:
        """Whether the difference is the same in every fold: then nothing is known of its spread."""
        return len(set(self.differences)) == 1

    @property
    def estimate(self) -> float:
        """The mean difference, other minus reference."""
        return self.max_se.interval.estimate


def corrected_t(
    differences: Sequence[float] | np.ndarray, *, test_over_train: float, confidence: float = 0.95
) -> CorrectedT:
    """Test whether the mean of J paired fold differences is 0: t = mean / sqrt(var (1/J + n_test/n_train)).

    Differences that are all 0 give t = 0 and p = 1, never NaN.

    Raises:
        AnalysisError: fewer than two differences, or a ratio that is not positive.
    """
    interval = nadeau_bengio_interval(differences, test_over_train=test_over_train, confidence=confidence)
    t = _ratio(interval.estimate, interval.se)
    df = len(differences) - 1
    return CorrectedT(t=t, df=df, p=float(2 * stats.t.sf(abs(t), df)), interval=interval)


def correlated_t_rope(
    differences: Sequence[float] | np.ndarray, *, test_over_train: float, rope: float = 0.01
) -> RopeProbabilities:
    """Return the posterior mass below -rope, within and above: t with J-1 degrees of freedom and the corrected SE.

    Raises:
        AnalysisError: as `corrected_t`.
    """
    mean, se = float(finite(differences).mean()), nadeau_bengio_se(differences, test_over_train=test_over_train)
    df = len(differences) - 1
    worse = float(stats.t.cdf(_ratio(-rope - mean, se), df))
    better = float(stats.t.sf(_ratio(rope - mean, se), df))
    if se == 0:  # a point mass; on the very edge it counts as equivalent
        worse, better = float(mean < -rope), float(mean > rope)
    return RopeProbabilities(worse=worse, equivalent=max(0.0, 1.0 - worse - better), better=better, rope=rope)


def max_se_test(
    differences: Sequence[float] | np.ndarray, *, clustered_se: float, folds: int, confidence: float = 0.95
) -> MaxSeTest:
    """Test whether the mean difference is 0 against a normal distribution; one difference uses the clustered SE alone.

    Args:
        differences: (J,) paired fold differences.
        clustered_se: of the paired difference, see `paired_clustered_se`.
        folds: k, the folds of one repeat.
        confidence: of the interval.
    """
    interval = max_se_interval(differences, clustered_se=clustered_se, folds=folds, confidence=confidence)
    z = _ratio(interval.estimate, max_se(differences, clustered_se=clustered_se, folds=folds))
    return MaxSeTest(z=z, p=float(2 * stats.norm.sf(abs(z))), interval=interval)


def paired_clustered_se(reference: MetricScores, other: MetricScores) -> float:
    """Return the clustered standard error of other minus reference: influences are subtracted sample by sample."""
    difference = other.influence - reference.influence  # pandas aligns on the sample id
    return group_clustered_se(difference.to_numpy(), reference.groups.reindex(difference.index).to_numpy())


def compare(
    reference: MetricScores, other: MetricScores, *, rope: float = 0.01, confidence: float = 0.95
) -> Comparison:
    """Compare two configurations on the same folds.

    Raises:
        AnalysisError: they are not paired.
    """
    differences = paired_differences(reference, other)
    se = paired_clustered_se(reference, other)
    fold_level = not reference.single_split
    ratio = reference.test_over_train
    return Comparison(
        metric=other.metric,
        differences=tuple(differences.tolist()),
        max_se=max_se_test(differences, clustered_se=se, folds=reference.folds, confidence=confidence),
        corrected_t=corrected_t(differences, test_over_train=ratio, confidence=confidence) if fold_level else None,
        rope=correlated_t_rope(differences, test_over_train=ratio, rope=rope) if fold_level else None,
    )


def over_same_samples(reference: MetricScores, other: MetricScores, *, confidence: float = 0.95) -> Interval | None:
    """Return other minus reference, evaluated on the same samples in other folds, with a group-clustered interval.

    Folds are not paired, samples are: influences are subtracted sample by sample. Retraining noise is not seen. None
    where the two did not evaluate the same samples. Groups are those of the reference.
    """
    if set(reference.influence.index) != set(other.influence.index):
        return None
    se = paired_clustered_se(reference, other)
    return clustered_interval([other.estimate - reference.estimate], clustered_se=se, confidence=confidence)


def _ratio(value: float, se: float) -> float:
    if se > 0:
        return value / se
    return 0.0 if value == 0 else math.copysign(math.inf, value)
