"""Paired tests against baycomp 1.0.3, scipy and numbers by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.comparisons import (
    compare,
    corrected_t,
    correlated_t_rope,
    max_se_test,
    naive_t,
    paired_clustered_se,
    paired_error,
    probability_better,
    share_better,
)

DIFFERENCES = np.array([0.031, 0.019, 0.005, 0.031, 0.021])
REPEATED = np.array([0.004, -0.003, 0.006, 0.001, 0.002, -0.001, 0.005, 0.003, 0.0, 0.002])
# baycomp.two_on_single(a, b, rope=0.01[, runs=2]) for those b - a: P(a better), P(equivalent), P(b better)
BAYCOMP = (0.005990117072078312, 0.08796186499171044, 0.9060480179362113)
BAYCOMP_REPEATED = (2.35733494982762e-05, 0.9995798930039039, 0.00039653364659775203)
# the same with rope=0: P(b better)
BAYCOMP_NO_ROPE = 0.9795779986010442
BAYCOMP_REPEATED_NO_ROPE = 0.8621934525585965

differences = st.lists(st.floats(-0.5, 0.5, allow_nan=False), min_size=2, max_size=12)


@pytest.mark.parametrize(("values", "expected"), [(DIFFERENCES, BAYCOMP), (REPEATED, BAYCOMP_REPEATED)])
def test_rope_probabilities_are_baycomps(values, expected):
    found = correlated_t_rope(values, test_over_train=1 / 4, rope=0.01)
    assert (found.worse, found.equivalent, found.better) == pytest.approx(expected, rel=1e-9)


def test_corrected_t_by_hand():
    # differences 1, 2, 3, 4, 5 points: mean .03, variance .00025, se sqrt(.00025 * (1/5 + 1/4)) = .0106066
    test = corrected_t([0.01, 0.02, 0.03, 0.04, 0.05], test_over_train=0.25)
    assert test.t == pytest.approx(0.03 / 0.0106066, rel=1e-5)
    assert test.df == 4
    assert test.p == pytest.approx(2 * stats.t.sf(2.828427, 4), rel=1e-5)
    assert test.p == pytest.approx(0.0474, abs=5e-5)


def test_corrected_t_without_overlap_is_scipys_paired_t():
    expected = stats.ttest_1samp(DIFFERENCES, 0)
    test = corrected_t(DIFFERENCES, test_over_train=1e-12)
    assert (test.t, test.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-6)


def test_max_se_test_by_hand():
    sd = np.std(DIFFERENCES, ddof=1)
    noisy = max_se_test(DIFFERENCES, clustered_se=0.0, folds=5)
    assert noisy.t == pytest.approx(DIFFERENCES.mean() / (sd / math.sqrt(5)))
    assert noisy.p == pytest.approx(stats.ttest_1samp(DIFFERENCES, 0).pvalue)
    sampled = max_se_test(DIFFERENCES, clustered_se=0.0107, folds=5, df=10)
    assert (sampled.t, sampled.df) == (pytest.approx(2.0), 10)
    assert sampled.p == pytest.approx(2 * stats.t.sf(2.0, 10))
    alone = max_se_test([0.03], clustered_se=0.01, folds=1)
    assert (alone.t, alone.p) == (pytest.approx(3.0), pytest.approx(2 * stats.norm.sf(3.0)))


def test_no_difference_at_all_gives_p_one_and_full_equivalence():
    test = corrected_t([0.0] * 5, test_over_train=0.25)
    assert (test.t, test.p, test.interval.low, test.interval.high) == (0.0, 1.0, 0.0, 0.0)
    assert max_se_test([0.0] * 5, clustered_se=0.0, folds=5).p == 1.0
    rope = correlated_t_rope([0.0] * 5, test_over_train=0.25)
    assert (rope.worse, rope.equivalent, rope.better) == (0.0, 1.0, 0.0)


def test_a_constant_difference_is_certain_and_never_nan():
    constant = [0.1 + 0.2 - 0.28] * 5  # not exact in binary: the variance must still be 0
    assert corrected_t(constant, test_over_train=0.25).p == 0.0
    assert correlated_t_rope(constant, test_over_train=0.25, rope=0.01).better == 1.0
    assert correlated_t_rope([-value for value in constant], test_over_train=0.25, rope=0.01).worse == 1.0


@given(differences)
def test_swapping_the_two_mirrors_everything(values):
    forth, back = (corrected_t(np.array(values) * sign, test_over_train=0.25) for sign in (1, -1))
    assert (forth.t, forth.p) == pytest.approx((-back.t, back.p))
    one, other = (correlated_t_rope(np.array(values) * sign, test_over_train=0.25) for sign in (1, -1))
    assert (one.worse, one.equivalent, one.better) == pytest.approx((other.better, other.equivalent, other.worse))


@given(differences)
def test_probabilities_sum_to_one_and_the_test_agrees_with_its_interval(values):
    rope = correlated_t_rope(values, test_over_train=0.25)
    assert rope.worse + rope.equivalent + rope.better == pytest.approx(1)
    test = corrected_t(values, test_over_train=0.25)
    told = test.interval.se > 0 or abs(test.interval.estimate) > 1e-12  # rounding noise is no difference
    if told and abs(test.p - 0.05) > 1e-6:
        assert (test.p < 0.05) == (not test.interval.low <= 0 <= test.interval.high)


@pytest.fixture
def pair(make_study, configure):
    study = make_study()
    return study, study.result(configure("none"), 0.8), study.result(configure("concat", "age"), 1.0, seed=2)


@pytest.mark.parametrize("metric", ["mcr", "auc"])
def test_compare_puts_the_parts_together(pair, metric):
    _, reference, other = pair
    a, b = reference.scores_of(metric), other.scores_of(metric)
    found = compare(a, b, rope=0.02)
    by_hand = [b.by_fold[fold] - a.by_fold[fold] for fold in sorted(a.by_fold)]
    assert found.differences == pytest.approx(by_hand)
    assert found.estimate == pytest.approx(b.estimate - a.estimate)
    assert found.corrected_t == corrected_t(found.differences, test_over_train=a.test_over_train)
    assert found.rope == correlated_t_rope(found.differences, test_over_train=a.test_over_train, rope=0.02)
    error = paired_error(a, b)
    assert found.max_se == max_se_test(found.differences, clustered_se=error.se, df=error.df, folds=5)
    assert error.se != paired_clustered_se(a, b)


def test_pairing_takes_out_what_two_configurations_share(pair):
    _, reference, other = pair
    a, b = reference.scores_of("mcr"), other.scores_of("mcr")
    unpaired = math.hypot(a.clustered_se, b.clustered_se)
    assert paired_clustered_se(a, a) == 0
    assert 0 < paired_clustered_se(a, b) < 0.7 * unpaired


def test_unpaired_results_are_refused(pair, make_study, configure):
    study, reference, _ = pair
    a = reference.scores_of("mcr")
    with pytest.raises(AnalysisError, match="cannot compare auc with mcr"):
        compare(a, reference.scores_of("auc"))
    with pytest.raises(AnalysisError, match=r"samples of repeat 0, fold 0 .* as 'image"):
        compare(a, make_study(plan="image-level").result(configure("none"), 0.8).scores_of("mcr"))
    with pytest.raises(AnalysisError, match="repeat 0, fold 4 was evaluated for one configuration only"):
        compare(a, make_study(folds=4).result(configure("none"), 0.8).scores_of("mcr"))
    study.groups = np.roll(study.groups, 0)
    study.groups[:1] = "another lesion"
    with pytest.raises(AnalysisError, match="different groups"):
        compare(a, study.result(configure("none"), 0.8).scores_of("mcr"))


@pytest.mark.parametrize(("values", "expected"), [(DIFFERENCES, BAYCOMP_NO_ROPE), (REPEATED, BAYCOMP_REPEATED_NO_ROPE)])
def test_the_probability_of_being_better_is_baycomps(values, expected):
    assert probability_better(values, test_over_train=1 / 4) == pytest.approx(expected, rel=1e-9)
    lower = probability_better(values, test_over_train=1 / 4, higher_is_better=False)
    assert lower == pytest.approx(1 - expected, rel=1e-9)


def test_no_difference_is_as_likely_better_as_worse():
    assert probability_better([0.0] * 5, test_over_train=0.25) == 0.5
    assert probability_better([0.01] * 5, test_over_train=0.25) == 1.0
    assert share_better([0.0, 0.01, -0.01, 0.02]) == 0.625  # two of four, and half of the tie
    assert share_better([0.0, 0.01, -0.01, 0.02], higher_is_better=False) == 0.375


@pytest.mark.parametrize("values", [DIFFERENCES, REPEATED])
def test_naive_t_is_scipys_paired_t(values):
    # scipy.stats.ttest_rel(b, a): t 4.4660937105438, p 0.011108028693281438 of the first
    expected = stats.ttest_rel(values, np.zeros(len(values)))
    found = naive_t(values)
    assert (found.t, found.p, found.df) == (
        pytest.approx(expected.statistic),
        pytest.approx(expected.pvalue),
        len(values) - 1,
    )
    assert (naive_t([0.0] * 5).t, naive_t([0.0] * 5).p) == (0.0, 1.0)
    with pytest.raises(AnalysisError, match="at least two folds"):
        naive_t([0.1])


def test_where_lower_is_better_a_fall_is_a_gain(pair):
    _, reference, other = pair
    a, b = reference.scores_of("brier"), other.scores_of("brier")
    found = compare(a, b, rope=0.001)
    higher = correlated_t_rope(found.differences, test_over_train=a.test_over_train, rope=0.001)
    assert found.estimate == pytest.approx(b.estimate - a.estimate)
    assert found.gain == -found.estimate
    assert (found.rope.better, found.rope.worse) == (higher.worse, higher.better)
    upwards = probability_better(found.differences, test_over_train=a.test_over_train)
    assert found.probability_better == pytest.approx(1 - upwards)
