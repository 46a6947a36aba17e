"""DeLong's covariance, interval and test against R pROC 1.18.0 and MLstatkit 0.1.91; clustered against its formula."""

import numpy as np
import pytest

from analysis.citations import CITATIONS
from analysis.errors import AnalysisError
from analysis.statistics.clustering import class_auc_influence, clustered_se
from analysis.statistics.delong import delong_covariance, delong_interval, delong_test

LABELS = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
A = np.array([0.9, 0.8, 0.35, 0.6, 0.55, 0.1, 0.4, 0.35, 0.5, 0.2, 0.7, 0.3])
B = np.array([0.7, 0.9, 0.3, 0.5, 0.65, 0.2, 0.6, 0.45, 0.4, 0.1, 0.5, 0.35])


def test_covariance_equals_procs():
    # R: a <- roc(LABELS, A); b <- roc(LABELS, B); auc(a), auc(b), var(a), var(b), cov(a, b)
    found = delong_covariance(LABELS, np.column_stack([A, B]))
    assert found.areas == pytest.approx([0.842857142857143, 0.814285714285714])
    expected = [[0.0149659863945578, 0.0148469387755102], [0.0148469387755102, 0.0222448979591837]]
    assert found.covariance == pytest.approx(np.array(expected), rel=1e-12)


def test_the_paired_test_equals_procs_and_mlstatkits():
    # R: roc.test(a, b, method = "delong", paired = TRUE): Z and p of a minus b, and its interval
    found = delong_test(LABELS, B, A)
    assert (found.z, found.p) == (pytest.approx(0.329541021828654), pytest.approx(0.741746792899128))
    assert found.interval.low == pytest.approx(-0.141358769120243)
    assert found.interval.high == pytest.approx(0.198501626263100)
    # MLstatkit 0.1.91: Delong_test(LABELS, A, B), variance of the difference
    assert found.interval.se**2 == pytest.approx(0.007517006802721084)
    assert found.areas == pytest.approx((0.814285714285714, 0.842857142857143))


def test_the_interval_is_on_the_logit_scale_and_keeps_walds_error():
    # R: A <- auc(a); plogis(qlogis(A) + c(-1, 1) * qnorm(.975) * sqrt(var(a)) / (A * (1 - A)))
    found = delong_interval(LABELS, A)
    assert (found.low, found.high) == (pytest.approx(0.467380276801654), pytest.approx(0.970400425885297))
    # R: ci.auc(a) is Wald's, cut at 1
    assert found.estimate - 1.959963984540054 * found.se == pytest.approx(0.603083874026436)
    assert (found.size.n_samples, found.size.n_groups) == (12, None)
    assert found.citation in CITATIONS


def test_groups_of_one_are_no_groups():
    alone = delong_covariance(LABELS, A, groups=np.arange(12))
    assert alone.covariance == pytest.approx(delong_covariance(LABELS, A).covariance, rel=1e-12)
    assert (alone.n_groups, alone.citation) == (12, "obuchowski1997")


def lesions(seed, count=60):
    """Lesions with one to four images that share an effect; some hold both truths."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(count), rng.integers(1, 5, count))
    truth = (rng.random(count) < 0.4)[groups] ^ (rng.random(len(groups)) < 0.1)
    scores = truth + rng.normal(size=(count, 2))[groups].T + 0.5 * rng.normal(size=(2, len(groups)))
    return truth, scores.T, groups


def test_clustered_covariance_is_obuchowskis_written_out():
    truth, scores, groups = lesions(1)
    found = delong_covariance(truth, scores, groups=groups)
    placed, cases, controls = [], truth.sum(), (~truth).sum()
    for column in scores.T:
        above = (column[truth][:, None] > column[~truth]) + 0.5 * (column[truth][:, None] == column[~truth])
        placed.append((above.mean(axis=1), above.mean(axis=0), above.mean()))
    tens, ones, cross = 0.0, 0.0, 0.0
    for group in np.unique(groups):
        inside, outside = groups[truth] == group, groups[~truth] == group
        x = [(of_cases[inside] - area).sum() for of_cases, _, area in placed]
        y = [(of_controls[outside] - area).sum() for _, of_controls, area in placed]
        tens, ones = tens + np.outer(x, x), ones + np.outer(y, y)
        cross = cross + np.outer(x, y) + np.outer(y, x)
    n10, n01, n = len(np.unique(groups[truth])), len(np.unique(groups[~truth])), len(np.unique(groups))
    expected = (
        n10 / (n10 - 1) * tens / cases**2
        + n01 / (n01 - 1) * ones / controls**2
        + n / (n - 1) * cross / (cases * controls)
    )
    assert found.covariance == pytest.approx(expected, rel=1e-9)
    # the influence-based error differs by its small-sample factors only
    assert np.sqrt(found.covariance[0, 0]) == pytest.approx(
        clustered_se(class_auc_influence(truth, scores[:, 0]), groups), rel=0.05
    )


def test_copies_of_an_image_within_its_lesion_add_no_evidence():
    truth, scores, groups = lesions(2)
    thrice = np.repeat(np.arange(len(truth)), 3)
    once = delong_interval(truth, scores[:, 0], groups=groups)
    copied = delong_interval(truth[thrice], scores[thrice, 0], groups=groups[thrice])
    assert (copied.low, copied.high) == (pytest.approx(once.low), pytest.approx(once.high))


def test_degenerate_curves_have_defined_answers():
    same = delong_test(LABELS, A, A)
    assert (same.z, same.p, same.interval.estimate) == (0.0, 1.0, 0.0)
    # the same ranks on another scale
    assert delong_test(LABELS, A, A**3).p == 1.0
    perfect = delong_interval(LABELS, LABELS + 0.0)
    assert (perfect.estimate, perfect.low, perfect.high) == (1.0, 1.0, 1.0)
    constant = delong_interval(LABELS, np.zeros(12))
    assert (constant.estimate, constant.low, constant.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: delong_test(LABELS, A, B[:-1]), r"unpaired: scores of shapes \(12,\) and \(11,\)"),
        (lambda: delong_covariance(LABELS[:-1], A), "do not fit"),
        (lambda: delong_covariance(LABELS + 1, A), "are 0 and 1, there is 2"),
        (lambda: delong_covariance(LABELS, np.where(A > 0.8, np.nan, A)), "1 samples hold a score"),
        (lambda: delong_covariance(np.ones(12), A), "there are 12 and 0"),
        (lambda: delong_covariance(LABELS, A, groups=LABELS), "two groups with positives .* there are 1 and 1"),
        (lambda: delong_covariance(LABELS, A, groups=LABELS[:3]), "do not fit 12 labels"),
    ],
)
def test_what_is_unpaired_or_too_little_is_refused(call, message):
    with pytest.raises(AnalysisError, match=message):
        call()
