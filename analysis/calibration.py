"""Metrics of calibration: are the probabilities (n, C) as large as the classes are frequent? Lower is better.

They need probabilities: each in [0, 1], and those of a sample summing to 1. Of other scores they are NaN.
"""

from dataclasses import dataclass

import numpy as np

from analysis.inputs import checked

BINS = 15
"""Equal-width bins of the confidence (Guo et al. 2017)."""
ROUNDING = 1e-3
"""How far the probabilities of a sample may sum from 1; they are stored in single precision."""


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram of the top label, each (B,): bin edges are (low, high]; empty bins hold NaN.

    `confidence` is the mean probability of the class that is most probable, `accuracy` how often it is the right one.
    """

    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean gap of accuracy and confidence, weighted by the samples of a bin."""
        filled = self.counts > 0
        gaps = np.abs(self.accuracy[filled] - self.confidence[filled])
        return float((gaps * self.counts[filled]).sum() / self.counts.sum())


def are_probabilities(probabilities: np.ndarray) -> bool:
    """Whether values (n, C) lie in [0, 1] and sum to 1 for each sample."""
    within = probabilities.min() >= -ROUNDING and probabilities.max() <= 1 + ROUNDING
    return bool(within and np.abs(probabilities.sum(axis=1) - 1).max() <= ROUNDING)


def brier_score(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean over samples of the sum over classes of (probability - truth)^2, from 0 to 2 (Brier 1950).

    With two classes it is twice the binary score that sums over one of them. scikit-learn:
    `brier_score_loss(labels, probabilities, scale_by_half=False)`.
    """
    labels, probabilities = checked(labels, probabilities)
    return float(sample_brier(labels, probabilities).mean()) if are_probabilities(probabilities) else float("nan")


def sample_brier(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the sum over classes of (probability - truth)^2 of each sample (n,)."""
    truth = labels[:, None] == np.arange(probabilities.shape[1])
    return np.square(probabilities - truth).sum(axis=1)


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> float:
    """Return the top-label expected calibration error (ECE) over equal-width bins (Guo et al. 2017, equation 3).

    A fraction. It is biased upwards, most with few samples: a perfectly calibrated model has an ECE above 0 too.
    """
    labels, probabilities = checked(labels, probabilities)
    return reliability(labels, probabilities, bins).error if are_probabilities(probabilities) else float("nan")


def reliability(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> Reliability:
    """Return the reliability diagram of the top label.

    Raises:
        AnalysisError: labels (n,) and probabilities (n, C) do not fit.
    """
    labels, probabilities = checked(labels, probabilities)
    confidence, right, place = top_label(labels, probabilities, bins)
    counts = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights=values, minlength=bins) for values in (confidence, right)]
    means = [np.divide(total, counts, out=np.full(bins, np.nan), where=counts > 0) for total in sums]
    edges = np.linspace(0, 1, bins + 1)
    return Reliability(edges[:-1], edges[1:], counts, *means)


def top_label(labels: np.ndarray, probabilities: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each sample (n,) the largest probability, whether its class is right, and the number of its bin."""
    confidence = probabilities.max(axis=1)
    place = np.searchsorted(np.linspace(0, 1, bins + 1), confidence, side="left") - 1
    return confidence, probabilities.argmax(axis=1) == labels, np.clip(place, 0, bins - 1)
