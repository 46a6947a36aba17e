"""The bootstrap of a part: the printed statistic of the drawn samples, paired, and the same bytes everywhere."""

import os

import numpy as np
import pytest

from analysis import resampling as module
from analysis.errors import AnalysisError
from analysis.ledger import Ledger
from analysis.loading import load_run
from analysis.metrics import fold_metrics
from analysis.resampling import Resampling
from analysis.scoring import METRICS
from analysis.statistics.group_draws import class_strata
from analysis.tables import TableSpecification, build_arm_tables, build_tables, render_all

TARGET = "diagnosis"


@pytest.fixture
def pair(make_study, configure):
    study = make_study(repeats=2)
    reference = study.result(configure("none"), 0.8, label="image only")
    return study, reference, study.result(configure("concat", "age"), 1.6, label="concat", seed=2)


def drawn_scores(resampling, result, metric, number, target=TARGET, draws_of=TARGET):
    """The metric of every fold with the samples of each group repeated as often as replicate `number` drew it."""
    draws = resampling.draws(draws_of)
    scores = []
    for fold in sorted(result.predictions):
        part = result.predictions[fold]
        often = draws.counts[draws.groups.get_indexer(part.groups), number]
        chosen = np.repeat(np.arange(len(often)), often)
        if not len(chosen):
            scores.append(np.nan)
            continue
        scores.append(getattr(fold_metrics(part.labels[target][chosen], part.probabilities[target][chosen]), metric))
    return scores


@pytest.mark.parametrize("metric", sorted(set(METRICS) - {"sensitivity", "specificity"}))
def test_a_replicate_is_the_mean_over_folds_of_the_drawn_samples(pair, metric):
    _, reference, _ = pair
    resampling = Resampling([reference], replicates=40)
    found = resampling.replicates(reference, metric, TARGET)
    expected = [np.nanmean(drawn_scores(resampling, reference, metric, number)) for number in range(6)]
    assert found[:6] == pytest.approx(np.array(expected), abs=1e-6)


def test_a_fold_that_loses_a_metric_is_left_out_of_the_mean(make_study, configure):
    study = make_study(lesions=(6, 3))  # five folds, some with one lesion of a class or none
    result = study.result(configure("none"), 0.8)
    resampling = Resampling([result], replicates=30)
    found = resampling.replicates(result, "sensitivity", TARGET)
    folds = [drawn_scores(resampling, result, "sensitivity", number) for number in range(30)]
    assert any(np.isnan(scores).any() and not np.isnan(scores).all() for scores in folds)
    for value, scores in zip(found, folds, strict=True):
        assert (np.isnan(value) and np.isnan(scores).all()) or value == pytest.approx(np.nanmean(scores))


def test_left_out_is_the_score_without_a_lesion(pair):
    _, reference, _ = pair
    resampling = Resampling([reference], replicates=5)
    left_out, groups = resampling.left_out(reference, "mcr", TARGET), resampling.draws(TARGET).groups
    for number in (0, 50, 113):
        scores = []
        for part in reference.predictions.values():
            kept = part.groups != groups[number]
            scores.append(fold_metrics(part.labels[TARGET][kept], part.probabilities[TARGET][kept]).mcr)
        assert left_out[number] == pytest.approx(np.mean(scores))


def test_intervals_hold_the_printed_estimate_and_are_about_the_clustered_ones(pair):
    study, reference, _ = pair
    resampling = Resampling([reference], replicates=2000)
    for metric in ("mcr", "auc"):
        scores = reference.scores_of(metric, TARGET)
        percentile = resampling.interval(reference, metric, TARGET)
        bca = resampling.interval(reference, metric, TARGET, method="bca")
        assert percentile.estimate == bca.estimate == scores.estimate
        assert percentile.size == scores.size
        assert percentile.se == pytest.approx(scores.clustered_se, rel=0.15)
        assert (percentile.low, percentile.high) != (bca.low, bca.high)
        assert bca.low < scores.estimate < bca.high
    wide = resampling.interval(reference, "mcr", TARGET, confidence=0.99)
    assert wide.low < resampling.interval(reference, "mcr", TARGET).low
    assert study.cohort.n_groups == len(resampling.draws(TARGET).groups)


