"""McNemar's test against statsmodels 0.15.0 and R 4.2.2, the clustered one against published examples.

The examples are those of R's clust.bin.pair 0.1.2, whose tests hold what Durkalski et al. (2003) print for them.
"""

import numpy as np
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.mcnemar import clustered_mcnemar, mcnemar


def decisions(only_reference, only_other, both=40, neither=9):
    reference = [True] * only_reference + [False] * only_other + [True] * both + [False] * neither
    other = [False] * only_reference + [True] * only_other + [True] * both + [False] * neither
    return np.array(reference), np.array(other)


@pytest.mark.parametrize(
    ("b", "c", "statistic", "p"),
    # statsmodels.stats.contingency_tables.mcnemar([[40, b], [c, 9]], exact=b + c < 25, correction=True);
    # R: mcnemar.test(matrix(c(40, 12, 30, 9), 2))$p.value gives 0.00871191296237958
    [
        (3, 12, 3.0, 0.03515625),
        (0, 6, 0.0, 0.03125),
        (11, 14, 0.16, 0.6891565167793516),
        (30, 12, 6.880952380952381, 0.008711912962379598),
        (25, 25, None, None),
    ],
)
def test_p_is_that_of_statsmodels_and_r(b, c, statistic, p):
    found = mcnemar(*decisions(b, c))
    assert (found.only_reference, found.only_other) == (b, c)
    assert found.estimate == pytest.approx((c - b) / (b + c + 49))
    if p is None:  # equal counts: statsmodels takes the correction below zero and squares it, 0.8875; R gives 1
        assert (found.statistic, found.p) == (0.0, 1.0)
    else:
        assert (found.statistic, found.p) == (pytest.approx(statistic), pytest.approx(p))


def test_classifiers_that_never_disagree_do_not_differ():
    same = np.array([True, False, True])
    assert mcnemar(same, same).p == 1.0
    assert clustered_mcnemar(same, same, groups=np.array(["a", "a", "b"])).p == 1.0


def test_groups_of_one_sample_give_the_test_without_continuity_correction():
    reference, other = decisions(30, 12)
    found = clustered_mcnemar(reference, other, groups=np.arange(len(other)))
    # statsmodels mcnemar(exact=False, correction=False): (30 - 12)^2 / 42
    assert found.statistic == pytest.approx(90 / 91 * 324 / 42)
    assert found.p == pytest.approx(stats.chi2.sf(90 / 91 * 324 / 42, 1))
    assert found.size.n_groups == found.size.n_samples == 91


# 29 psychiatrists: patients that only the patient, or only the psychiatrist, answers yes for
PATIENT = [0, 1, 1, 1, 0, 3, 3, 3, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0]
PSYCHIATRIST = [4, 2, 3, 2, 1, 3, 0, 2, 2, 4, 2, 4, 3, 2, 1, 3, 1, 2, 0, 0, 0, 2, 1, 2, 2, 0, 0, 1, 1]
# 21 patients with thyroid glands: those that only PET, or only SPECT, finds
PET = [0] * 8 + [1] + [0] * 12
SPECT = [2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("only_reference", "only_other", "statistic", "plain"),
    [(PATIENT, PSYCHIATRIST, 7.19, 11.85), (PET, SPECT, 2.86, 4.5)],
)
def test_published_examples_of_clustered_pairs(only_reference, only_other, statistic, plain):
    groups = np.arange(len(only_reference))
    reference = np.repeat([True, False], [sum(only_reference), sum(only_other)])
    members = np.concatenate([np.repeat(groups, only_reference), np.repeat(groups, only_other)])
    even = np.ones(len(groups), dtype=bool)  # a sample on which both agree, so that every group is there
    pair = np.concatenate([reference, even]), np.concatenate([~reference, even])
    found = clustered_mcnemar(*pair, groups=np.concatenate([members, groups]))
    assert round(found.statistic, 2) == statistic
    b, c = found.only_reference, found.only_other
    assert (b - c) ** 2 / (b + c) == pytest.approx(plain, abs=0.005)


def test_clustered_by_hand():
    # groups: a gains 2, b gains 1, c loses 1, d is even: 3/4 (2 + 1 - 1)^2 / (4 + 1 + 1)
    reference = np.array([False, False, False, True, True, False])
    other = np.array([True, True, True, False, False, True])
    found = clustered_mcnemar(reference, other, groups=np.array(["a", "a", "b", "c", "d", "d"]))
    assert found.statistic == pytest.approx(3 / 4 * 4 / 6)
    assert found.estimate == pytest.approx(2 / 6)


def test_images_of_one_lesion_are_no_independent_evidence():
    reference, other = decisions(4, 21)
    groups = np.arange(len(other))
    doubled = [np.repeat(one, 2) for one in (reference, other, groups)]
    once = clustered_mcnemar(reference, other, groups=groups)
    assert clustered_mcnemar(doubled[0], doubled[1], groups=doubled[2]).p == pytest.approx(once.p)
    assert mcnemar(doubled[0], doubled[1]).p < mcnemar(reference, other).p


def test_size_of_the_clustered_test_when_nothing_differs():
    rng, rejected = np.random.default_rng(5), []
    for _ in range(400):
        groups = np.repeat(np.arange(150), rng.integers(1, 5, 150))
        easy = rng.normal(size=150)[groups]
        reference, other = (easy + rng.normal(size=150)[groups] > 0 for _ in range(2))  # lesions agree with themselves
        rejected.append(clustered_mcnemar(reference, other, groups=groups).p < 0.05)
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.03)


def test_unpaired_decisions_are_refused():
    with pytest.raises(AnalysisError, match="unpaired"):
        mcnemar(np.ones(3, dtype=bool), np.ones(4, dtype=bool))
    with pytest.raises(AnalysisError, match="no decisions"):
        mcnemar(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    with pytest.raises(AnalysisError, match="group of every sample"):
        clustered_mcnemar(np.ones(3, dtype=bool), np.ones(3, dtype=bool), groups=np.array(["a"]))
