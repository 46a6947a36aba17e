"""One configuration against another on the same folds: other minus reference, all as fractions.

Corrected t (Nadeau & Bengio 2003), Bayesian correlated t with a region of practical equivalence, ROPE (Benavoli et al.
2017), and the max-SE test, a heuristic of this project (statistics.md section 2). The naive t, which takes folds as
independent, stands beside them for contrast only. P values here are not adjusted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.errors import AnalysisError
from analysis.scores import MetricScores, paired_differences
from analysis.statistics.clustering import clustered_se as group_clustered_se
from analysis.statistics.intervals import (
    Interval,
    clustered_interval,
    finite,
    max_se_error,
    max_se_interval,
    nadeau_bengio_interval,
    nadeau_bengio_se,
    spread,
)
from analysis.statistics.sampling_error import SamplingError, larger_error

NOTHING = 1e-12
"""A difference of scores below this is rounding noise."""


@dataclass(frozen=True)
class CorrectedT:
    """The corrected resampled t test: two-sided p on J-1 degrees of freedom, and its interval."""

    t: float
    df: int
    p: float
    interval: Interval


@dataclass(frozen=True)
class NaiveT:
    """The paired t test that takes folds as independent, for contrast: two-sided p on J-1 degrees of freedom."""

    t: float
    df: int
    p: float
    method: str = "naive paired t"
    citation: str = "dietterich1998"


@dataclass(frozen=True)
class RopeProbabilities:
    """Posterior probabilities that the other is worse by more than rope, within it, and better; they sum to 1."""

    worse: float
    equivalent: float
    better: float
    rope: float


@dataclass(frozen=True)
class MaxSeTest:
    """The t test with the larger of the paired clustered SE and fold SD / sqrt(k); a heuristic of ours."""

    t: float
    df: float
    p: float
    interval: Interval


@dataclass(frozen=True)
class Comparison:
    """Everything about one paired difference; with a single split there are only its value and the max-SE test.

    `probability_better` is the posterior probability that the other is better at all, a ROPE of width 0.
    """

    metric: str
    differences: tuple[float, ...]
    max_se: MaxSeTest
    corrected_t: CorrectedT | None
    rope: RopeProbabilities | None
    naive_t: NaiveT | None = None
    probability_better: float | None = None
    higher_is_better: bool = True

    @property
    def constant(self) -> bool:
        """Whether the difference is the same in every fold: then nothing is known of its spread."""
        return len(set(self.differences)) == 1

    @property
    def estimate(self) -> float:
        """The mean difference, other minus reference."""
        return self.max_se.interval.estimate

    @property
    def gain(self) -> float:
        """The mean difference with the sign of an improvement: positive where the other is better."""
        return self.estimate if self.higher_is_better else -self.estimate


def naive_t(differences: Sequence[float] | np.ndarray) -> NaiveT:
    """Test whether the mean of J paired fold differences is 0 as if folds were independent: t = mean / (SD / sqrt J).

    Training parts overlap, so its size is not guaranteed (Dietterich 1998), and it is wrong as soon as folds are
    repeated. Differences that are all 0 give t = 0 and p = 1.

    Raises:
        AnalysisError: fewer than two differences, or one that is not finite.
    """
    values = finite(differences)
    if len(values) < 2:
        raise AnalysisError("the paired t needs at least two folds")
    t, df = _ratio(float(values.mean()), spread(values) / math.sqrt(len(values))), len(values) - 1
    return NaiveT(t=t, df=df, p=float(2 * stats.t.sf(abs(t), df)))


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
    differences: Sequence[float] | np.ndarray,
    *,
    test_over_train: float,
    rope: float = 0.01,
    higher_is_better: bool = True,
) -> RopeProbabilities:
    """Return the posterior mass below -rope, within and above: t with J-1 degrees of freedom and the corrected SE.

    Where lower is better, the mass below -rope is that of better.

    Raises:
        AnalysisError: as `corrected_t`.
    """
    mean, se = float(finite(differences).mean()), nadeau_bengio_se(differences, test_over_train=test_over_train)
    df = len(differences) - 1
    worse = float(stats.t.cdf(_ratio(-rope - mean, se), df))
    better = float(stats.t.sf(_ratio(rope - mean, se), df))
    if se == 0:  # a point mass; on the very edge it counts as equivalent
        worse, better = float(mean < -rope), float(mean > rope)
    if not higher_is_better:
        worse, better = better, worse
    return RopeProbabilities(worse=worse, equivalent=max(0.0, 1.0 - worse - better), better=better, rope=rope)


def probability_better(
    differences: Sequence[float] | np.ndarray, *, test_over_train: float, higher_is_better: bool = True
) -> float:
    """Return the posterior probability that the mean difference is an improvement, of the correlated t.

    Differences that are all 0 give 0.5.

    Raises:
        AnalysisError: as `corrected_t`.
    """
    found = correlated_t_rope(differences, test_over_train=test_over_train, rope=0.0, higher_is_better=higher_is_better)
    return found.better + found.equivalent / 2


def share_better(differences: Sequence[float] | np.ndarray, *, higher_is_better: bool = True) -> float:
    """Return the share of the pairs in which the other is better, ties half: P(A > B) of Bouthillier et al. (2021).

    Raises:
        AnalysisError: no differences, or one that is not finite.
    """
    values = finite(differences)
    share = float(np.mean((values > 0) + 0.5 * (values == 0)))
    return share if higher_is_better else 1.0 - share


def max_se_test(
    differences: Sequence[float] | np.ndarray,
    *,
    clustered_se: float,
    folds: int,
    df: float = math.inf,
    confidence: float = 0.95,
) -> MaxSeTest:
    """Test whether the mean difference is 0, by t with the degrees of freedom of `max_se_error`.

    Args:
        differences: (J,) paired fold differences; of one difference only the clustered SE is used.
        clustered_se: of the paired difference, see `paired_error`.
        folds: k, the folds of one repeat.
        df: degrees of freedom that came with `clustered_se`; infinite: normal distribution.
        confidence: of the interval.
    """
    interval = max_se_interval(differences, clustered_se=clustered_se, folds=folds, df=df, confidence=confidence)
    error = max_se_error(differences, clustered_se=clustered_se, folds=folds, df=df)
    t = _ratio(interval.estimate, error.se)
    return MaxSeTest(t=t, df=error.df, p=float(2 * stats.t.sf(abs(t), error.df)), interval=interval)


def paired_clustered_se(reference: MetricScores, other: MetricScores) -> float:
    """Return the clustered standard error of other minus reference: influences are subtracted sample by sample."""
    difference = other.influence - reference.influence  # pandas aligns on the sample id
    return group_clustered_se(difference.to_numpy(), reference.groups.reindex(difference.index).to_numpy())


def paired_error(reference: MetricScores, other: MetricScores) -> SamplingError:
    """Return the standard error of other minus reference by evaluation and, where both are known, by training."""
    difference = other.influence - reference.influence  # pandas aligns on the sample id
    training = None
    if other.training is not None and reference.training is not None:
        training = (other.training - reference.training).reindex(difference.index).to_numpy()
    groups = reference.groups.reindex(difference.index).to_numpy()
    return larger_error(difference.to_numpy(), training, groups, fewest=min(reference.fewest, other.fewest))


def compare(
    reference: MetricScores, other: MetricScores, *, rope: float = 0.01, confidence: float = 0.95
) -> Comparison:
    """Compare two configurations on the same folds; the difference is always other minus reference.

    Raises:
        AnalysisError: they are not paired.
    """
    differences = paired_differences(reference, other)
    fold_level = not reference.single_split
    error = (
        paired_error(reference, other)
        if fold_level
        else SamplingError(se=paired_clustered_se(reference, other), df=math.inf)
    )
    ratio, higher = reference.test_over_train, other.higher_is_better
    return Comparison(
        metric=other.metric,
        differences=tuple(differences.tolist()),
        max_se=max_se_test(
            differences, clustered_se=error.se, df=error.df, folds=reference.folds, confidence=confidence
        ),
        corrected_t=corrected_t(differences, test_over_train=ratio, confidence=confidence) if fold_level else None,
        rope=correlated_t_rope(differences, test_over_train=ratio, rope=rope, higher_is_better=higher)
        if fold_level
        else None,
        naive_t=naive_t(differences) if fold_level else None,
        probability_better=probability_better(differences, test_over_train=ratio, higher_is_better=higher)
        if fold_level
        else None,
        higher_is_better=higher,
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
    """Return value / se; without any spread a difference of rounding noise is none."""
    if se > 0:
        return value / se
    return 0.0 if abs(value) < NOTHING else math.copysign(math.inf, value)
