"""The standard error of a cross-validated metric from the influences of its samples, with its degrees of freedom.

Influences are of being evaluated, or of being evaluated and trained on (`analysis.statistics.training_influence`).
"""

import math
from dataclasses import dataclass

import numpy as np

from analysis.errors import AnalysisError


@dataclass(frozen=True)
class SamplingError:
    """A group-clustered standard error and the degrees of freedom of the t quantile that goes with it."""

    se: float
    df: float


def sampling_error(influence: np.ndarray, groups: np.ndarray, *, fewest: int = 2) -> SamplingError:
    """Return sqrt(G*/(G*-1) * sum of u_g^2) and G*-1, u_g being the sum of the influences of group g.

    G* = (sum of u_g^2)^2 / sum of u_g^4 is an effective number of groups, after Carter, Schnepel & Steigerwald (2017)
    but from realised squares, which is a heuristic: where few lesions of a rare class carry a metric, it is near their
    number, not that of all lesions. Never below `fewest`; influences that are all 0 give se 0 and infinite degrees of
    freedom.

    Args:
        influence: (n,), of the metric or of a difference of two metrics.
        groups: (n,), the lesion or patient of each sample.
        fewest: groups of the rarest class, without which a nearly perfect classifier would have as many degrees of
            freedom as it makes errors.

    Raises:
        AnalysisError: the two differ in length, or there are fewer than two groups.
    """
    values = np.asarray(influence, dtype=float)
    if values.shape != np.shape(groups):
        raise AnalysisError(f"{len(values)} influences for {len(groups)} samples: give one of each sample")
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(members, weights=values)
    if len(sums) < 2:
        raise AnalysisError(f"a clustered standard error needs at least two groups, there is {len(sums)}")
    squares = np.square(sums)
    total = float(squares.sum())
    if total == 0:
        return SamplingError(se=0.0, df=math.inf)
    effective = max(2.0, float(min(fewest, len(sums))), total**2 / float(np.square(squares).sum()))
    return SamplingError(se=math.sqrt(total * effective / (effective - 1)), df=effective - 1)


def larger_error(
    evaluation: np.ndarray, training: np.ndarray | None, groups: np.ndarray, *, fewest: int
) -> SamplingError:
    """Return the error of being evaluated and trained on, never smaller than that of being evaluated alone.

    Args:
        evaluation: influences (n,) of the evaluated samples.
        training: those of the same samples as training samples, None where they are not known.
        groups: (n,).
        fewest: as in `sampling_error`.

    Raises:
        AnalysisError: as `sampling_error`.
    """
    alone = sampling_error(evaluation, groups, fewest=fewest)
    if training is None:
        return alone
    both = sampling_error(evaluation + training, groups, fewest=fewest)
    return both if both.se > alone.se else alone
