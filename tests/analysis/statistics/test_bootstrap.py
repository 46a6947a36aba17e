"""Intervals and p values of the bootstrap against scipy.stats.bootstrap (scipy 1.17.1) and hand work."""

import numpy as np
import pytest
from scipy import stats

from analysis.citations import CITATIONS
from analysis.errors import AnalysisError
from analysis.statistics.bootstrap import (
    CITATION_OF,
    bca_interval,
    bootstrap_p,
    cluster_bootstrap,
    jackknife_acceleration,
    percentile_interval,
)
from analysis.statistics.clustering import clustered_se

SKEWED = np.random.default_rng(1).exponential(size=25)
SHIFTED = np.random.default_rng(2).exponential(size=40) + 0.5


def without_each(values):
    return (values.sum() - values) / (len(values) - 1)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_intervals_of_a_mean_are_scipys(confidence):
    # scipy.stats.bootstrap((SKEWED,), np.mean, method=...), and its distribution as our replicates
    for method in ("percentile", "BCa"):
        peer = stats.bootstrap(
            (SKEWED,),
            np.mean,
            n_resamples=999,
            confidence_level=confidence,
            method=method,
            rng=np.random.default_rng(3),
        )
        given = {"estimate": SKEWED.mean(), "confidence": confidence}
        if method == "percentile":
            found = percentile_interval(peer.bootstrap_distribution, **given)
        else:
            acceleration = jackknife_acceleration(without_each(SKEWED), np.zeros(len(SKEWED)))
            found = bca_interval(peer.bootstrap_distribution, acceleration=acceleration, **given)
        assert (found.low, found.high) == pytest.approx(tuple(peer.confidence_interval), abs=1e-12)
        assert found.se == pytest.approx(peer.standard_error)
        assert "999 replicates" in found.method


def test_the_acceleration_over_strata_is_that_of_scipys_two_samples():
    def difference(x, y, axis=-1):
        return x.mean(axis=axis) - y.mean(axis=axis)

    peer = stats.bootstrap((SKEWED, SHIFTED), difference, n_resamples=999, method="BCa", rng=np.random.default_rng(4))
    left_out = np.concatenate([without_each(SKEWED) - SHIFTED.mean(), SKEWED.mean() - without_each(SHIFTED)])
    acceleration = jackknife_acceleration(left_out, np.repeat([0, 1], [25, 40]))
    found = bca_interval(
        peer.bootstrap_distribution, estimate=SKEWED.mean() - SHIFTED.mean(), acceleration=acceleration
    )
    assert (found.low, found.high) == pytest.approx(tuple(peer.confidence_interval), abs=1e-12)


def test_a_group_without_which_there_is_no_value_does_not_accelerate():
    left_out = np.append(without_each(SKEWED), np.nan)
    expected = jackknife_acceleration(without_each(SKEWED), np.zeros(25))
    assert expected > 0.05
    assert jackknife_acceleration(left_out, np.zeros(26)) == expected
    assert jackknife_acceleration(left_out, np.append(np.zeros(25), 1)) == expected
    assert jackknife_acceleration(np.full(3, np.nan), np.zeros(3)) == 0


def test_bca_is_shifted_where_percentiles_are_not():
    replicates = np.random.default_rng(0).normal(size=4000)
    assert percentile_interval(replicates, estimate=0.5).low == pytest.approx(-1.96, abs=0.1)
    # the estimate lies 0.5 SD above the median of its replicates: z0 = 0.5, both ends move by 2 z0
    moved = bca_interval(replicates, estimate=0.5, acceleration=0.0)
    assert (moved.low, moved.high) == pytest.approx((-0.96, 2.96), abs=0.2)


def test_an_acceleration_beyond_the_pole_ends_at_the_extremes():
    replicates = np.arange(100.0)
    found = bca_interval(replicates, estimate=49.5, acceleration=0.6)
    assert found.high == 99
    assert bca_interval(replicates, estimate=49.5, acceleration=-0.6).low == 0


def test_without_variation_the_interval_has_no_width():
    found = bca_interval(
        np.full(50, 0.7), estimate=0.7, acceleration=jackknife_acceleration(np.full(9, 0.7), np.zeros(9))
    )
    assert (found.low, found.high, found.se) == (0.7, 0.7, 0.0)


def test_replicates_without_the_metric_are_left_out():
    found = percentile_interval(np.array([np.nan, 0.1, 0.2, 0.3, np.nan]), estimate=0.2)
    assert "3 replicates" in found.method
    for function in (
        lambda nothing: percentile_interval(nothing, estimate=0.1),
        lambda nothing: bootstrap_p(nothing, estimate=0),
    ):
        with pytest.raises(AnalysisError, match="no bootstrap replicate has a value"):
            function(np.full(4, np.nan))
    with pytest.raises(AnalysisError, match="confidence=95"):
        percentile_interval(np.arange(4), estimate=2, confidence=95)


def test_p_counts_both_sides_and_is_never_zero():
    # distances from the estimate 0.2: 0.2, 0.1, 0, 0.1, 0.3; two of five are at least 0.2
    assert bootstrap_p(np.array([0.0, 0.1, 0.2, 0.3, 0.5]), estimate=0.2) == pytest.approx(3 / 6)
    assert bootstrap_p(np.full(99, 0.4), estimate=0.4) == pytest.approx(1 / 100)
    assert bootstrap_p(np.zeros(99), estimate=0.0) == 1


def test_p_of_a_mean_agrees_with_the_z_test():
    sample = np.random.default_rng(8).normal(0.3, 1, 60)
    means = np.random.default_rng(9).choice(sample, (20_000, 60)).mean(axis=1)
    z = sample.mean() / (sample.std() / np.sqrt(60))
    assert bootstrap_p(means, estimate=sample.mean()) == pytest.approx(2 * stats.norm.sf(abs(z)), abs=0.01)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_a_bootstrap_of_any_statistic_knows_of_groups(method):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), rng.integers(1, 4, 60))
    values = (rng.normal(size=60)[groups] + 0.2 * rng.normal(size=len(groups))) + 1

    def mean(weights):
        return float(np.average(values, weights=weights))

    labels = np.zeros(len(groups), int)
    found = cluster_bootstrap(mean, groups, labels, replicates=1500, rng=np.random.default_rng(1), method=method)
    again = cluster_bootstrap(mean, groups, labels, replicates=1500, rng=np.random.default_rng(1), method=method)
    assert found == again
    assert (found.size.n_samples, found.size.n_groups) == (len(groups), 60)
    expected = clustered_se((values - values.mean()) / len(values), groups)
    assert found.se == pytest.approx(expected, rel=0.1)  # 1500 replicates: standard error 1.8 %
    assert found.low < values.mean() < found.high
    naive = cluster_bootstrap(mean, np.arange(len(groups)), labels, replicates=500, rng=np.random.default_rng(1))
    assert naive.se < 0.85 * found.se


def test_sources_are_named():
    assert {*CITATION_OF.values(), "davison1997", "hall1991"} <= CITATIONS.keys()
