"""Wilson's and the logit interval against statsmodels and R 4.2.2, and what happens at 0 and 1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from analysis.citations import CITATIONS
from analysis.errors import AnalysisError
from analysis.statistics.proportions import effective_samples, logit_interval, wilson_interval


@given(st.integers(1, 400), st.data())
def test_wilson_equals_statsmodels(n, data):
    hits = data.draw(st.integers(0, n))
    found = wilson_interval(hits / n, n=n)
    low, high = proportion_confint(hits, n, method="wilson")
    assert (found.low, found.high) == (pytest.approx(max(0.0, low), abs=1e-12), pytest.approx(min(1.0, high)))
    assert found.low <= found.estimate <= found.high


def test_wilson_equals_rs_and_is_no_point_at_zero():
    # R 4.2.2: prop.test(7, 12, correct=FALSE)$conf.int, prop.test(0, 9, correct=FALSE)$conf.int
    seven = wilson_interval(7 / 12, n=12)
    assert (seven.low, seven.high) == (pytest.approx(0.319511312549550), pytest.approx(0.806739686341243))
    none = wilson_interval(0.0, n=9)
    assert (none.low, none.high) == (0.0, pytest.approx(0.299145048419544))
    assert CITATIONS[none.citation].startswith("Wilson")


def test_effective_samples_give_the_clustered_standard_error_back():
    assert effective_samples(0.4, clustered_se=0.05, n_samples=500, n_groups=200) == pytest.approx(0.24 / 0.0025)
    assert wilson_interval(0.4, n=96).se == pytest.approx(0.05)
    assert effective_samples(0.4, clustered_se=0.001, n_samples=500, n_groups=200) == 500  # never more than there are
    assert effective_samples(0.4, clustered_se=0.9, n_samples=500, n_groups=200) == 1
    assert effective_samples(1.0, clustered_se=0.0, n_samples=30, n_groups=12) == 12


def test_logit_interval_equals_rs():
    # R 4.2.2: plogis(qlogis(.9) + c(-1, 1) * qnorm(.975) * .05 / (.9 * .1))
    found = logit_interval(0.9, se=0.05)
    assert (found.low, found.high) == (pytest.approx(0.751822435468198), pytest.approx(0.963948641072232))
    assert found.se == 0.05
    assert (logit_interval(0.5, se=1e9).low, logit_interval(0.5, se=1e9).high) == (pytest.approx(0), pytest.approx(1))


def test_an_estimate_without_a_logit_has_a_defined_interval():
    assert (logit_interval(1.0, se=0.0).low, logit_interval(1.0, se=0.0).high) == (1.0, 1.0)
    assert (logit_interval(0.0, se=0.1).low, logit_interval(0.0, se=0.1).high) == (0.0, pytest.approx(0.196, abs=1e-4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson_interval(1.2, n=5), "share=1.2 must be between 0 and 1"),
        (lambda: wilson_interval(0.2, n=0), "n=0 must be positive"),
        (lambda: wilson_interval(0.2, n=5, confidence=95), "confidence=95 must be between 0 and 1"),
        (lambda: logit_interval(0.5, se=-1), "se=-1 not negative"),
    ],
)
def test_what_is_no_share_is_refused(call, message):
    with pytest.raises(AnalysisError, match=message):
        call()
