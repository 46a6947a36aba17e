"""Two factors at once: the model `score ~ row * column + (1 | fold)` of a full table, in closed form.

With every combination scored on every fold the mixed model with a random fold is the analysis of variance of randomised
blocks: F tests on (rows x columns - 1)(folds - 1) residual degrees of freedom, which is what lme4 with lmerTest's
Satterthwaite degrees of freedom gives, and not the z tests of statsmodels' mixedlm, whose p values are too small on few
folds (statistics.md section 4). Training parts overlap, so folds are no independent blocks: `corrected_p` divides F by
1 + J n_test/n_train, the correction of Nadeau and Bengio (2003) carried over to F; that step is a heuristic of this
project. Where folds vary less than the residual tells, lme4 sets their variance to 0 and pools; here, as in R's aov,
folds stay blocks.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.intervals import Size


@dataclass(frozen=True)
class Effect:
    """One effect: F on `df` and `df_error` degrees of freedom, its p, and both with the correction for shared training.

    `share` is its part of the sum of squares within folds, 0 to 1.
    """

    df: int
    df_error: int
    f: float
    p: float
    corrected_f: float
    corrected_p: float
    share: float


@dataclass(frozen=True)
class TwoFactorEffects:
    """Main effects and interaction; SDs are fractions, `fold_sd` that of the fold effect (0 where it is not seen)."""

    rows: Effect
    columns: Effect
    interaction: Effect
    fold_sd: float
    residual_sd: float
    method: str
    citation: str
    test_over_train: float
    size: Size


def two_factor_effects(scores: np.ndarray, *, test_over_train: float) -> TwoFactorEffects:
    """Test two factors and their interaction on a full table of fold scores.

    Scores that are all equal give F = 0 and p = 1.

    Args:
        scores: (rows, columns, J) fractions, all cells on the same folds.
        test_over_train: n_test / n_train, 1/(k-1) for k folds.

    Raises:
        AnalysisError: a shape other than that, a score that is not finite, or a ratio that is not positive.
    """
    values = _checked(scores, test_over_train)
    n_rows, n_columns, folds = values.shape
    centred = values - values.mean(axis=(0, 1), keepdims=True)  # folds are blocks: what they share is taken out
    cells = centred.mean(axis=2)
    by_row, by_column = cells.mean(axis=1), cells.mean(axis=0)
    squares = (
        _squares(by_row, n_columns * folds, values),
        _squares(by_column, n_rows * folds, values),
        _squares(cells - by_row[:, None] - by_column[None, :], folds, values),
    )
    residual = _squares(centred - cells[:, :, None], 1, values)
    freedom = (n_rows - 1, n_columns - 1, (n_rows - 1) * (n_columns - 1))
    df_error = (n_rows * n_columns - 1) * (folds - 1)
    shrunk = 1 + folds * test_over_train
    total = sum(squares) + residual
    effects = [
        _effect(square, df, residual, df_error, shrunk, total) for square, df in zip(squares, freedom, strict=True)
    ]
    noise = residual / df_error
    between = float(values.mean(axis=(0, 1)).var(ddof=1)) - noise / (n_rows * n_columns)
    return TwoFactorEffects(
        rows=effects[0],
        columns=effects[1],
        interaction=effects[2],
        fold_sd=max(between, 0.0) ** 0.5,
        residual_sd=noise**0.5,
        method="F tests of score ~ row * column + (1 | fold)",
        citation="pinheiro2000",
        test_over_train=test_over_train,
        size=Size(n_folds=folds),
    )


def _checked(scores: np.ndarray, test_over_train: float) -> np.ndarray:
    values = np.asarray(scores, dtype=float)
    if values.ndim != 3 or min(values.shape) < 2:
        raise AnalysisError(
            f"two factors need at least 2 rows, 2 columns and 2 folds, as (rows, columns, folds); got {values.shape}"
        )
    if not np.isfinite(values).all():
        raise AnalysisError("two factors: a fold score is not finite")
    if not test_over_train > 0:
        raise AnalysisError(
            f"test_over_train={test_over_train} must be positive: evaluation samples over training samples"
        )
    return values


def _squares(deviations: np.ndarray, times: int, values: np.ndarray) -> float:
    """The sum of squares; what is rounding of the scores only counts as 0."""
    smallest = 1e-12 * max(1.0, float(np.abs(values).max()))
    return 0.0 if np.abs(deviations).max() <= smallest else float(times * np.square(deviations).sum())


def _effect(square: float, df: int, residual: float, df_error: int, shrunk: float, total: float) -> Effect:
    f = 0.0 if square == 0 else float("inf") if residual == 0 else (square / df) / (residual / df_error)
    return Effect(
        df=df,
        df_error=df_error,
        f=f,
        p=float(stats.f.sf(f, df, df_error)),
        corrected_f=f / shrunk,
        corrected_p=float(stats.f.sf(f / shrunk, df, df_error)),
        share=square / total if total else 0.0,
    )
