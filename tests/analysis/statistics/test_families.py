"""Holm, and Benjamini and Hochberg, by hand and by their properties."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from analysis.errors import AnalysisError
from analysis.statistics.families import benjamini_hochberg, holm

few = settings(max_examples=30, deadline=None)  # the peer collects garbage at every call, 40 ms
p_values = st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=15)


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, then the running maximum
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx((0.06, 0.04, 0.06, 0.06))
    assert holm([]) == ()
    assert holm([0.03]) == (0.03,)


@few
@given(p_values)
def test_both_agree_with_statsmodels(values):
    assert holm(values) == pytest.approx(tuple(multipletests(values, method="holm")[1]), abs=1e-12)
    assert benjamini_hochberg(values) == pytest.approx(tuple(multipletests(values, method="fdr_bh")[1]), abs=1e-12)


@few
@given(p_values)
def test_holm_keeps_the_order_never_helps_and_stops_at_one(values):
    adjusted = holm(values)
    assert all(before <= after <= 1 for before, after in zip(values, adjusted, strict=True))
    by_raw = [after for _, after in sorted(zip(values, adjusted, strict=True))]
    assert all(a <= b + 1e-12 for a, b in pairwise(by_raw))


@few
@given(p_values, st.floats(0, 1))
def test_a_larger_family_never_makes_a_p_value_smaller(values, another):
    assert all(a <= b + 1e-12 for a, b in zip(holm(values), holm([*values, another]), strict=False))


def test_what_is_no_p_value_is_refused():
    with pytest.raises(AnalysisError, match="between 0 and 1"):
        holm([0.5, float("nan")])


def test_benjamini_hochberg_by_hand():
    # sorted .01 .02 .03 .04 .2 times 5/1 5/2 5/3 5/4 1 = .05 .05 .05 .05 .2; R: p.adjust(p, "BH") gives the same
    assert benjamini_hochberg([0.04, 0.01, 0.03, 0.02, 0.2]) == pytest.approx((0.05, 0.05, 0.05, 0.05, 0.2))
    assert benjamini_hochberg([0.01, 0.5, 0.03]) == pytest.approx((0.03, 0.5, 0.045))
    assert benjamini_hochberg([]) == ()
    with pytest.raises(AnalysisError, match="between 0 and 1"):
        benjamini_hochberg([-0.1])


@few
@given(p_values)
def test_benjamini_hochberg_lies_between_the_raw_p_and_holms(values):
    for raw, share, family in zip(values, benjamini_hochberg(values), holm(values), strict=True):
        assert raw <= share + 1e-12
        assert share <= family + 1e-12
