"""Friedman's test and the pairs over the cohorts of a study's arms: who takes part, and when nothing is tested."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.statistics.across_cohorts import friedman
from analysis.tables import TableSpecification, build_arm_tables
from analysis.tables.across_cohorts import across_cohorts
from analysis.tables.arms import matched

OVER = TableSpecification(name="over", title="Over cohorts", kind="arms")
SKILLS = {"none": 0.2, "concat": 0.9, "film": 1.6}


@pytest.fixture
def arms(make_study, configure):
    """Three cohorts that agree on the order of three configurations, and a second fold plan of the first of them."""
    results, contexts = {}, {}
    plans = (("ham", "ham"), ("pad", "pad"), ("derm", "derm"), ("ham by image", "ham"))
    for number, (arm, cohort) in enumerate(plans):
        study = make_study(plan="image-level" if "image" in arm else "grouped")
        study.cohort = replace(study.cohort, name=cohort)
        results[arm] = [
            study.result(configure(*([name] if name == "none" else [name, "age"])), skill, label=name, seed=number)
            for name, skill in SKILLS.items()
        ]
        contexts[arm] = study.context(results[arm])
    return results, contexts


def test_each_cohort_counts_once_by_its_first_arm(arms):
    results, contexts = arms
    found = across_cohorts(matched(results), contexts, "mcr", None)
    assert found.cohorts == ("ham", "pad", "derm")
    assert found.labels == ("none", "concat", "film")
    expected = [[result.scores_of("mcr").estimate for result in results[arm]] for arm in ("ham", "pad", "derm")]
    assert found.scores == pytest.approx(np.array(expected))
    assert found.friedman == friedman(np.array(expected))
    assert found.friedman.mean_ranks == (3.0, 2.0, 1.0)
    # Demsar 2006: q_0.05 of three is 2.343, times sqrt(3 * 4 / (6 * 3))
    assert found.critical_difference == pytest.approx(2.343 * np.sqrt(12 / 18), rel=1e-3)


def test_lower_is_better_ranks_the_other_way(arms):
    results, contexts = arms
    found = across_cohorts(matched(results), contexts, "brier", None)
    assert found.friedman.mean_ranks == (3.0, 2.0, 1.0)
    assert found.scores[0, 0] > found.scores[0, 2]


def test_the_table_of_arms_says_so_and_keeps_the_ranks(arms):
    results, contexts = arms
    (table,) = build_arm_tables([OVER], results, contexts)
    assert table.notes[0].startswith("Across 3 cohorts (Demsar 2006): mean ranks film 1.00; concat 2.00; none 3.00.")
    assert "p = 0.0278" in table.notes[0]  # all cohorts agree: (1/3!)^2
    assert "none; with so many cohorts its p before Holm cannot be below 0.25" in table.notes[0]
    ranks = {record["label"]: record["mean_rank_over_cohorts"] for record in table.records}
    assert ranks == {"none": 3.0, "concat": 2.0, "film": 1.0}
    assert {record["n_cohorts"] for record in table.records} == {3}


def test_a_configuration_that_a_cohort_lacks_takes_no_part(arms):
    results, contexts = arms
    shorter = {**results, "pad": results["pad"][:2]}
    found = across_cohorts(matched(shorter), contexts, "mcr", None)
    assert found.labels == ("none", "concat")
    (table,) = build_arm_tables([OVER], shorter, contexts)
    left_out = [record["mean_rank_over_cohorts"] for record in table.records if record["label"] == "film"]
    assert left_out == [None] * 3
    with pytest.raises(AnalysisError, match="there is 1"):
        across_cohorts(matched({**results, "pad": results["pad"][:1]}), contexts, "mcr", None)


def test_two_cohorts_are_too_few_and_one_needs_no_word(arms):
    results, contexts = arms
    two, one = ("ham", "pad"), ("ham", "ham by image")
    (table,) = build_arm_tables([OVER], {arm: results[arm] for arm in two}, {arm: contexts[arm] for arm in two})
    assert table.notes[0] == (
        "Nothing is tested across cohorts: a test across cohorts needs at least 3, the arms of this study have 2."
    )
    assert "friedman_p" not in table.records[0]
    (table,) = build_arm_tables([OVER], {arm: results[arm] for arm in one}, {arm: contexts[arm] for arm in one})
    assert not any("across cohorts" in note for note in table.notes)
