"""Racing between folds: a configuration goes on only while it may still be the best.

Folds are paired, so after k folds the mean difference to the best complete configuration on the same k folds has
standard error sigma sqrt(2 / k), with sigma the residual SD after configuration and fold effects. It is dropped when
the difference falls below minus `margin` of those. One sigma spent 32 % of the fold fits of a recorded grid (110
configurations x 5 folds of HAM10000) and two sigma 44 %, and neither lost the best.
"""

import math
from collections.abc import Mapping
from typing import Any

from searchspace.search.blocks import Fold, Scores, residual_sd


class Race:
    """The scores of all configurations, and whether the newest goes on.

    Args:
        margin: in standard errors of the mean paired difference.
        folds: evaluation samples of every planned fold of a complete evaluation.
    """

    def __init__(self, margin: float, folds: Mapping[Fold, int]) -> None:
        self._margin, self._folds = margin, dict(folds)
        self._scores: dict[str, dict[Fold, float]] = {}
        self._barred: set[str] = set()

    def add(self, identifier: str, fold: Fold, score: float) -> None:
        """Note the score of a fold fit, as a fraction."""
        self._scores.setdefault(identifier, {})[fold] = score

    def bar(self, identifier: str, barred: bool) -> None:
        """Say whether a configuration breaks a constraint: then no other is measured against it."""
        (self._barred.add if barred else self._barred.discard)(identifier)

    def judge(self, identifier: str) -> dict[str, Any] | None:
        """Return the evidence on which a configuration is dropped, or None: it goes on.

        Nothing is dropped without two complete configurations (sigma is not known), nor after its last fold.
        """
        own = self._scores.get(identifier, {})
        complete = {name: scores for name, scores in self._scores.items() if len(scores) == len(self._folds)}
        sigma = residual_sd(list(complete.values()))
        rivals = {name: scores for name, scores in complete.items() if name not in self._barred}
        if not own or identifier in complete or sigma is None or not rivals:
            return None
        best = max(rivals, key=lambda name: sum(rivals[name].values()))
        difference = sum(score - rivals[best][fold] for fold, score in own.items()) / len(own)
        sigma = max(sigma, self._floor(rivals[best]))
        threshold = -self._margin * sigma * math.sqrt(2.0 / len(own))
        if difference >= threshold:
            return None
        return {
            "folds": [list(fold) for fold in own],
            "incumbent": best,
            "difference": difference,
            "sigma": sigma,
            "margin": self._margin,
            "threshold": threshold,
        }

    def _floor(self, scores: Scores) -> float:
        """Return the binomial error of one fold: two complete configurations may agree by chance."""
        mean = min(1.0, max(0.0, sum(scores.values()) / len(scores)))
        return math.sqrt(mean * (1.0 - mean) * len(self._folds) / sum(self._folds.values()))
