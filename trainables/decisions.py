"""From probabilities to decisions: the threshold of a two-class target, chosen inside the training folds.

Youden's index J = sensitivity + specificity - 1 (Youden, Cancer 1950); papers report sensitivity near specificity at
1.8 % prevalence, which 0.5 cannot give (papers.md 2.3).
"""

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


def thresholds(names: list[str], codes: np.ndarray, probabilities: list[np.ndarray]) -> dict[str, float]:
    """Return `threshold:<target>` for every two-class target, from the inner part's predictions.

    Args:
        names: of the targets.
        codes: true classes of the inner part, int (row, target).
        probabilities: (row, class) per target.
    """
    return {
        f"threshold:{name}": youden_threshold(codes[:, number], values[:, 1])
        for number, (name, values) in enumerate(zip(names, probabilities, strict=True))
        if values.shape[1] == 2
    }
