"""A printed mean and SD against our folds: by hand, and against scipy's Welch test."""

import numpy as np
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.against_published import against_published

SCORES = np.array([0.842, 0.861, 0.835, 0.858, 0.849])


def compare(scores=SCORES, **changes):
    settings = {"test_over_train": 0.25, "published": 0.8764, "published_sd": 0.0052, "published_folds": 5}
    return against_published(scores, **settings | changes)


def test_by_hand():
    found = compare()
    ours, theirs = SCORES.var(ddof=1) * (1 / 5 + 1 / 4), 0.0052**2 * (1 / 5 + 1 / 4)
    assert found.interval.estimate == pytest.approx(0.849 - 0.8764)
    assert found.interval.se == pytest.approx(np.sqrt(ours + theirs))
    assert found.df == pytest.approx((ours + theirs) ** 2 / (ours**2 / 4 + theirs**2 / 4))
    assert found.t == pytest.approx(found.interval.estimate / found.interval.se)


def test_of_equal_folds_it_is_scipys_welch_test_with_t_shrunk_by_the_correction():
    # equal_var=False: the same degrees of freedom, t larger by the root of (1/k + 1/4) / (1/k)
    expected = stats.ttest_ind_from_stats(SCORES.mean(), SCORES.std(ddof=1), 5, 0.8764, 0.0052, 5, equal_var=False)
    found = compare()
    assert found.t == pytest.approx(expected.statistic / np.sqrt(1 + 5 * 0.25))
    assert expected.pvalue == pytest.approx(2 * stats.t.sf(abs(expected.statistic), found.df))


def test_of_other_fold_numbers_too():
    found = compare(published_folds=10, published_sd=0.02)
    theirs = 0.02**2 * (1 / 10 + 1 / 9)
    ours = SCORES.var(ddof=1) * 0.45
    assert found.interval.se == pytest.approx(np.sqrt(ours + theirs))
    assert found.df == pytest.approx((ours + theirs) ** 2 / (ours**2 / 4 + theirs**2 / 9))


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_interval_holds_zero_where_p_is_above_its_level(confidence):
    for published in np.linspace(0.82, 0.88, 13):
        found = compare(published=published, confidence=confidence)
        assert (found.interval.low < 0 < found.interval.high) == (found.p > 1 - confidence)


def test_degenerate_sides_have_an_answer():
    flat = np.full(5, 0.85)
    same = compare(flat, published=0.85, published_sd=0.0)
    assert (same.t, same.p, same.interval.low, same.interval.high) == (0.0, 1.0, 0.0, 0.0)
    assert compare(flat, published_sd=0.0).p == 0.0
    assert compare(flat).df == pytest.approx(4)  # all the spread is theirs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": SCORES[:1]}, "at least two folds"),
        ({"published_folds": 1}, "published_folds=1"),
        ({"published_sd": -0.1}, "with SD -0.1"),
        ({"published_sd": float("nan")}, "with SD nan"),
        ({"test_over_train": 0.0}, "must be positive"),
        ({"confidence": 1.5}, "confidence=1.5"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes, message):
    with pytest.raises(AnalysisError, match=message):
        compare(**changes)
