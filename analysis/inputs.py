"""What every metric is computed of: labels (n,) and class probabilities (n, C) that fit together."""

import numpy as np

from analysis.errors import AnalysisError


def checked(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays of one length.

    Raises:
        AnalysisError: no samples, shapes that do not fit, a label out of range, or a probability that is not finite.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    if labels.ndim != 1 or probabilities.ndim != 2 or len(labels) != len(probabilities):
        raise AnalysisError(
            f"labels (n,) and probabilities (n, C) do not fit: shapes {labels.shape} and {probabilities.shape}"
        )
    if not len(labels):
        raise AnalysisError("there are no predictions to score")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise AnalysisError(
            f"labels run from {labels.min()} to {labels.max()}, but there are {probabilities.shape[1]} classes"
        )
    if not np.isfinite(probabilities).all():
        raise AnalysisError(
            f"{int((~np.isfinite(probabilities)).any(axis=1).sum())} predictions hold a probability that is not finite"
        )
    return labels, probabilities


def mean_of_defined(values: np.ndarray) -> float:
    """Return the mean of what is not NaN, as over the classes that a fold holds; NaN where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
