"""Intervals by hand and by scipy, and the properties that every interval has."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.citations import CITATIONS
from analysis.errors import AnalysisError
from analysis.statistics.intervals import (
    Size,
    clustered_interval,
    max_se_error,
    max_se_interval,
    nadeau_bengio_interval,
    nadeau_bengio_se,
)

SCORES = [0.50, 0.52, 0.54, 0.56, 0.58]  # mean 0.54, variance 0.001
fractions = st.floats(0, 1, allow_nan=False)


def test_nadeau_bengio_by_hand():
    # var (1/5 + 1/4) = 0.001 * 0.45; t quantile with 4 degrees of freedom 2.776445
    interval = nadeau_bengio_interval(SCORES, test_over_train=0.25)
    assert interval.se == pytest.approx(math.sqrt(0.00045))
    assert interval.high - 0.54 == pytest.approx(2.776445 * math.sqrt(0.00045), rel=1e-6)
    assert interval.low + interval.high == pytest.approx(2 * 0.54)


def test_nadeau_bengio_without_overlap_is_the_students_t_interval_of_scipy():
    tiny = nadeau_bengio_interval(SCORES, test_over_train=1e-12)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(SCORES), scale=stats.sem(SCORES))
    assert (tiny.low, tiny.high) == pytest.approx((low, high), rel=1e-6)


def test_max_se_takes_the_larger_standard_error():
    from_folds = math.sqrt(0.001 / 5)
    noisy = max_se_interval(SCORES, clustered_se=0.001, folds=5)
    sampled = max_se_interval(SCORES, clustered_se=0.03, folds=5)
    assert noisy.se == pytest.approx(from_folds)
    assert sampled.se == 0.03
    assert noisy.half_width == pytest.approx(2.776445 * from_folds, rel=0.01)  # nearly the 4 degrees of the folds
    assert sampled.half_width == pytest.approx(1.959964 * 0.03, rel=1e-6)
    few = max_se_interval(SCORES, clustered_se=0.03, folds=5, df=9)
    assert few.half_width == pytest.approx(2.262157 * 0.03, rel=1e-6)
    assert "heuristic" in noisy.method


def test_degrees_of_freedom_of_max_se_by_hand():
    # variances .0002 of the folds and .0001 clustered: share 1/2, so 1 / (.25 / 9 + .5 / 4)
    found = max_se_error(SCORES, clustered_se=0.01, folds=5, df=9)
    assert found.df == pytest.approx(1 / (0.25 / 9 + 0.5 / 4))
    assert max_se_error(SCORES, clustered_se=0.0, folds=5, df=9).df == pytest.approx(4)
    assert max_se_error([0.5] * 5, clustered_se=0.0, folds=5).se == 0.0


def test_repeats_divide_what_folds_vary_beyond_the_clustered_error():
    four_times = np.tile(SCORES, 4)
    variance = np.var(four_times, ddof=1)
    found = max_se_error(four_times, clustered_se=0.01, folds=5)
    assert found.se == pytest.approx(math.sqrt(0.0001 + (variance / 5 - 0.0001) / 4))
    assert found.df == pytest.approx(19 / (1 - 0.0001 / found.se**2))
    assert max_se_error(four_times, clustered_se=0.05, folds=5).se == 0.05


def test_one_split_has_the_clustered_interval_only():
    interval = max_se_interval([0.7], clustered_se=0.02, folds=1)
    assert interval == clustered_interval([0.7], clustered_se=0.02)
    assert interval.method == "group-clustered"
    with pytest.raises(AnalysisError, match="at least two folds"):
        nadeau_bengio_interval([0.7], test_over_train=0.25)


@given(st.lists(fractions, min_size=2, max_size=20), st.floats(0, 0.3), st.floats(0.01, 2), st.floats(0.5, 0.99))
def test_intervals_hold_their_estimate_stay_in_bounds_and_grow_with_confidence(scores, se, ratio, confidence):
    made = [
        lambda c: nadeau_bengio_interval(scores, test_over_train=ratio, confidence=c, bounds=(0, 1)),
        lambda c: max_se_interval(scores, clustered_se=se, folds=len(scores), confidence=c, bounds=(0, 1)),
        lambda c: clustered_interval(scores, clustered_se=se, confidence=c, bounds=(0, 1)),
    ]
    for make in made:
        narrow, wide = make(confidence), make(0.995)
        assert 0 <= wide.low <= narrow.low <= narrow.estimate <= narrow.high <= wide.high <= 1
        assert narrow.citation in CITATIONS


def test_an_interval_carries_its_evidence():
    size = Size(n_folds=5, n_repeats=1, n_samples=100, n_groups=70)
    interval = nadeau_bengio_interval(SCORES, test_over_train=0.25, size=size)
    assert (interval.size, interval.test_over_train, interval.confidence) == (size, 0.25, 0.95)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nadeau_bengio_se([0.5, 0.6], test_over_train=0), "must be positive"),
        (lambda: nadeau_bengio_se([0.5, math.nan], test_over_train=0.25), "not finite"),
        (lambda: max_se_interval([], clustered_se=0.1, folds=5), "no fold scores"),
        (lambda: max_se_interval(SCORES, clustered_se=-1, folds=5), "not a standard error"),
        (lambda: max_se_interval(SCORES, clustered_se=0.1, folds=5, df=0), "df=0 must be positive"),
        (lambda: clustered_interval(SCORES, clustered_se=0.1, confidence=95), "between 0 and 1"),
    ],
)
def test_what_cannot_be_an_interval_is_refused(call, message):
    with pytest.raises(AnalysisError, match=message):
        call()
