"""Influences and clustered standard errors against DeLong (MLstatkit 0.1.91), a cluster bootstrap and hand work."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.metrics import mean_class_recall
from analysis.ranking import macro_auc
from analysis.statistics.clustering import auc_influence, clustered_se, mcr_influence

LABELS = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
A = np.array([0.9, 0.8, 0.35, 0.6, 0.55, 0.1, 0.4, 0.35, 0.5, 0.2, 0.7, 0.3])
B = np.array([0.7, 0.9, 0.3, 0.5, 0.65, 0.2, 0.6, 0.45, 0.4, 0.1, 0.5, 0.35])
# MLstatkit 0.1.91, Delong_test(LABELS, A, B): lower bound of A's 95 % interval, and the variance of the difference
DELONG_AUC, DELONG_LOW, DELONG_VARIANCE_OF_DIFFERENCE = 0.8428571428571427, 0.6030838740264359, 0.007517006802721084


def binary(scores):
    return np.column_stack([1 - scores, scores])


def unbiased(influence):
    """DeLong divides by m-1 and n-1 where squared influences divide by m and n: 5 positives, 7 negatives."""
    positive = LABELS == 1
    return np.sqrt(5 / 4 * np.square(influence[positive]).sum() + 7 / 6 * np.square(influence[~positive]).sum())


def test_auc_influences_give_delongs_variance():
    influence = auc_influence(LABELS, binary(A))
    delong_se = (DELONG_AUC - DELONG_LOW) / 1.959963984540054
    assert unbiased(influence) == pytest.approx(delong_se, rel=1e-9)
    # singleton groups: only the small-sample factor N/(N-1) differs from DeLong's two
    assert clustered_se(influence, np.arange(12)) == pytest.approx(delong_se, rel=0.06)


def test_paired_auc_influences_give_delongs_variance_of_the_difference():
    difference = auc_influence(LABELS, binary(B)) - auc_influence(LABELS, binary(A))
    assert unbiased(difference) ** 2 == pytest.approx(DELONG_VARIANCE_OF_DIFFERENCE, rel=1e-9)


def test_mcr_influence_by_hand():
    # class 0: hits 1, 0 (recall 1/2, n 2); class 1: hits 1, 1, 0, 0 (recall 1/2, n 4); two classes
    labels = np.array([0, 0, 1, 1, 1, 1])
    predicted = np.eye(2)[[0, 1, 1, 1, 0, 0]]
    expected = [0.5 / 4, -0.5 / 4, 0.5 / 8, 0.5 / 8, -0.5 / 8, -0.5 / 8]
    assert mcr_influence(labels, predicted) == pytest.approx(expected)
    # groups {0,1}, {2,3}, {4,5}: sums 0, 1/8, -1/8 and three groups
    se = clustered_se(mcr_influence(labels, predicted), np.array(["a", "a", "b", "b", "c", "c"]))
    assert se == pytest.approx(np.sqrt(3 / 2 * (1 / 64 + 1 / 64)))


@given(st.integers(0, 10_000))
def test_influences_of_a_class_sum_to_zero(seed):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1, 2], rng.integers(0, 3, 20)])
    scores = rng.integers(0, 5, (23, 3)).astype(float)
    assert mcr_influence(labels, scores).sum() == pytest.approx(0, abs=1e-12)
    assert auc_influence(labels, scores).sum() == pytest.approx(0, abs=1e-12)


def test_copies_of_an_image_within_its_lesion_add_no_evidence():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 3, 60), rng.random((60, 3))
    thrice = np.repeat(np.arange(60), 3)
    for influence in (mcr_influence, auc_influence):
        once = clustered_se(influence(labels, scores), np.arange(60))
        copied = clustered_se(influence(labels[thrice], scores[thrice]), thrice)
        assert copied == pytest.approx(once)
        assert clustered_se(influence(labels[thrice], scores[thrice]), np.arange(180)) < 0.6 * once


def lesions_of(rng, per_class):
    """Lesions with one to four images that share a lesion effect; returns labels, scores and lesion numbers."""
    lesion_class = np.repeat(np.arange(3), per_class)
    lesions = np.repeat(np.arange(len(lesion_class)), rng.integers(1, 5, len(lesion_class)))
    labels = lesion_class[lesions]
    scores = rng.normal(size=(len(lesion_class), 3))[lesions] + 0.5 * rng.normal(size=(len(labels), 3))
    scores[np.arange(len(labels)), labels] += 1.0
    return labels, scores, lesions


@pytest.mark.parametrize(("influence", "metric"), [(mcr_influence, mean_class_recall), (auc_influence, macro_auc)])
def test_clustered_se_agrees_with_a_class_stratified_lesion_bootstrap(influence, metric):
    rng = np.random.default_rng(3)
    labels, scores, lesions = lesions_of(rng, (40, 80, 60))
    images = [np.flatnonzero(lesions == lesion) for lesion in range(180)]
    strata = [range(40), range(40, 120), range(120, 180)]
    replicates = []
    for _ in range(400):
        drawn = np.concatenate([images[i] for stratum in strata for i in rng.choice(stratum, len(stratum))])
        replicates.append(metric(labels[drawn], scores[drawn]))
    # an SD of 400 replicates has a standard error of 3.5 %
    assert clustered_se(influence(labels, scores), lesions) == pytest.approx(np.std(replicates), rel=0.1)
    assert clustered_se(influence(labels, scores), np.arange(len(labels))) < 0.85 * np.std(replicates)


def test_one_group_has_no_standard_error():
    with pytest.raises(AnalysisError, match="at least two groups, there is 1"):
        clustered_se(np.array([0.1, -0.1]), np.array(["a", "a"]))
