"""Estimators on metadata alone, from scikit-learn: a baseline of their own, and a partner of an image model.

`logistic-regression` is the anchor of papers.md 1.6 (class-balanced, on the encoded vector); `gradient-boosting` a tree
model. Fusion `metadata-only` is one of them and nothing else; fusion `late` averages its probabilities with those of
the image model (weight 0.5 unless set), the plainest thing a reader asks to be compared with.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from models.registry import Registry
from trainables.losses import class_weights

ESTIMATORS: Registry[Callable[[int], Any]] = Registry("estimator")
"""Builders by name: a seed -> an unfitted scikit-learn classifier with `fit`, `predict_proba` and `classes_`."""

MOST_ITERATIONS = 2000


@ESTIMATORS.register("logistic-regression", version=1)
def logistic_regression(seed: int) -> Any:
    """Multinomial logistic regression with scikit-learn's own penalty (L2, C = 1); it draws nothing at random."""
    return LogisticRegression(max_iter=MOST_ITERATIONS, random_state=seed)


@ESTIMATORS.register("gradient-boosting", version=1)
def gradient_boosting(seed: int) -> Any:
    """Histogram gradient boosting, 100 trees a class, with scikit-learn's own settings and no early stopping."""
    return HistGradientBoostingClassifier(random_state=seed, early_stopping=False)


class MetadataEstimator:
    """One estimator per target, fitted on the training rows of a split.

    Args:
        name: of the estimator.
        metadata: encoded, float32 (sample, M).
        codes: true classes, int (sample, target).
        classes: number of classes of each target.
        train: rows to fit on.
        weighting: class-weight formula of the loss; "none" weighs all classes alike.
        seed: of the estimator.
        threads: that it may use.
    """

    def __init__(
        self,
        name: str,
        metadata: np.ndarray,
        codes: np.ndarray,
        classes: Sequence[int],
        train: np.ndarray,
        *,
        weighting: str,
        seed: int,
        threads: int,
    ) -> None:
        self.metadata, self.classes, self.threads = metadata, tuple(classes), threads
        with threadpool_limits(threads):
            self.fitted = [
                _fitted(ESTIMATORS.get(name)(seed), metadata[train], codes[train, target], n_classes, weighting)
                for target, n_classes in enumerate(classes)
            ]

    def predict(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return the probabilities of `rows`, float32 (row, class) per target; 0 for a class that training lacks."""
        found = []
        with threadpool_limits(self.threads):
            for estimator, n_classes in zip(self.fitted, self.classes, strict=True):
                probabilities = np.zeros((len(rows), n_classes), dtype=np.float32)
                if isinstance(estimator, int):
                    probabilities[:, estimator] = 1.0
                else:
                    probabilities[:, estimator.classes_] = estimator.predict_proba(self.metadata[rows])
                found.append(probabilities)
        return found

    @property
    def parameters(self) -> int | None:
        """Coefficients and intercepts of linear estimators; None for trees, whose size is no such number."""
        sizes = [
            0 if isinstance(each, int) else each.coef_.size + each.intercept_.size if hasattr(each, "coef_") else None
            for each in self.fitted
        ]
        return None if None in sizes else sum(size for size in sizes if size is not None)


def _fitted(estimator: Any, metadata: np.ndarray, labels: np.ndarray, n_classes: int, weighting: str) -> Any:
    """Return the fitted estimator, or the class itself where training has one class only."""
    present = np.unique(labels)
    if len(present) == 1:
        return int(present[0])
    weights = class_weights(weighting, np.bincount(labels, minlength=n_classes))
    scale = weights[labels].mean()  # a penalty is weighed against the sum of the losses: keep its size
    return estimator.fit(metadata, labels, sample_weight=weights[labels] / scale)
