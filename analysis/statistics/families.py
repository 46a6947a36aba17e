"""Adjustment for several comparisons: Holm (1979) within a declared family. One table and metric is one family."""

from collections.abc import Sequence

import numpy as np
from statsmodels.stats.multitest import multipletests

from analysis.errors import AnalysisError


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the Holm-adjusted p values in the order given, never above 1; an empty family stays empty.

    Raises:
        AnalysisError: a p value is outside [0, 1] or NaN.
    """
    values = np.asarray(p_values, dtype=float)
    if not len(values):
        return ()
    if not ((values >= 0) & (values <= 1)).all():
        raise AnalysisError(f"p values {values.tolist()} are not all between 0 and 1")
    return tuple(float(p) for p in multipletests(values, method="holm")[1])
