"""The clustered standard error with its degrees of freedom: by hand, and beside statsmodels."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

from analysis.errors import AnalysisError
from analysis.statistics.clustering import clustered_se
from analysis.statistics.sampling_error import larger_error, sampling_error


def test_by_hand():
    # groups sum to 3, -1, -2: squares 9, 1, 4; G* = 14^2 / (81 + 1 + 16) = 2
    found = sampling_error(np.array([1.0, 2.0, -1.0, -2.0]), np.array(["a", "a", "b", "c"]))
    assert found.df == pytest.approx(1.0)
    assert found.se == pytest.approx(math.sqrt(14 * 2 / 1))


def test_equal_groups_are_statsmodels_clustered_error_of_a_mean():
    # u_g = +1 or -1 in each of 10 groups of two: sm.OLS(y, ones).fit(cov_type="cluster"), as in the test
    values, groups = np.tile([1.0, 1.0, -1.0, -1.0], 5), np.repeat(np.arange(10), 2)
    fitted = sm.OLS(values, np.ones(20)).fit(cov_type="cluster", cov_kwds={"groups": groups})
    found = sampling_error((values - values.mean()) / 20, groups)
    assert found.se == pytest.approx(fitted.bse[0])
    assert found.df == pytest.approx(9)


def test_few_groups_that_carry_the_metric_are_counted_not_all():
    influence = np.concatenate([np.tile([1.0, -1.0], 7), np.zeros(500)])
    found = sampling_error(influence, np.arange(514))
    assert found.df == pytest.approx(13)
    assert found.se == pytest.approx(clustered_se(influence[:14], np.arange(14)))


def test_nothing_moves_and_one_group_that_moves_alone():
    still = sampling_error(np.zeros(4), np.arange(4))
    assert (still.se, still.df) == (0.0, math.inf)
    assert sampling_error(np.array([1.0, 0.0, 0.0]), np.arange(3)).df == 1.0


def test_what_is_refused():
    with pytest.raises(AnalysisError, match="at least two groups"):
        sampling_error(np.ones(3), np.zeros(3))
    with pytest.raises(AnalysisError, match="one of each sample"):
        sampling_error(np.ones(3), np.zeros(2))


def test_one_error_of_a_nearly_perfect_classifier_has_the_groups_of_the_rarest_class_behind_it():
    influence = np.zeros(300)
    influence[0] = -1 / 300
    assert sampling_error(influence, np.arange(300)).df == 1.0
    found = sampling_error(influence, np.arange(300), fewest=100)
    assert found.df == 99
    assert found.se == pytest.approx(math.sqrt(100 / 99) / 300)


def test_training_never_makes_it_smaller():
    rng = np.random.default_rng(0)
    evaluation, groups = rng.normal(size=50), np.arange(50)
    alone = sampling_error(evaluation, groups)
    assert larger_error(evaluation, None, groups, fewest=2) == alone
    assert larger_error(evaluation, -0.5 * evaluation, groups, fewest=2) == alone
    assert larger_error(evaluation, evaluation, groups, fewest=2).se == pytest.approx(2 * alone.se)
