"""The comparison table and the per-class recall table, against the numbers they are made of."""

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.statistics.comparisons import compare
from analysis.statistics.families import holm
from analysis.tables import TableSpecification, build_tables, text_rows
from analysis.tables.formatting import decimals, score_digits

COMPARISONS = {"name": "all", "title": "All", "kind": "comparisons", "reference": {"fusion.name": "none"}}
RECALL = {"name": "recall", "title": "Per-class recall", "kind": "per-class-recall"}


def build(study, results, settings):
    return build_tables([TableSpecification(**settings)], results, study.context(results))


def test_each_row_holds_both_tests_and_the_verdict(metadata_study):
    study, results = metadata_study
    (table,) = build(study, results, COMPARISONS)
    expected = [compare(results[0].scores_of("mcr"), result.scores_of("mcr"), rope=0.01) for result in results[1:]]
    nb, max_se = (
        holm(values) for values in ([one.corrected_t.p for one in expected], [one.max_se.p for one in expected])
    )
    for row, one, nb_p, max_p in zip(table.rows[1:], expected, nb, max_se, strict=True):
        difference, max_interval, _, nb_interval = row[3:7]
        assert difference.value == one.estimate
        assert (nb_interval.low, nb_interval.high) == (one.corrected_t.interval.low, one.corrected_t.interval.high)
        assert (max_interval.low, max_interval.high) == (one.max_se.interval.low, one.max_se.interval.high)
        assert [cell.value for cell in row[7:11]] == [one.corrected_t.p, nb_p, one.max_se.p, max_p]
        assert [cell.value for cell in row[11:14]] == [one.rope.worse, one.rope.equivalent, one.rope.better]
    assert text_rows(table)[0][3:] == ["", "", "reference"] + [""] * 8


def test_verdicts_say_which_way(metadata_study):
    study, results = metadata_study
    (better,) = build(study, results, COMPARISONS)
    assert text_rows(better)[1][5] == "supported better†"
    (worse,) = build(study, results, COMPARISONS | {"reference": {"fusion.name": "concat", "metadata.fields": ["age"]}})
    row = text_rows(worse)[0]
    assert row[5] == "supported worse†"
    assert row[3].startswith("−")


def test_levels_of_both_metrics_stand_beside(metadata_study):
    study, results = metadata_study
    (table,) = build(study, results, COMPARISONS)
    mcr, auc = (results[1].scores_of(metric) for metric in ("mcr", "auc"))
    assert [cell.value for cell in table.rows[1][1:3]] == [mcr.estimate, auc.estimate]
    assert table.records[1]["fold_sd"] == mcr.fold_sd


def test_long_records_keep_full_precision(metadata_study):
    study, results = metadata_study
    (table,) = build(study, results, COMPARISONS)
    record, scores = table.records[1], results[1].scores_of("mcr")
    assert record["estimate"] == scores.estimate
    assert [float(text) for text in record["fold_scores"].split()] == [
        scores.by_fold[fold] for fold in sorted(scores.by_fold)
    ]
    assert (record["nb_low"], record["nb_high"]) == (
        scores.nadeau_bengio_interval().low,
        scores.nadeau_bengio_interval().high,
    )
    assert (record["reference"], record["verdict"]) == (results[0].identifier, "supported better")
    for record in table.records[1:]:
        row = next(row for row in table.rows if row[0].text == record["label"])
        assert [record[name] for name in ("p_nb", "p_nb_holm", "p_max_se", "p_max_se_holm")] == [
            cell.value for cell in row[7:11]
        ]
    assert table.records[0]["is_reference"]
    assert {tuple(one) for one in table.records} == {tuple(record)}  # one header fits all


def test_one_split_has_no_corrected_t_and_no_verdict_above_suggested(make_study, configure):
    study = make_study(plan="holdout", folds=1)
    results = [study.result(configure("none"), 0.2, label="image only"), study.result(configure("concat", "age"), 4.0)]
    (table,) = build(study, results, COMPARISONS)
    row = text_rows(table)[1]
    assert row[6] == row[7] == row[8] == row[11] == row[12] == row[13] == "–"
    assert row[5] == "suggested better‡"
    assert any("There is one split" in note for note in table.notes)
    assert not any("Nadeau and Bengio" in note or "Bayesian" in note for note in table.notes)
    assert "models trained on the training part of the split" in table.caption
    record = table.records[1]
    assert record["fold_sd"] is record["max_se_low"] is record["p_nb"] is record["p_worse"] is None
    assert record["p_wilcoxon"] is record["p_sign_flip"] is record["p_naive_t"] is record["probability_better"] is None
    assert record["clustered_low"] < record["estimate"] < record["clustered_high"]


