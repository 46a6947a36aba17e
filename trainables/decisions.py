"""From probabilities to decisions: the threshold of a two-class target, chosen inside the training folds.

Youden's index J = sensitivity + specificity - 1 (Youden, Cancer 1950); papers report sensitivity near specificity at
1.8 % prevalence, which 0.5 cannot give (papers.md 2.3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_curve

HALF = 0.5


def youden_threshold(labels: np.ndarray, positive: np.ndarray) -> float:
    """Return the threshold t in [0, 1] at which deciding `positive >= t` has the largest Youden index.

    It lies halfway between two scores, so that it does not hang on the last bit of one. 0.5 where a class is missing.

    Args:
        labels: 1 for the second class, 0 for the first, int (n,).
        positive: probability of the second class, (n,).
    """
    if len(np.unique(labels)) < 2:
        return HALF
    false_rate, true_rate, scores = roc_curve(labels, positive, drop_intermediate=False)
    best = int(np.argmax(true_rate - false_rate))
    if best == 0:
        return HALF  # no score tells the classes apart
    below = scores[best + 1] if best + 1 < len(scores) else 0.0
    return float((scores[best] + below) / 2)


@dataclass(frozen=True)
class Thresholds:
    """The threshold of each target by name, None where the likeliest class is the decision."""

    by_target: Mapping[str, float | None]

    @classmethod
    def none(cls, names: Sequence[str]) -> "Thresholds":
        """Return no thresholds."""
        return cls(dict.fromkeys(names))

    @classmethod
    def chosen(cls, names: Sequence[str], codes: np.ndarray, probabilities: list[np.ndarray]) -> "Thresholds":
        """Return Youden's for every two-class target, from the inner part's predictions.

        Args:
            names: of the targets.
            codes: true classes of the inner part, int (row, target).
            probabilities: (row, class) per target.
        """
        pairs = enumerate(zip(names, probabilities, strict=True))
        return cls(
            {
                name: youden_threshold(codes[:, number], values[:, 1]) if values.shape[1] == 2 else None
                for number, (name, values) in pairs
            }
        )

    @property
    def values(self) -> list[float | None]:
        """In the order of the targets."""
        return list(self.by_target.values())

    def as_metrics(self) -> dict[str, float | None]:
        """Return `threshold:<target>` for those that there are, as a record holds them."""
        return {f"threshold:{name}": value for name, value in self.by_target.items() if value is not None}
