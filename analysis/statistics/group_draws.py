"""The draws of a class-stratified, group-clustered bootstrap: how often each replicate holds each group.

Groups (lesions, patients) are drawn with replacement inside the strata of their classes, so that a replicate keeps the
classes' shares and never splits a group. A replicate is a count per group, no copy of samples: a statistic takes the
counts as weights. Source: Davison & Hinkley 1997, section 3.2 (strata) and 3.8 (clusters).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError

DRAWN_AT_ONCE = 5_000_000
"""Group numbers drawn in one call, which bounds its memory."""


@dataclass(frozen=True)
class GroupDraws:
    """The groups in order, the stratum of each (G,), and how often each replicate draws each (G, B)."""

    groups: pd.Index
    strata: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, groups: np.ndarray, labels: np.ndarray, *, replicates: int, rng: np.random.Generator) -> "GroupDraws":
        """Draw the groups (n,) of samples with labels (n,); errors as of `class_strata` and `draw_groups`."""
        names, strata = class_strata(groups, labels)
        return cls(pd.Index(names), strata, draw_groups(strata, replicates=replicates, rng=rng))


def class_strata(groups: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct groups in order (G,) and the stratum of each (G,): the class of its samples.

    A group with samples of several classes belongs to the one of them that has the fewest samples overall.

    Args:
        groups: (n,), the lesion or patient of each sample.
        labels: (n,), its class number.

    Raises:
        AnalysisError: no samples, or shapes that do not fit.
    """
    groups, labels = np.asarray(groups), np.asarray(labels)
    if groups.ndim != 1 or groups.shape != labels.shape or not len(groups):
        raise AnalysisError(f"groups (n,) and labels (n,) do not fit: shapes {groups.shape} and {labels.shape}")
    names, members = np.unique(groups, return_inverse=True)
    counts = np.bincount(labels)
    rarity = np.lexsort((np.arange(len(counts)), counts)).argsort()  # place of each class, the rarest first
    places = np.full(len(names), len(counts))
    np.minimum.at(places, members, rarity[labels])
    return names, rarity.argsort()[places]


def draw_groups(strata: np.ndarray, *, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each replicate draws each group (G, B): within a stratum, as many draws as it has groups.

    Args:
        strata: (G,), the stratum of each group.
        replicates: B.
        rng: the same state gives the same draws.

    Raises:
        AnalysisError: no group, or no replicate.
    """
    strata = np.asarray(strata)
    if strata.ndim != 1 or not len(strata):
        raise AnalysisError(f"a bootstrap needs groups to draw, strata have shape {strata.shape}")
    if replicates < 1:
        raise AnalysisError(f"replicates={replicates}: a bootstrap needs at least one, as 10000")
    drawn = np.empty((len(strata), replicates), dtype=np.uint16)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        size, step = len(rows), max(1, DRAWN_AT_ONCE // len(rows))
        for start in range(0, replicates, step):
            width = min(step, replicates - start)
            places = rng.integers(size, size=(size, width)) * width + np.arange(width)
            counts = np.bincount(places.ravel(), minlength=size * width)
            drawn[rows, start : start + width] = counts.reshape(size, width)
    return drawn