def test_rows_of_a_setting_order_the_list(metadata_study):
    study, results = metadata_study
    order = {"rows": "fusion.name", "row_order": ("multiply", "none")}
    (table,) = build(study, results, COMPARISONS | order)
    names = [row[0] for row in text_rows(table)]
    assert names == ["multiply age", "multiply age+sex", "image only", "concat age", "concat age+sex"]


def test_recall_is_mean_and_sd_over_folds_with_class_sizes(metadata_study):
    study, results = metadata_study
    (table,) = build(study, results, RECALL)
    assert [column.title for column in table.columns] == ["configuration", "mel", "nv", "df", "MCR, %", "macro F1, %"]
    assert table.columns[2].subtitle == f"{(study.labels == 1).sum()} / 60"
    recalls = results[1].fold_recalls("diagnosis")
    assert [cell.value for cell in table.rows[1][1:4]] == pytest.approx(recalls.mean(axis=0))
    assert [cell.spread for cell in table.rows[1][1:4]] == pytest.approx(recalls.std(axis=0, ddof=1))
    assert table.rows[1][4].value == pytest.approx(
        np.mean([one.mcr for one in (m["diagnosis"] for m in results[1].metrics.values())])
    )
    assert len(table.records) == 5 * 3


def test_who_has_no_reference_does_not_stand_in_the_table(metadata_study):
    study, results = metadata_study
    per_row = {"reference": {"fusion.name": "concat"}, "rows": "metadata.fields"}
    (table,) = build(study, results, COMPARISONS | per_row)
    assert [row[0].text for row in table.rows] == ["concat age", "multiply age", "concat age+sex", "multiply age+sex"]
    assert len(table.records) == 4
    assert "Not in this table, for the study names no reference for it: image only." in table.notes


def test_a_score_has_the_same_digits_in_every_table(metadata_study):
    study, results = metadata_study
    narrow = {"kind": "scores", "metrics": ("mcr", "auc"), "where": {"fusion.name": "concat"}}
    (comparisons,) = build(study, results, COMPARISONS)
    (scores,) = build(study, results, RECALL | narrow)
    (recall,) = build(study, results, RECALL)
    for metric, place, beside in (("mcr", 1, 1), ("auc", 2, 2)):
        digits = score_digits(results, metric, None)
        assert comparisons.columns[place].digits == scores.columns[beside].digits == digits
    assert recall.columns[4].digits == score_digits(results, "mcr", None)
    widths = [row[4].high - row[4].low for row in comparisons.rows if row[4].low is not None]
    assert comparisons.columns[3].digits == decimals(width / 2 for width in widths)


def test_the_best_recall_of_each_class_is_marked(metadata_study):
    study, results = metadata_study
    (table,) = build(study, results, RECALL)
    for place in range(1, 6):
        cells = [row[place] for row in table.rows]
        assert {cell.value for cell in cells if cell.bold} == {max(cell.value for cell in cells)}
    assert table.rows[1][5].value == pytest.approx(results[1].scores_of("f1").estimate)


def test_recall_of_a_class_that_folds_lack(make_study, configure):
    study = make_study(lesions=(30, 60, 3))
    results = [study.result(configure("none"), 1.0, label="image only")]
    (table,) = build(study, results, RECALL)
    recalls = results[0].fold_recalls("diagnosis")[:, 2]
    assert np.isnan(recalls).sum() == 2
    assert table.rows[0][3].value == pytest.approx(np.nanmean(recalls))
    assert any("leave it out of the mean: df (in 2 of 5 folds)" in note for note in table.notes)
    assert any("fewer than 20 lesions in df (3)" in note for note in table.notes)


def test_recall_of_each_target_and_of_incomplete_configurations(make_study, configure):
    study = make_study(targets=("diagnosis", "elevation"))
    results = [
        study.result(configure("none"), 1.0, label="image only"),
        study.result(configure("concat", "age"), 1.0, label="concat", missing=[(0, 0)]),
    ]
    tables = build(study, results, RECALL)
    assert [table.name for table in tables] == ["recall_diagnosis", "recall_elevation"]
    assert text_rows(tables[0])[1] == ["concat", *["– (4/5)"] * 5]
    (one,) = build(study, results, RECALL | {"target": "elevation"})
    assert one.name == "recall"
    with pytest.raises(AnalysisError, match="no target 'elevatio'; did you mean 'elevation'"):
        build(study, results, RECALL | {"target": "elevatio"})