def test_differences_come_from_the_same_draws(pair):
    _, reference, other = pair
    resampling = Resampling([reference, other], replicates=1000)
    found = resampling.difference(reference, other, "mcr", TARGET)
    values = resampling.replicates(other, "mcr", TARGET) - resampling.replicates(reference, "mcr", TARGET)
    assert (found.percentile.low, found.percentile.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))
    estimate = other.scores_of("mcr", TARGET).estimate - reference.scores_of("mcr", TARGET).estimate
    assert found.percentile.estimate == found.bca.estimate == pytest.approx(estimate)
    unpaired = np.hypot(*(resampling.replicates(one, "mcr", TARGET).std() for one in (reference, other)))
    assert found.percentile.se < 0.8 * unpaired
    assert found.p == pytest.approx(1 / 1001)


def test_a_configuration_does_not_differ_from_itself(pair):
    _, reference, _ = pair
    found = Resampling([reference], replicates=100).difference(reference, reference, "auc", TARGET)
    assert (found.p, found.percentile.low, found.percentile.high, found.bca.low, found.bca.high) == (1, 0, 0, 0, 0)


def test_the_bytes_depend_on_the_seed_alone(pair, monkeypatch):
    _, reference, other = pair
    first = Resampling([reference, other], replicates=50, seed=3)
    expected = {metric: first.replicates(other, metric, TARGET).tobytes() for metric in METRICS}
    for cores, block in ((1, 50), (4, 7)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process, cores=cores: set(range(cores)), raising=False)
        monkeypatch.setattr(module, "BLOCK", block)
        again = Resampling([other, reference], replicates=50, seed=3)
        assert {metric: again.replicates(other, metric, TARGET).tobytes() for metric in METRICS} == expected
    moved = Resampling([reference], replicates=50, seed=4)
    assert moved.replicates(reference, "mcr", TARGET).tobytes() != first.replicates(reference, "mcr", TARGET).tobytes()


def test_the_mean_over_one_target_is_that_target(pair):
    _, reference, _ = pair
    resampling = Resampling([reference], replicates=10)
    assert resampling.replicates(reference, "mcr") is resampling.replicates(reference, "mcr", TARGET)


def test_strata_are_the_classes_of_the_target(pair):
    _, reference, _ = pair
    draws = Resampling([reference], replicates=20).draws(TARGET)
    parts = [part for (repeat, _), part in reference.predictions.items() if repeat == 0]
    groups, labels = (
        np.concatenate([values(part) for part in parts]) for values in (lambda p: p.groups, lambda p: p.labels[TARGET])
    )
    names, strata = class_strata(groups.astype(str), labels)
    assert draws.groups.tolist() == names.tolist()
    assert draws.strata.tolist() == strata.tolist()
    assert [draws.counts[strata == c].sum(axis=0).tolist() for c in range(3)] == [[n] * 20 for n in (30, 60, 24)]


def test_the_mean_over_targets_is_drawn_once_for_all(make_study, configure):
    study = make_study(targets=("diagnosis", "pigment"))
    result = study.result(configure("none"), 0.8)
    resampling = Resampling([result], replicates=20)
    found = resampling.replicates(result, "mcr", None)
    for number in range(4):
        of_target = [np.mean(drawn_scores(resampling, result, "mcr", number, target)) for target in study.targets]
        assert found[number] == pytest.approx(np.mean(of_target))
    assert resampling.interval(result, "mcr", method="bca").estimate == result.scores_of("mcr").estimate


@pytest.mark.parametrize("plan", ["image-level", "official", "holdout"])
def test_every_fold_plan_can_be_resampled(make_study, configure, plan):
    study = make_study(plan=plan, folds=5 if plan == "image-level" else 1, repeats=2)
    result = study.result(configure("none"), 0.8)
    resampling = Resampling([result], replicates=30)
    found = resampling.replicates(result, "auc", TARGET)
    expected = [np.nanmean(drawn_scores(resampling, result, "auc", number)) for number in range(3)]
    assert found[:3] == pytest.approx(np.array(expected))
    assert resampling.interval(result, "auc", TARGET, method="bca").estimate == result.scores_of("auc").estimate


