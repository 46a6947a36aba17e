"""The verdict words, case by case (statistics.md section 2)."""

import pytest

from analysis.statistics.comparisons import RopeProbabilities
from analysis.statistics.verdicts import standing, verdict


@pytest.mark.parametrize(
    ("estimate", "nb_p", "max_se_p", "equivalent", "phrase", "mark"),
    [
        (0.03, 0.01, 0.001, 0.10, "supported better", "†"),
        (-0.012, 0.04, 0.001, 0.40, "supported worse", "†"),
        (0.004, 0.01, 0.001, 0.99, "supported better", "†"),  # small but certain: the ROPE stands beside it
        (0.03, 0.05, 0.001, 0.10, "suggested better", "‡"),  # alpha itself is not below alpha
        (-0.03, 0.20, 0.049, 0.10, "suggested worse", "‡"),
        (0.001, 0.70, 0.60, 0.96, "equivalent", ""),
        (0.001, 0.70, 0.60, 0.95, "unsure", ""),
        (0.02, 0.01, 0.06, 0.20, "unsure", ""),  # only the corrected t: no word for it
        (0.03, None, 0.0001, None, "suggested better", "‡"),  # one split never stands above suggested
        (0.00, None, 1.0, None, "unsure", ""),
    ],
)
def test_words(estimate, nb_p, max_se_p, equivalent, phrase, mark):
    found = verdict(estimate=estimate, nb_p=nb_p, max_se_p=max_se_p, equivalent=equivalent, alpha=0.05)
    assert (found.phrase, found.mark) == (phrase, mark)


def test_alpha_is_that_of_the_family():
    assert verdict(estimate=1, nb_p=0.03, max_se_p=0.03, equivalent=0, alpha=0.01).word == "unsure"


@pytest.mark.parametrize(
    ("worse", "better", "word"),
    [
        (0.96, 0.01, "worse"),
        (0.02, 0.97, "better"),
        (0.02, 0.02, "equivalent"),
        (0.95, 0.0, "unsure"),  # 0.95 itself is not above it
        (0.4, 0.3, "unsure"),
    ],
)
def test_where_a_ranked_configuration_stands(worse, better, word):
    found = RopeProbabilities(worse=worse, equivalent=1 - worse - better, better=better, rope=0.01)
    assert standing(found) == word
