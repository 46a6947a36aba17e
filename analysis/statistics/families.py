"""Adjustment for several comparisons within a declared family. One table and metric is one family.

Holm (1979) holds the chance of any false claim in the family and is what verdicts use. Benjamini and Hochberg (1995)
hold the expected share of false claims among those made: for exploring large grids only, and labelled so. Written out
here because statsmodels collects garbage at every call, 40 ms and more with a study in memory.
"""

from collections.abc import Sequence

import numpy as np

from analysis.errors import AnalysisError


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the Holm-adjusted p values in the order given, never above 1; an empty family stays empty.

    Raises:
        AnalysisError: a p value is outside [0, 1] or NaN.
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    return _in_order(order, np.maximum.accumulate(values[order] * factors))


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p values adjusted for the false discovery rate in the order given; an empty family stays empty.

    Raises:
        AnalysisError: a p value is outside [0, 1] or NaN.
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")[::-1]
    factors = len(values) / np.arange(len(values), 0, -1)
    return _in_order(order, np.minimum.accumulate(values[order] * factors))


def _checked(p_values: Sequence[float]) -> np.ndarray:
    values = np.asarray(p_values, dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise AnalysisError(f"p values {values.tolist()} are not all between 0 and 1")
    return values


def _in_order(order: np.ndarray, adjusted: np.ndarray) -> tuple[float, ...]:
    """Return values that go with sorted positions in the order of the family, cut at 1."""
    back = np.empty(len(order))
    back[order] = np.minimum(adjusted, 1.0)
    return tuple(back.tolist())
