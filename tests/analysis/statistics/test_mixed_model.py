"""The two-factor model against R 4.2.2 (lme4 1.1-31, lmerTest 3.1-3, and aov) and against what it must reduce to."""

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.statistics.comparisons import corrected_t, naive_t
from analysis.statistics.mixed_model import two_factor_effects

# the order of expand.grid(fold = 1:5, column = 1:3, row = 1:2)
SCORES = np.array(
    [
        *(0.6035, 0.6415, 0.6381, 0.6512, 0.6273, 0.6304, 0.661, 0.6634, 0.6654, 0.6552),
        *(0.6361, 0.6614, 0.6564, 0.698, 0.6568, 0.6313, 0.6536, 0.6472, 0.6997, 0.6474),
        *(0.6431, 0.6687, 0.6676, 0.68, 0.6542, 0.6661, 0.7189, 0.7071, 0.7241, 0.6714),
    ]
).reshape(2, 3, 5)


def test_f_and_p_are_those_of_lmertest_and_aov():
    # anova(lmer(score ~ row * column + (1 | fold))) with Satterthwaite's degrees of freedom (20.000), and
    # summary(aov(score ~ row * column + Error(fold))): both give these
    found = two_factor_effects(SCORES, test_over_train=0.25)
    effects = (found.rows, found.columns, found.interaction)
    assert [(effect.df, effect.df_error) for effect in effects] == [(1, 20), (2, 20), (2, 20)]
    assert [effect.f for effect in effects] == pytest.approx([38.80097, 33.13250, 5.17094], rel=1e-6)
    assert [effect.p for effect in effects] == pytest.approx([4.3958e-06, 4.4870e-07, 0.015484], rel=1e-4)
    # VarCorr: SD of fold 0.0185772021758, residual 0.0098101087122
    assert found.fold_sd == pytest.approx(0.0185772021758, rel=1e-6)
    assert found.residual_sd == pytest.approx(0.0098101087122, rel=1e-6)


def test_shares_are_of_the_sum_of_squares_in_folds():
    found = two_factor_effects(SCORES, test_over_train=0.25)
    # aov: 0.003734136, 0.006377226, 0.000995285 of their sum and the residual 0.001924765
    total = 0.00373413633333 + 0.00637722600000 + 0.00099528466667 + 0.00192476466667
    shares = [effect.share for effect in (found.rows, found.columns, found.interaction)]
    assert shares == pytest.approx([0.00373413633333 / total, 0.006377226 / total, 0.00099528466667 / total])


def test_an_interaction_contrast_of_two_by_two_is_the_paired_t_squared():
    cells = SCORES[:, :2]
    found = two_factor_effects(cells, test_over_train=0.25)
    differences = (cells[1, 1] - cells[1, 0]) - (cells[0, 1] - cells[0, 0])
    # the residual pools the noise of all contrasts, so F is t^2 times the ratio of the two variances
    pooled = 4 * found.residual_sd**2 / differences.var(ddof=1)
    assert found.interaction.f * pooled == pytest.approx(naive_t(differences).t ** 2)
    assert found.interaction.corrected_f * pooled == pytest.approx(
        corrected_t(differences, test_over_train=0.25).t ** 2
    )


def test_what_folds_share_does_not_matter_and_the_correction_makes_p_larger():
    shifted = SCORES + np.array([0.1, -0.2, 0.05, 0.0, 0.3])
    found, again = (two_factor_effects(values, test_over_train=0.25) for values in (SCORES, shifted))
    for name in ("rows", "columns", "interaction"):
        assert getattr(again, name).p == pytest.approx(getattr(found, name).p)
        assert getattr(found, name).corrected_p > getattr(found, name).p
        assert getattr(found, name).corrected_f == pytest.approx(getattr(found, name).f / 2.25)


def test_degenerate_scores_have_an_answer():
    same = two_factor_effects(np.full((2, 2, 5), 0.7), test_over_train=0.25)
    assert (same.rows.f, same.rows.p, same.rows.share, same.interaction.corrected_p) == (0.0, 1.0, 0.0, 1.0)
    noiseless = np.full((2, 2, 5), 0.7)
    noiseless[1] = 0.8
    found = two_factor_effects(noiseless, test_over_train=0.25)
    assert (found.rows.f, found.rows.p, found.columns.p, found.interaction.p) == (np.inf, 0.0, 1.0, 1.0)


def test_size_under_the_null_is_nominal_for_independent_folds():
    rng = np.random.default_rng(2)
    p = [
        two_factor_effects(rng.normal(size=(2, 3, 5)) + rng.normal(size=5), test_over_train=0.25).interaction.p
        for _ in range(800)
    ]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.025)


@pytest.mark.parametrize(
    ("scores", "ratio", "message"),
    [
        (np.zeros((2, 3)), 0.25, r"at least 2 rows, 2 columns and 2 folds.*got \(2, 3\)"),
        (np.zeros((1, 3, 5)), 0.25, "at least 2 rows"),
        (np.zeros((2, 3, 1)), 0.25, "2 folds"),
        (np.full((2, 2, 5), np.nan), 0.25, "not finite"),
        (np.zeros((2, 2, 5)), 0.0, "must be positive"),
    ],
)
def test_what_cannot_be_tested_is_refused(scores, ratio, message):
    with pytest.raises(AnalysisError, match=message):
        two_factor_effects(scores, test_over_train=ratio)