def test_what_cannot_be_resampled_is_refused(pair, make_study, configure):
    study, reference, _ = pair
    partial = study.result(configure("multiply", "age"), 0.8, label="partial", missing=[(0, 1)])
    resampling = Resampling([reference, partial], replicates=10)
    with pytest.raises(AnalysisError, match="'partial' is incomplete"):
        resampling.replicates(partial, "mcr", TARGET)
    with pytest.raises(AnalysisError, match="no metric 'kappa'"):
        resampling.replicates(reference, "kappa", TARGET)
    with pytest.raises(AnalysisError, match="replicates=0"):
        Resampling([reference], replicates=0)
    with pytest.raises(AnalysisError, match="no configuration of this part is complete"):
        Resampling([partial], replicates=10).draws(TARGET)
    foreign = make_study(repeats=2, lesions=(40, 60, 24)).result(configure("none"), 0.8, label="foreign")
    with pytest.raises(AnalysisError, match=r"'foreign': group 'lesion1\d\d' is not among those of the part"):
        resampling.replicates(foreign, "mcr", TARGET)


def specification(**changes):
    return TableSpecification.model_validate({"name": "t", "title": "T", "metrics": ["mcr"]} | changes)


def test_the_long_csv_holds_the_bootstrap(pair):
    study, reference, other = pair
    results = (reference, other)
    resampling = Resampling(results, replicates=200)
    context = study.context(results, resampling=resampling)
    compared = specification(kind="comparisons", reference={"fusion.name": "none"})
    (table,) = build_tables([compared], results, context)
    first, second = table.records
    interval = resampling.interval(reference, "mcr", TARGET, method="bca")
    assert (first["bca_low"], first["bca_high"]) == (interval.low, interval.high)
    assert first["p_boot"] is None
    difference = resampling.difference(reference, other, "mcr", TARGET)
    assert second["difference_boot_low"] == difference.percentile.low
    assert second["difference_bca_high"] == difference.bca.high
    assert second["p_boot"] == difference.p
    assert sum("lesion-clustered bootstrap" in note and "200 replicates" in note for note in table.notes) == 1
    assert "boot_low,boot_high,bca_low,bca_high" in render_all([table])["t_mcr_long.csv"].decode()


def test_without_replicates_a_table_has_no_bootstrap(pair):
    study, reference, other = pair
    (table,) = build_tables([specification(kind="leaderboard")], (reference, other), study.context((reference, other)))
    assert not any("boot" in name for record in table.records for name in record)
    assert not any("bootstrap" in note for note in table.notes)


def test_incomplete_configurations_and_rows_of_classes_have_none(pair, configure):
    study, reference, _ = pair
    partial = study.result(configure("multiply", "age"), 0.8, label="partial", missing=[(0, 1)])
    results = (reference, partial)
    context = study.context(results, resampling=Resampling(results, replicates=50))
    kinds = {"kind": "scores"}, {"kind": "per-class-recall", "name": "recall", "metrics": ["mcr", "auc"]}
    scores, recall = build_tables([specification(**kind) for kind in kinds], results, context)
    assert [record["boot_low"] is None for record in scores.records] == [False, True]
    assert not any("boot" in name for record in recall.records for name in record)
    assert not any("bootstrap" in note for note in recall.notes)


def test_each_arm_is_resampled_with_its_own_draws(make_study, configure):
    results, contexts = {}, {}
    for name, plan in (("grouped", "grouped"), ("leaky", "image-level")):
        study = make_study(plan=plan)
        results[name] = (study.result(configure("none"), 0.8, label="image only"),)
        contexts[name] = study.context(results[name], resampling=Resampling(results[name], replicates=60))
    (table,) = build_arm_tables([specification(kind="arms")], results, contexts)
    for record in table.records:
        (result,) = results[record["arm"]]
        interval = contexts[record["arm"]].resampling.interval(result, "mcr", TARGET)
        assert (record["boot_low"], record["boot_high"]) == (interval.low, interval.high)
    assert sum("bootstrap" in note for note in table.notes) == 1


def test_a_run_is_resampled_when_it_is_asked_to_be(make_study, configure, tmp_path):
    study, ledger = make_study(), Ledger(tmp_path)
    for repeat, fold in study.planned:
        record = study.record("0" * 12, configure("none"), repeat, fold)
        ledger.put(record, study.frame(record, 0.8))
    plain, resampled = load_run(tmp_path), load_run(tmp_path, replicates=100)
    assert plain.parts[0].context.resampling is None
    assert resampled.parts[0].context.resampling.n_replicates == 100
    fields = {name for table in resampled.tables for record in table.records for name in record}
    assert {"boot_low", "bca_high", "p_boot"} <= fields
    again = load_run(tmp_path, replicates=100)
    assert render_all(again.tables) == render_all(resampled.tables)
