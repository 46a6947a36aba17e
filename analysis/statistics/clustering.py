"""Standard errors of out-of-fold metrics that know of lesions (or patients).

Each sample has an influence: how far it alone moves the metric. Summed over the samples of a group and squared, the
influences give the variance of the metric when groups, not images, are drawn: images of one lesion are no independent
evidence (ignoring that loses 4 to 7 points of coverage, statistics.md section 2). Metrics are fractions.
Sources: linearisation of a class-stratified mean; DeLong et al. 1988 (placements); LeDell et al. 2015 (fold AUCs).
Average precision and calibration error are linearised here: the derivative by the weight of the sample.
"""

from collections.abc import Callable

import numpy as np

from analysis.calibration import BINS, are_probabilities, sample_brier, top_label
from analysis.errors import AnalysisError
from analysis.inputs import checked
from analysis.metrics import decide
from analysis.ranking import ranked_above
from analysis.statistics.influences import decision_influence


def mcr_influence(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the influence of each sample on the mean class recall of all samples given (n,).

    (correct - recall_c) / (C n_c) for a sample of class c, with the n_c samples of its class and the C classes present.
    Give the samples of all folds of one repeat together.
    """
    labels, probabilities = checked(labels, probabilities)
    return decision_influence("mcr", labels, decide(probabilities), probabilities.shape[1])


def auc_influence(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the influence of each sample of one fold on that fold's macro one-vs-rest AUC (n,).

    A positive moves its class's AUC by (placement - AUC) / n_positive, a negative by (placement - AUC) / n_negative; a
    placement is the share of the other side that the sample is ranked rightly against, ties counting half.
    """
    return _mean_over_classes(class_auc_influence, labels, probabilities)


def average_precision_influence(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the influence of each sample of one fold on that fold's macro one-vs-rest average precision (n,)."""
    return _mean_over_classes(class_average_precision_influence, labels, probabilities)


def _mean_over_classes(
    influence: Callable[[np.ndarray, np.ndarray], np.ndarray], labels: np.ndarray, probabilities: np.ndarray
) -> np.ndarray:
    labels, probabilities = checked(labels, probabilities)
    defined = [c for c in range(probabilities.shape[1]) if 0 < np.count_nonzero(labels == c) < len(labels)]
    total = np.zeros(len(labels))
    for number in defined:
        total += influence(labels == number, probabilities[:, number])
    return total / max(len(defined), 1)


def micro_auc_influence(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the influence of each sample of one fold on that fold's micro-averaged AUC (n,).

    The n C pairs of a sample and a class are one two-class problem; a sample moves it by what its C pairs do.
    """
    labels, probabilities = checked(labels, probabilities)
    if probabilities.shape[1] < 2:
        return np.full(len(labels), np.nan)
    positive = labels[:, None] == np.arange(probabilities.shape[1])
    return class_auc_influence(positive.ravel(), probabilities.ravel()).reshape(positive.shape).sum(axis=1)


def brier_influence(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the influence of each sample of one fold on that fold's Brier score, a plain mean (n,).

    NaN where the values are no probabilities.
    """
    labels, probabilities = checked(labels, probabilities)
    if not are_probabilities(probabilities):
        return np.full(len(labels), np.nan)
    errors = sample_brier(labels, probabilities)
    return (errors - errors.mean()) / len(labels)


def calibration_influence(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the influence of each sample of one fold on that fold's top-label ECE (n,); of no probabilities NaN.

    ECE is the sum over bins of |sum of (right - confidence)| / n: a sample moves it by sign of its bin's gap times
    (right - confidence). In a bin whose gap is 0 but for chance the SE is an upper bound (a folded normal varies less),
    and the interval is of what folds of this size measure, bias upwards included, not of the calibration of the model.
    """
    labels, probabilities = checked(labels, probabilities)
    if not are_probabilities(probabilities):
        return np.full(len(labels), np.nan)
    confidence, right, place = top_label(labels, probabilities, bins)
    gaps = right - confidence
    moved = np.sign(np.bincount(place, weights=gaps, minlength=bins))[place] * gaps
    return (moved - moved.mean()) / len(labels)


def class_auc_influence(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the influence of each sample (n,) on one AUC; `positive` (n,) holds both truths, ties count half."""
    n_positive, n_negative = np.count_nonzero(positive), np.count_nonzero(~positive)
    below = ranked_above(positive, scores)
    area = below[positive].mean() / n_negative
    influence = np.empty(len(scores))
    influence[positive] = (below[positive] / n_negative - area) / n_positive
    influence[~positive] = (1.0 - below[~positive] / n_positive - area) / n_negative
    return influence


def class_average_precision_influence(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the influence of each sample (n,) on one average precision; `positive` (n,) holds at least one.

    AP is the mean over positives of the precision P(s) at their score. With D(s) samples from score s on, a sample at s
    adds to the precision at each positive's score t <= s (1 - P(t)) / D(t) if it is positive, else -P(t) / D(t); a
    positive adds its own precision too.
    """
    order = np.argsort(-scores, kind="stable")
    truth = positive[order].astype(float)
    starts = np.append(0, np.flatnonzero(np.diff(scores[order])) + 1)
    level = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(scores)))
    from_here_on = np.append(starts[1:], len(scores)).astype(float)  # D of each distinct score
    here = np.add.reduceat(truth, starts)
    precision = np.cumsum(here) / from_here_on
    # sums over the positives at or below each distinct score
    shares, losses = (np.cumsum(terms[::-1])[::-1] for terms in (here / from_here_on, here * precision / from_here_on))
    average = float((here * precision).sum() / here.sum())
    influence = np.empty(len(scores))
    influence[order] = (truth * (precision[level] - average + shares[level]) - losses[level]) / here.sum()
    return influence


def clustered_se(influence: np.ndarray, groups: np.ndarray) -> float:
    """Return the group-clustered standard error sqrt(G/(G-1) * sum over groups of (sum of influences)^2).

    Args:
        influence: (n,), of the metric or of a difference of two metrics.
        groups: (n,), the lesion or patient of each sample.

    Raises:
        AnalysisError: fewer than two groups.
    """
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(members, weights=np.asarray(influence, dtype=float))
    if len(sums) < 2:
        raise AnalysisError(f"a clustered standard error needs at least two groups, there is {len(sums)}")
    return float(np.sqrt(len(sums) / (len(sums) - 1) * np.square(sums).sum()))
