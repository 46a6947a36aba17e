"""What the long CSV of a comparison holds beside the tests that verdicts rest on."""

import numpy as np
import pytest
from scipy import stats

from analysis.errors import AnalysisError
from analysis.statistics.comparisons import compare, probability_better
from analysis.statistics.families import benjamini_hochberg
from analysis.statistics.mcnemar import clustered_mcnemar, mcnemar
from analysis.tables import TableSpecification, build_tables
from analysis.tables.further_tests import FIELDS, mcnemar_tests

COMPARISONS = {"name": "all", "title": "All", "kind": "comparisons", "reference": {"fusion.name": "none"}}


def build(study, results, **settings):
    (table,) = build_tables([TableSpecification(**COMPARISONS | settings)], results, study.context(results))
    return table


def test_tests_by_signs_stand_with_their_smallest_p(metadata_study):
    study, results = metadata_study
    table = build(study, results)
    for record, result in zip(table.records[1:], results[1:], strict=True):
        differences = compare(results[0].scores_of("mcr"), result.scores_of("mcr")).differences
        assert record["p_wilcoxon"] == pytest.approx(stats.wilcoxon(differences).pvalue)
        assert record["p_sign_flip_smallest"] == record["p_wilcoxon_smallest"] == 0.0625
        assert record["p_sign_flip"] >= 0.0625
        assert record["share_of_folds_better"] == np.mean(np.array(differences) > 0)
        assert record["p_mcnemar"] is None  # of accuracy only
    assert all(table.records[0][name] is None for name in FIELDS)
    (note,) = [note for note in table.notes if "exact Wilcoxon" in note]
    assert "whose p with 5 differences cannot be below 0.0625" in note
    assert "the naive paired t, which takes folds as independent" in note
    assert "McNemar" not in note


def test_the_false_discovery_rate_is_that_of_the_whole_family(metadata_study):
    study, results = metadata_study
    table = build(study, results)
    for test, adjusted in (("p_nb", "p_nb_bh"), ("p_max_se", "p_max_se_bh")):
        expected = benjamini_hochberg([record[test] for record in table.records[1:]])
        assert [record[adjusted] for record in table.records[1:]] == pytest.approx(list(expected))
    late = study.result({**results[4].configuration, "seed": 1}, 0.5, label="late", missing=[(0, 0)])
    partial = build(study, [*results, late])
    known = [record["p_nb"] for record in table.records[1:]]
    assert [record["p_nb_bh"] for record in partial.records[1:5]] == pytest.approx(
        list(benjamini_hochberg([*known, 1.0])[:4])
    )


def test_the_probability_of_being_better_is_of_the_posterior(metadata_study):
    study, results = metadata_study
    record = build(study, results).records[2]
    scores = results[0].scores_of("mcr")
    differences = compare(scores, results[2].scores_of("mcr")).differences
    expected = probability_better(differences, test_over_train=scores.test_over_train)
    assert record["probability_better"] == pytest.approx(expected)


def right(result):
    found = {}
    for part in result.predictions.values():
        found |= dict(zip(part.samples, part.decisions("diagnosis") == part.labels["diagnosis"], strict=True))
    return found


def test_mcnemar_pools_the_decisions_of_all_folds_by_sample(metadata_study):
    study, results = metadata_study
    table = build(study, results, metrics=("accuracy",))
    ours, theirs = right(results[1]), right(results[0])
    names = sorted(ours)
    pair = (np.array([theirs[name] for name in names]), np.array([ours[name] for name in names]))
    groups = dict(zip(study.samples, study.groups, strict=True))
    record = table.records[1]
    plain, clustered = mcnemar(*pair), clustered_mcnemar(*pair, groups=np.array([groups[name] for name in names]))
    assert (record["mcnemar_only_reference"], record["mcnemar_only_other"]) == (plain.only_reference, plain.only_other)
    assert (record["p_mcnemar"], record["p_mcnemar_clustered"]) == pytest.approx((plain.p, clustered.p))
    assert clustered.estimate == pytest.approx(np.mean(list(ours.values())) - np.mean(list(theirs.values())))
    assert any("McNemar's test on the decisions of all folds" in note for note in table.notes)


def test_with_repeats_only_the_clustered_mcnemar_remains_and_several_targets_need_one(make_study, configure):
    study = make_study(repeats=2, targets=("diagnosis", "elevation"))
    results = [study.result(configure("none"), 0.5), study.result(configure("concat", "age"), 1.5, seed=2)]
    plain, clustered = mcnemar_tests(*results, "diagnosis")
    assert plain is None
    assert clustered.size.n_samples == 2 * len(study.samples)
    record = build(study, results, metrics=("accuracy",)).records[1]
    assert record["p_mcnemar_clustered"] is None
    record = build(study, results, metrics=("accuracy",), target="elevation").records[1]
    assert (record["p_mcnemar"], record["p_mcnemar_clustered"] < 0.05) == (None, True)


def test_unpaired_decisions_are_refused(make_study, configure):
    one, other = make_study().result(configure("none"), 1.0), make_study(folds=4).result(configure("none"), 1.0)
    with pytest.raises(AnalysisError, match="unpaired"):
        mcnemar_tests(one, other, "diagnosis")


def test_many_folds_are_drawn_with_a_fixed_seed(make_study, configure):
    study = make_study(folds=6, repeats=3)
    results = [study.result(configure("none"), 0.8), study.result(configure("concat", "age"), 0.9, seed=2)]
    one, other = (build(study, results).records[1]["p_sign_flip"] for _ in range(2))
    assert one == other
    assert 0 < one <= 1
