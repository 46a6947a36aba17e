"""AUC and average precision of one fold under many weightings of its groups at once, exact with ties.

Weights (G, B) hold a row per group and a column per replicate; a sample's row is its group's. Samples are sorted once;
then sums run down the sorted rows, all replicates side by side, and only the rarer side is walked: the commoner one is
first added up between its scores. Counts below 2^23 are exact in float32, so no order of summation changes a bit.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import sparse

WEIGHT = np.float32
"""The type of weights: counts, so exact, at half the memory traffic of a double."""
TINY = WEIGHT(1e-30)
"""In place of 0 under a fraction whose numerator is 0."""


def adder(
    rows: np.ndarray, members: np.ndarray, shape: tuple[int, int], values: np.ndarray | None = None
) -> sparse.sparray:
    """Return a sparse matrix that adds up weights: times weights (G, B) it gives sums (n_rows, B).

    Args:
        rows: (n,), the row that each sample is added to.
        members: (n,), its row of the weights.
        shape: (n_rows, G).
        values: (n,), what its weight is multiplied with; 1 unless given.
    """
    order = np.argsort(rows, kind="stable")
    values = np.ones(len(rows), WEIGHT) if values is None else values[order]
    ends = np.cumsum(np.bincount(rows, minlength=shape[0]))
    return sparse.csr_array((values, members[order], np.concatenate([[0], ends])), shape=shape)


@dataclass(frozen=True)
class AreaWalk:
    """What the area under one ROC curve needs of the samples: matrices that add weights up, for any weights.

    `walked` sums the rarer side at each of its L distinct scores (L, G), `steps` how much more of the other side lies
    below each than below the one before, ties counting half (L, G), `others` all of the other side (1, G).
    """

    walked: sparse.sparray
    steps: sparse.sparray
    others: sparse.sparray
    positives_walked: bool

    @classmethod
    def of(cls, positive: np.ndarray, scores: np.ndarray, members: np.ndarray, n_groups: int) -> "AreaWalk":
        """Sort the samples: which are positive (n,) bool, their scores (n,) and rows of the weights (n,) of G."""
        few = positive if 2 * np.count_nonzero(positive) <= len(positive) else ~positive
        levels, places = np.unique(scores[few], return_inverse=True)
        shape, rest = (len(levels), n_groups), members[~few]
        first = np.searchsorted(levels, scores[~few])
        tied = np.searchsorted(levels, scores[~few], side="right") > first
        values = np.where(tied, 0.5, 1).astype(WEIGHT)
        rows = np.concatenate([first, first[tied] + 1])  # the other half of a tie comes in above its level
        within = rows < len(levels)
        values, below = np.concatenate([values, values[tied]])[within], np.concatenate([rest, rest[tied]])[within]
        return cls(
            adder(places, members[few], shape),
            adder(rows[within], below, shape, values),
            adder(np.zeros(len(rest), int), rest, (1, n_groups)),
            few is positive,
        )

    def area(self, weights: np.ndarray) -> np.ndarray:
        """Return the area of every replicate (B,): pairs ranked rightly, ties half, of all pairs of weights (G, B).

        NaN in a replicate without positives or without negatives. Peer: scikit-learn's `roc_auc_score(sample_weight=)`.
        """
        walked = self.walked @ weights
        right = _running(self.steps @ weights)
        right *= walked
        area = quotient(right.sum(axis=0, dtype=float), walked.sum(axis=0, dtype=float) * (self.others @ weights)[0])
        return area if self.positives_walked else 1 - area


@dataclass(frozen=True)
class PrecisionWalk:
    """What one average precision needs: matrices that sum the positives at each of their L distinct scores, from the
    highest down, and the negatives that come in with each (L, G); and all negatives (1, G).
    """

    positives: sparse.sparray
    negatives: sparse.sparray
    all_negatives: sparse.sparray

    @classmethod
    def of(cls, positive: np.ndarray, scores: np.ndarray, members: np.ndarray, n_groups: int) -> "PrecisionWalk":
        """Sort the samples, given as to `AreaWalk.of`."""
        levels, places = np.unique(-scores[positive], return_inverse=True)
        rest, first = members[~positive], np.searchsorted(levels, -scores[~positive])
        within = first < len(levels)
        return cls(
            adder(places, members[positive], (len(levels), n_groups)),
            adder(first[within], rest[within], (len(levels), n_groups)),
            adder(np.zeros(len(rest), int), rest, (1, n_groups)),
        )

    def average_precision(self, weights: np.ndarray) -> np.ndarray:
        """Return the average precision of every replicate (B,): the sum over thresholds of (R_k - R_(k-1)) P_k.

        NaN in a replicate without positives or without negatives. Peer: `average_precision_score(sample_weight=)`.
        """
        found = self.positives @ weights
        reached = _running(found + self.negatives @ weights)
        true = _running(found.copy())
        true *= found
        true /= np.maximum(reached, TINY, out=reached)  # where nothing is reached nothing is found
        gained = true.sum(axis=0, dtype=float)
        negatives = (self.all_negatives @ weights)[0]
        return quotient(np.where(negatives > 0, gained, np.nan), found.sum(axis=0, dtype=float))


def quotient(counts: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Return counts / of in double precision; NaN where `of` is 0."""
    return np.divide(counts, of, out=np.full(counts.shape, np.nan), where=of > 0, dtype=float)


def _running(steps: np.ndarray) -> np.ndarray:
    """Sum down the rows in place; row by row, because cumsum would go down each column, far apart in memory."""
    for last, step in itertools.pairwise(steps):
        step += last
    return steps
