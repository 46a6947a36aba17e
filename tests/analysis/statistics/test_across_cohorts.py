"""Tests across cohorts against Demsar 2006, Table 6, scipy 1.17.1, R 4.2.2 and scikit-posthocs 0.17.1."""

import numpy as np
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.across_cohorts import friedman, nemenyi_critical_difference, pairwise_wilcoxon
from analysis.statistics.families import holm

# Demsar 2006, Table 6: AUC of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.975, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_demsars_worked_example():
    # his mean ranks tell the last two of voting apart, which are both printed as 0.975; he does not correct for ties
    apart = DEMSAR.copy()
    apart[12, 3] -= 1e-4
    found = friedman(apart, correct_ties=False)
    assert found.mean_ranks == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    assert (round(found.chi_squared, 2), round(found.f, 2)) == (9.28, 3.69)
    assert found.df == (3, 39)
    assert nemenyi_critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_with_ties_corrected_it_is_scipys():
    found, expected = friedman(DEMSAR), stats.friedmanchisquare(*DEMSAR.T)
    assert (found.chi_squared, found.chi_squared_p) == pytest.approx((expected.statistic, expected.pvalue))
    # 13 * 10.95238 / (14 * 3 - 10.95238)
    assert found.f == pytest.approx(4.585889570552149)
    assert found.p == pytest.approx(stats.f.sf(4.585889570552149, 3, 39))


def test_three_cohorts_are_rs():
    # R: friedman.test(rbind(DEMSAR[1:3, ])): chi-squared 1, p 0.801251956901
    found = friedman(DEMSAR[:3])
    assert (found.chi_squared, found.chi_squared_p) == pytest.approx((1.0, 0.801251956901))


def test_lower_can_be_better():
    assert friedman(-DEMSAR, higher_is_better=False).mean_ranks == friedman(DEMSAR).mean_ranks


def test_degenerate_scores_have_an_answer():
    same = friedman(np.full((3, 4), 0.8))
    assert (same.chi_squared, same.f, same.p, same.mean_ranks) == (0.0, 0.0, 1.0, (2.5,) * 4)
    agreed = friedman(np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.2, 0.3, 0.9]]))
    assert agreed.f == np.inf
    assert agreed.p == pytest.approx(1 / 36)  # the chance that two more cohorts rank as the first: (1/3!)^2


def test_pairs_are_scipys_exact_wilcoxon_with_holm():
    found = pairwise_wilcoxon(DEMSAR)
    assert [(pair.first, pair.second) for pair in found] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    # scipy.stats.wilcoxon(d, method=PermutationMethod(n_resamples=inf)) on d = rint(1000 * differences) that are not 0
    expected = [0.00732421875, 0.8779296875, 0.012451171875, 0.05712890625, 0.353515625, 0.02197265625]
    assert found[0].estimate == pytest.approx(DEMSAR[:, 1].mean() - DEMSAR[:, 0].mean())
    assert [pair.p for pair in found] == pytest.approx(expected)
    assert [pair.p_holm for pair in found] == pytest.approx(holm(expected))


@pytest.mark.parametrize(
    ("configurations", "alpha", "q"),
    # Demsar 2006, Table 5(a): q_0.05 and q_0.10 of the two-tailed Nemenyi test
    [(2, 0.05, 1.960), (4, 0.05, 2.569), (10, 0.05, 3.164), (4, 0.10, 2.291), (10, 0.10, 2.920)],
)
def test_critical_values_are_demsars(configurations, alpha, q):
    expected = q * np.sqrt(configurations * (configurations + 1) / (6 * 14))
    assert nemenyi_critical_difference(configurations, 14, alpha=alpha) == pytest.approx(expected, rel=1e-3)


def test_the_critical_difference_is_where_scikit_posthocs_finds_p_at_alpha():
    # scikit_posthocs.posthoc_nemenyi_friedman(DEMSAR): p of 1 against 4 is 0.061683, of 1 against 2 0.088673
    ranks = friedman(DEMSAR).mean_ranks
    assert ranks[0] - ranks[3] == pytest.approx(nemenyi_critical_difference(4, 14, alpha=0.061683), rel=1e-4)
    assert ranks[0] - ranks[1] == pytest.approx(nemenyi_critical_difference(4, 14, alpha=0.088673), rel=1e-4)


def test_fewer_than_three_cohorts_are_refused():
    with pytest.raises(AnalysisError, match="at least 3, there are 2"):
        friedman(DEMSAR[:2])
    with pytest.raises(AnalysisError, match="folds of one cohort are no substitute"):
        pairwise_wilcoxon(DEMSAR[:1])
    with pytest.raises(AnalysisError, match="at least two configurations"):
        friedman(DEMSAR[:, :1])
    with pytest.raises(AnalysisError, match=r"\(cohorts, configurations\)"):
        friedman(DEMSAR[0])
    with pytest.raises(AnalysisError, match="not finite"):
        friedman(np.full((3, 2), np.nan))
    with pytest.raises(AnalysisError, match="alpha=1"):
        nemenyi_critical_difference(3, 5, alpha=1)
