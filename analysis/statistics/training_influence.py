"""How far each sample moves a cross-validated metric of decisions by having been trained on.

Out-of-fold influences see which samples were evaluated, not which were trained on; yet every sample trains the models
of all folds but one. A learner that minimises a likelihood on imbalanced classes is not at the optimum of mean class
recall, so training noise moves that metric at first order, by as much as case sampling where classes overlap
(docs/statistics.md). No unbiased estimator of that part exists from one cross-validation (Bengio & Grandvalet 2004).
What is taken instead is a heuristic of this project: the noise that matters is taken to be that of a linear map of the
log probabilities (matrix scaling, Guo et al. 2017), fitted with the class weights of the loss, whose influence function
is known in closed form (infinitesimal jackknife, Efron 1982). It holds for discriminant analysis, with and without
superfluous features, quadratic discriminants and nearly for nearest neighbours, in simulation. Thresholds that were
learned are not covered: the training influence of decisions by them is left out.
"""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from analysis.metrics import Counts, decision_counts
from analysis.statistics.influences import BINARY_CLASS, OF_CLASS

BANDWIDTH = 1.0
"""Half-width of the triangular kernel around a decision boundary, in log odds."""

FLOOR = 1e-12
"""Probabilities are lifted to this before their logarithm is taken."""


WEIGHTS = {"none": lambda counts: np.ones(len(counts)), "complement": lambda counts: 1 - counts / counts.sum()}
"""Class weights (C,) of a loss from its counts; every other formula is a multiple of 1 / count."""


class TrainingMap:
    """The linear map of the log probabilities that is imagined to be fitted with the models of one repeat.

    Args:
        labels: class numbers (n,) of all folds.
        probabilities: (n, C), out of fold.
        class_weights: the formula that weighs the classes in the loss, as in a configuration; `none`: all alike.
    """

    def __init__(self, labels: np.ndarray, probabilities: np.ndarray, class_weights: str = "none") -> None:
        n, self.classes = probabilities.shape
        self.labels = labels
        if self.classes < 2:
            return
        counts = np.bincount(labels, minlength=self.classes)
        weigh = WEIGHTS.get(class_weights, lambda counts: counts.sum() / (len(counts) * np.maximum(counts, 1)))
        weights = weigh(counts)[labels]
        logits = _normalised(np.log(np.maximum(probabilities, FLOOR)).T)
        self.logits = _normalised(_temperature(logits, labels) * logits)
        chances, self.features = np.exp(self.logits), np.vstack([np.ones(n), self.logits])
        scores = -chances
        scores[labels, np.arange(n)] += 1
        self.scores = weights * scores
        self.curvature = cho_factor(_curvature(chances, self.features, weights))

    def influence(self, metric: str) -> np.ndarray:
        """Return the influence of each training sample on a metric of decisions (n,); NaN where it has none.

        gradient' H^-1 score / n: `score` is the sample's derivative of the weighted log likelihood by the map, H the
        mean curvature plus 1/n (a standard normal prior), `gradient` that of the metric, from the samples near a
        decision boundary. It is centred within classes, whose counts stratified folds hold fixed.
        """
        if self.classes < 2 or (metric in BINARY_CLASS and self.classes != 2):
            return np.full(len(self.labels), np.nan)
        gradient = _pull(metric, self.labels, self.logits, self.classes) @ self.features.T
        direction = cho_solve(self.curvature, gradient.ravel()).reshape(gradient.shape)
        influence = (self.scores * (direction @ self.features)).sum(axis=0) / len(self.labels)
        counts = np.maximum(np.bincount(self.labels, minlength=self.classes), 1)
        means = np.bincount(self.labels, influence, minlength=self.classes) / counts
        return np.asarray(influence - means[self.labels])


def training_influence(
    metric: str, labels: np.ndarray, probabilities: np.ndarray, *, class_weights: str = "none"
) -> np.ndarray:
    """Return the influence of each training sample on the expected metric of the procedure (n,): see `TrainingMap`."""
    return TrainingMap(labels, probabilities, class_weights).influence(metric)


def _normalised(logits: np.ndarray) -> np.ndarray:
    """Return log softmax over the first axis (C, n)."""
    shifted = logits - logits.max(axis=0)
    return shifted - np.log(np.exp(shifted).sum(axis=0))


def _temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the factor of log probabilities (C, n) that gives least log loss, by Newton steps.

    Overconfident probabilities would else overstate how much a misclassified training sample pulls.
    """
    beta, truth = 1.0, logits[labels, np.arange(len(labels))]
    for _ in range(20):  # no step more than halves or doubles it
        chances = np.exp(_normalised(beta * logits))
        mean = (chances * logits).sum(axis=0)
        curvature = float(((chances * logits**2).sum(axis=0) - mean**2).mean())
        step = float((truth - mean).mean()) / max(curvature, FLOOR)
        before, beta = beta, float(np.clip(beta + np.clip(step, -beta / 2, beta), 0.01, 100.0))
        if abs(beta - before) < 1e-3 * before:
            break
    return beta


def _curvature(chances: np.ndarray, features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean second derivative of the weighted log loss, (C (C+1), C (C+1)), plus 1/n on its diagonal."""
    classes, n = chances.shape
    width = len(features)
    products = (chances[:, None] * features).reshape(-1, n)
    curvature = -(weights * products @ products.T) / n
    for c in range(classes):
        block = slice(c * width, (c + 1) * width)
        curvature[block, block] += (weights * chances[c] * features) @ features.T / n
    curvature[np.diag_indices(len(curvature))] += 1 / n
    return curvature


def _pull(metric: str, labels: np.ndarray, decided_by: np.ndarray, classes: int) -> np.ndarray:
    """Return how the metric moves with each log probability of each sample (C, n): 0 far from a boundary."""
    columns = np.arange(len(labels))
    rest = decided_by.copy()
    first = rest.argmax(axis=0)
    rest[first, columns] = -np.inf
    second = rest.argmax(axis=0)
    margin = decided_by[first, columns] - decided_by[second, columns]
    # a sample on either side stands for the density at the boundary, so the kernel is that of both sides together
    density = np.maximum(0.0, 1.0 - margin / BANDWIDTH) / BANDWIDTH
    worth = _worth(metric, decision_counts(labels, first, classes), classes)
    gain = density * (worth[labels, second] - worth[labels, first])
    pull = np.zeros_like(decided_by)
    pull[second, columns] += gain
    pull[first, columns] -= gain
    return pull


def _worth(metric: str, counts: Counts, classes: int) -> np.ndarray:
    """Return the derivative of the metric by the count of each pair of true class and decision (C, C)."""
    labels, decisions = (grid.ravel() for grid in np.indices((classes, classes)))
    if metric == "accuracy":
        worth = (labels == decisions) / counts.total
    elif metric in BINARY_CLASS:
        worth = OF_CLASS["mcr"](labels, decisions, counts, BINARY_CLASS[metric])
    else:
        present = np.flatnonzero(counts.positives)
        worth = sum(OF_CLASS[metric](labels, decisions, counts, int(c)) for c in present) / len(present)
    return np.asarray(worth, dtype=float).reshape(classes, classes)
