"""Areas under ROC curves on one test set: DeLong's covariance, the interval on the logit scale, and the paired test.

They are of fixed models on samples that no model was trained on: of one split, or fold by fold. Pooled out-of-fold
scores mix k models; the interval of a mean of fold AUCs is `analysis.statistics.cross_validated_auc`. With groups the
covariance is that of clustered data (Obuchowski 1997): groups, not images, are drawn.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.errors import AnalysisError
from analysis.ranking import ranked_above
from analysis.statistics.intervals import Interval, Size
from analysis.statistics.proportions import logit_interval, normal_quantile

DELONG = "DeLong"
CLUSTERED_DELONG = "DeLong, clustered (Obuchowski)"


@dataclass(frozen=True)
class Areas:
    """AUCs (m,) of m curves on the same samples with their covariance (m, m); no groups: each sample is its own."""

    areas: np.ndarray
    covariance: np.ndarray
    n_samples: int
    n_groups: int | None

    @property
    def size(self) -> Size:
        """How much evidence there is."""
        return Size(n_folds=1, n_repeats=1, n_samples=self.n_samples, n_groups=self.n_groups)

    @property
    def method(self) -> str:
        """Whose covariance it is."""
        return DELONG if self.n_groups is None else CLUSTERED_DELONG

    @property
    def citation(self) -> str:
        """Its source."""
        return "delong1988" if self.n_groups is None else "obuchowski1997"


@dataclass(frozen=True)
class DelongTest:
    """The z test of two AUCs on the same samples, second minus first, two-sided; the interval is Wald's."""

    areas: tuple[float, float]
    z: float
    p: float
    interval: Interval


def delong_covariance(positive: np.ndarray, scores: np.ndarray, *, groups: np.ndarray | None = None) -> Areas:
    """Return the AUCs of m scores on the same samples and their covariance (DeLong et al. 1988, equation 4 ff.).

    Ties count half. R: `pROC::var`, `pROC::cov`.

    Args:
        positive: (n,), 0 and 1 or booleans.
        scores: (n,) of one curve or (n, m) of several, higher for positives.
        groups: (n,), the lesion or patient of each sample; None: samples are independent.

    Raises:
        AnalysisError: shapes that do not fit, a score that is not finite, or fewer than two samples (groups) with
            positives or with negatives.
    """
    truth, values = _checked(positive, scores)
    members = np.arange(len(truth)) if groups is None else np.unique(_fitting(groups, truth), return_inverse=True)[1]
    with_positives, with_negatives = (len(np.unique(members[side])) for side in (truth, ~truth))
    if min(with_positives, with_negatives) < 2:
        what = "samples" if groups is None else "groups"
        raise AnalysisError(
            f"DeLong's variance needs two {what} with positives and two with negatives, there are {with_positives} and "
            f"{with_negatives}"
        )
    below = np.column_stack([ranked_above(truth, column) for column in values.T])
    n_positive, n_negative = int(truth.sum()), int((~truth).sum())
    areas = below[truth].mean(axis=0) / n_negative
    # placements less the area, summed by group: of positives among negatives, and of negatives among positives
    of_positives = _by_group(truth[:, None] * (below / n_negative - areas), members)
    of_negatives = _by_group(~truth[:, None] * (1 - below / n_positive - areas), members)
    count = len(of_positives)
    cross = count / (count - 1) * of_positives.T @ of_negatives / (n_positive * n_negative)
    covariance = (
        with_positives / (with_positives - 1) * of_positives.T @ of_positives / n_positive**2
        + with_negatives / (with_negatives - 1) * of_negatives.T @ of_negatives / n_negative**2
        + cross
        + cross.T
    )
    return Areas(areas, covariance, len(truth), None if groups is None else count)


def delong_interval(
    positive: np.ndarray, scores: np.ndarray, *, groups: np.ndarray | None = None, confidence: float = 0.95
) -> Interval:
    """Return the interval of one AUC on the logit scale, which stays within 0 and 1; `se` is that of the AUC itself.

    A perfect ranking has no variance: its interval is the point 1, as pROC's, and says nothing of its certainty.

    Raises:
        AnalysisError: as `delong_covariance`.
    """
    found = delong_covariance(positive, np.asarray(scores, dtype=float).reshape(-1, 1), groups=groups)
    return logit_interval(
        _unit(float(found.areas[0])),
        se=math.sqrt(max(0.0, float(found.covariance[0, 0]))),
        confidence=confidence,
        method=f"{found.method}, logit scale",
        citation=found.citation,
        size=found.size,
    )


def delong_test(
    positive: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    confidence: float = 0.95,
) -> DelongTest:
    """Test whether two scores (n,) of the same samples have the same AUC. R: `pROC::roc.test(method = "delong")`.

    Curves without any difference give z = 0 and p = 1. For nested models the null distribution is not normal.

    Raises:
        AnalysisError: as `delong_covariance`.
    """
    found = delong_covariance(positive, _paired(first, second), groups=groups)
    difference = float(found.areas[1] - found.areas[0])
    contrast = np.array([-1.0, 1.0])
    variance = float(contrast @ found.covariance @ contrast)
    se = math.sqrt(variance) if variance > 1e-18 else 0.0
    z = difference / se if se else 0.0 if abs(difference) < 1e-12 else math.copysign(math.inf, difference)
    half = normal_quantile(confidence) * se
    interval = Interval(
        estimate=difference,
        low=difference - half,
        high=difference + half,
        se=se,
        method=found.method,
        confidence=confidence,
        citation=found.citation,
        size=found.size,
    )
    return DelongTest((float(found.areas[0]), float(found.areas[1])), z, float(2 * stats.norm.sf(abs(z))), interval)


def _paired(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.ndim != 1 or one.shape != other.shape:
        raise AnalysisError(f"unpaired: scores of shapes {one.shape} and {other.shape} are not of the same samples")
    return np.column_stack([one, other])


def _checked(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, values = np.asarray(positive), np.asarray(scores, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    if truth.ndim != 1 or values.ndim != 2 or len(truth) != len(values):
        raise AnalysisError(f"labels (n,) and scores (n, m) do not fit: shapes {truth.shape} and {values.shape}")
    if not np.isin(truth, (0, 1)).all():
        raise AnalysisError(f"labels of a ROC curve are 0 and 1, there is {truth[~np.isin(truth, (0, 1))][0]}")
    if not np.isfinite(values).all():
        raise AnalysisError(f"{int((~np.isfinite(values)).any(axis=1).sum())} samples hold a score that is not finite")
    return truth.astype(bool), values


def _fitting(groups: np.ndarray, truth: np.ndarray) -> np.ndarray:
    if np.shape(groups) != truth.shape:
        raise AnalysisError(f"groups of shape {np.shape(groups)} do not fit {len(truth)} labels")
    return np.asarray(groups)


def _by_group(terms: np.ndarray, members: np.ndarray) -> np.ndarray:
    return np.column_stack([np.bincount(members, weights=column) for column in terms.T])


def _unit(area: float) -> float:
    return min(1.0, max(0.0, area))
