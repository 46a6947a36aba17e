"""Folds as blocks: the two-way additive model `score = configuration + fold + residual` over all cells so far.

All configurations see the same folds, so a hard fold moves all of them alike: what is left after taking the fold
effects out is the noise of a paired comparison, and a configuration that was stopped early can be put on the scale of
the complete ones. Scores are fractions, by (repeat, fold).
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

Fold = tuple[int, int]
Scores = Mapping[Fold, float]


def residual_sd(complete: Sequence[Scores]) -> float | None:
    """Return the pooled residual SD of configurations that all have the same folds, with (n - 1)(folds - 1) degrees.

    None when there are fewer than two configurations or two folds: then it cannot be estimated.
    """
    if len(complete) < 2 or len(complete[0]) < 2:
        return None
    folds = sorted(complete[0])
    scores = np.array([[row[fold] for fold in folds] for row in complete])
    residual = scores - scores.mean(1, keepdims=True) - scores.mean(0, keepdims=True) + scores.mean()
    degrees = (scores.shape[0] - 1) * (scores.shape[1] - 1)
    return math.sqrt(float((residual**2).sum()) / degrees)


def fold_effects(cells: Sequence[Scores]) -> dict[Fold, float]:
    """Return by how much each fold is easier (+) or harder (-) than the mean fold: least squares, summing to zero."""
    folds = sorted({fold for row in cells for fold in row})
    place = {fold: number for number, fold in enumerate(folds)}
    normal, right = np.zeros((len(folds), len(folds))), np.zeros(len(folds))
    for row in cells:
        if len(row) < 2:
            continue  # one cell says nothing about folds once its configuration has an effect of its own
        at = [place[fold] for fold in row]
        values = np.array(list(row.values()))
        normal[np.ix_(at, at)] += np.eye(len(at)) - 1.0 / len(at)
        right[at] += values - values.mean()
    effects = np.linalg.pinv(normal, hermitian=True) @ right
    return {fold: float(effects[place[fold]]) for fold in folds}


def blocked_estimate(scores: Scores, others: Sequence[Scores]) -> float:
    """Return the mean score that a configuration would have over all folds, from those it has.

    Args:
        scores: its scores so far, at least one.
        others: the scores of the other configurations, complete or not; they tell which folds are hard.
    """
    effects = fold_effects([*others, scores])
    return sum(score - effects[fold] for fold, score in scores.items()) / len(scores)
