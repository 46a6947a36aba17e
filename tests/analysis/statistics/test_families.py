"""Holm by hand and by its properties."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.statistics.families import holm

few = settings(max_examples=30, deadline=None)  # statsmodels collects garbage at every call, 40 ms
p_values = st.lists(st.floats(0, 1, allow_nan=False), min_size=1, max_size=15)


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, then the running maximum
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx((0.06, 0.04, 0.06, 0.06))
    assert holm([]) == ()
    assert holm([0.03]) == (0.03,)


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
