"""Sign flips and Wilcoxon's signed ranks against scipy 1.17.1 and R's coin 1.4-2, and by their properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.signed_tests import EXACT_UP_TO, sign_flip, smallest_p, wilcoxon_signed_rank

DIFFERENCES = np.array([0.031, 0.019, 0.005, 0.031, 0.021])
REPEATED = np.array([0.004, -0.003, 0.006, 0.001, 0.002, -0.001, 0.005, 0.003, 0.0, 0.002])
LONG = np.round(np.random.default_rng(7).normal(0.01, 0.02, 25), 3)

differences = st.lists(st.integers(-9, 9).map(lambda number: number / 100), min_size=2, max_size=8)


@pytest.mark.parametrize(
    ("values", "p"),
    # scipy.stats.permutation_test((d,), mean, permutation_type="samples", n_resamples=inf).pvalue
    [(DIFFERENCES, 0.0625), (REPEATED, 0.078125)],
)
def test_sign_flips_are_scipys(values, p):
    found = sign_flip(values)
    assert (found.p, found.exact) == (p, True)
    assert found.estimate == pytest.approx(values.mean())


@given(differences)
@settings(max_examples=30, deadline=None)
def test_sign_flips_are_scipys_with_ties_and_zeros(values):
    def total(flipped, axis):  # in whole hundredths, where scipy's own rounding cannot break ties
        return flipped.sum(axis=axis)

    whole = np.rint(100 * np.array(values))
    expected = stats.permutation_test((whole,), total, permutation_type="samples", vectorized=True, n_resamples=np.inf)
    assert sign_flip(values).p == pytest.approx(expected.pvalue if whole.any() else 1.0)


@pytest.mark.parametrize(
    ("values", "statistic", "p"),
    # scipy.stats.wilcoxon(d, method="auto"); coin: pvalue(wilcoxsign_test(d ~ rep(0, 10), distribution = "exact",
    # zero.method = "Wilcoxon")) gives 0.078125 too
    [(DIFFERENCES, 15.0, 0.0625), (REPEATED, 38.0, 0.078125)],
)
def test_wilcoxon_is_scipys_and_coins(values, statistic, p):
    found = wilcoxon_signed_rank(values)
    assert (found.statistic, found.p) == (statistic, pytest.approx(p))


@given(differences.filter(lambda values: np.count_nonzero(values) > 1))
@settings(max_examples=10, deadline=None)
def test_wilcoxon_is_scipys_permutation_with_ties(values):
    moved = np.array([value for value in values if value])
    expected = stats.wilcoxon(moved, method=stats.PermutationMethod(n_resamples=np.inf))
    assert wilcoxon_signed_rank(values).p == pytest.approx(expected.pvalue)


def test_wilcoxon_of_many_differences_without_ties_is_scipys_exact_one():
    values = np.random.default_rng(3).normal(0.3, 1.0, 40)
    assert wilcoxon_signed_rank(values).p == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)


@pytest.mark.parametrize("test", [sign_flip, wilcoxon_signed_rank])
@pytest.mark.parametrize(("n", "floor"), [(1, 1.0), (5, 0.0625), (6, 0.03125), (10, 0.001953125)])
def test_the_smallest_p_is_reached_when_all_folds_agree(test, n, floor):
    found = test(np.arange(1, n + 1) / 100)
    assert found.p == found.smallest_p == smallest_p(n) == floor


@pytest.mark.parametrize("test", [sign_flip, wilcoxon_signed_rank])
def test_folds_without_a_difference_raise_the_floor_and_nothing_but_zeros_is_one(test):
    found = test([0.0, 0.02, 0.01, 0.0, 0.03])
    assert found.p == found.smallest_p == 0.25
    assert found.size.n_folds == 5
    nothing = test([0.0, 0.1 + 0.2 - 0.3, 0.0])  # 5.6e-17 is a zero
    assert (nothing.p, nothing.smallest_p) == (1.0, 1.0)


@pytest.mark.parametrize("test", [sign_flip, wilcoxon_signed_rank])
@pytest.mark.parametrize("bad", [[], [0.1, float("nan")]])
def test_what_cannot_be_tested_is_refused(test, bad):
    with pytest.raises(AnalysisError):
        test(bad)


def test_many_differences_are_drawn_reproducibly_and_near_the_exact_p():
    assert len(LONG) > EXACT_UP_TO
    with pytest.raises(AnalysisError, match="give rng"):
        sign_flip(LONG)
    found = sign_flip(LONG, rng=np.random.default_rng(0), flips=20_000)
    assert found == sign_flip(LONG, rng=np.random.default_rng(0), flips=20_000)
    # scipy.stats.permutation_test(..., n_resamples=99999, rng=1).pvalue
    assert found.p == pytest.approx(0.43902, abs=0.015)
    assert not found.exact


def test_a_drawn_p_is_never_zero():
    found = sign_flip(np.full(40, 0.05), rng=np.random.default_rng(0), flips=99)
    assert found.p == found.smallest_p == 0.01
