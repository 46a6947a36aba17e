"""Standard errors of out-of-fold metrics that know of lesions (or patients).

Each sample has an influence: how far it alone moves the metric. Summed over the samples of a group and squared, the
influences give the variance of the metric when groups, not images, are drawn: images of one lesion are no independent
evidence (ignoring that loses 4 to 7 points of coverage, statistics.md section 2). Metrics are fractions.
Sources: linearisation of a class-stratified mean; DeLong et al. 1988 (placements); LeDell et al. 2015 (fold AUCs).
"""

import numpy as np
from scipy.stats import rankdata

from analysis.errors import AnalysisError
from analysis.metrics import checked, decide
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
    labels, probabilities = checked(labels, probabilities)
    defined = [c for c in range(probabilities.shape[1]) if 0 < np.count_nonzero(labels == c) < len(labels)]
    total = np.zeros(len(labels))
    for number in defined:
        total += _binary_auc_influence(labels == number, probabilities[:, number])
    return total / max(len(defined), 1)


def micro_auc_influence(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the influence of each sample of one fold on that fold's micro-averaged AUC (n,).

    The n C pairs of a sample and a class are one two-class problem; a sample moves it by what its C pairs do.
    """
    labels, probabilities = checked(labels, probabilities)
    if probabilities.shape[1] < 2:
        return np.full(len(labels), np.nan)
    positive = labels[:, None] == np.arange(probabilities.shape[1])
    return _binary_auc_influence(positive.ravel(), probabilities.ravel()).reshape(positive.shape).sum(axis=1)


def _binary_auc_influence(positive: np.ndarray, scores: np.ndarray) -> np.ndarray:
    n_positive, n_negative = np.count_nonzero(positive), np.count_nonzero(~positive)
    overall = rankdata(scores)
    # rank among all minus rank among one's own side counts the other side below, ties half
    below = np.empty(len(scores))
    below[positive] = overall[positive] - rankdata(scores[positive])
    below[~positive] = overall[~positive] - rankdata(scores[~positive])
    area = below[positive].mean() / n_negative
    influence = np.empty(len(scores))
    influence[positive] = (below[positive] / n_negative - area) / n_positive
    influence[~positive] = (1.0 - below[~positive] / n_positive - area) / n_negative
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
