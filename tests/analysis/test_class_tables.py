"""Tables by class: cells as scikit-learn's, the intervals of the long CSV, and classes that are absent."""

import csv
import io

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_score, roc_auc_score

from analysis.statistics.delong import delong_interval, delong_test
from analysis.statistics.proportions import wilson_interval
from analysis.tables import TableSpecification, build_tables, render_all

KINDS = {
    "per-class-precision": ("class_precision", "macro precision, %"),
    "per-class-auc": ("class_auc", "AUC, %"),
    "per-class-average-precision": ("class_average_precision", "macro AP, %"),
}


def table_of(kind, study, *results, **settings):
    specification = TableSpecification(name="t", title="T", kind=kind, **settings)
    (table,) = build_tables([specification], results, study.context(results))
    return table


def of_fold(kind, labels, probabilities, number):
    """What scikit-learn gives one class."""
    if kind == "per-class-precision":
        return precision_score(labels, probabilities.argmax(axis=1), labels=[number], average=None, zero_division=0)[0]
    peer = roc_auc_score if kind == "per-class-auc" else average_precision_score
    return peer(labels == number, probabilities[:, number])


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_means_and_sds_over_folds_of_scikit_learns(kind, make_study, configure):
    study = make_study()
    result = study.result(configure("concat", "age"), 1.2, label="concat age")
    table = table_of(kind, study, result)
    assert [column.title for column in table.columns] == ["configuration", *study.classes, KINDS[kind][1]]
    parts = [result.predictions[fold] for fold in sorted(result.predictions)]
    for number in range(3):
        values = [of_fold(kind, p.labels["diagnosis"], p.probabilities["diagnosis"], number) for p in parts]
        cell = table.rows[0][1 + number]
        assert (cell.value, cell.spread) == (pytest.approx(np.mean(values)), pytest.approx(np.std(values, ddof=1)))
    assert table.rows[0][-1].value == pytest.approx(np.mean([cell.value for cell in table.rows[0][1:-1]]))
    assert {record["metric"] for record in table.records} == {KINDS[kind][0]}


@pytest.mark.parametrize("kind", ["per-class-recall", "per-class-f1", *KINDS])
def test_every_class_has_a_clustered_interval_around_its_mean(kind, make_study, configure):
    study = make_study(repeats=2)
    table = table_of(kind, study, study.result(configure("concat", "age"), 1.2))
    for record in table.records:
        half = 1.959963984540054 * record["clustered_se"]
        assert 0 < half < 0.3
        assert record["clustered_low"] == pytest.approx(max(0.0, record["estimate"] - half))
        assert record["clustered_high"] == pytest.approx(min(1.0, record["estimate"] + half))
    (long,) = [text for name, text in render_all([table]).items() if name == "t_long.csv"]
    rows = list(csv.DictReader(io.StringIO(long.decode())))
    assert [float(row["clustered_low"]) for row in rows] == [record["clustered_low"] for record in table.records]


def test_a_recalls_wilson_interval_counts_lesions_not_images(make_study, configure):
    study = make_study()
    result = study.result(configure("concat", "age"), 1.2)
    for record in table_of("per-class-recall", study, result).records:
        found = wilson_interval(record["estimate"], n=record["effective_n"])
        assert (record["wilson_low"], record["wilson_high"]) == (found.low, found.high)
        assert 1 <= record["effective_n"] <= record["n_samples"]
        assert found.high - found.low > 0.9 * (record["clustered_high"] - record["clustered_low"])


def test_a_recall_of_one_is_no_certainty(make_study, configure):
    study = make_study()
    records = table_of("per-class-recall", study, study.result(configure("concat", "age"), 30.0)).records
    assert [record["estimate"] for record in records] == [1, 1, 1]
    assert [record["effective_n"] for record in records] == [30, 60, 24]  # lesions
    assert all(record["clustered_low"] == 1 > record["wilson_low"] > 0.85 for record in records)


def test_cvauc_stands_beside_auc_of_a_class_and_of_all(make_study, configure):
    study = make_study()
    result = study.result(configure("concat", "age"), 1.2)
    records = table_of("per-class-auc", study, result).records
    for record in records:
        assert record["cvauc_se"] == pytest.approx(record["clustered_se"], rel=0.25)  # weighted by shares of all folds
        assert record["cvauc_low"] < record["estimate"] < record["cvauc_high"]
        assert record["delong_low"] is None
    rows = table_of("scores", study, result, metrics=("mcr", "auc")).records
    assert rows[1]["cvauc_se"] == pytest.approx(result.scores_of("auc").clustered_se, rel=0.25)
    assert "cvauc_se" not in rows[0]


def test_a_single_split_has_delongs_clustered_interval(make_study, configure):
    study = make_study(folds=1, plan="holdout", lesions=(60, 30))
    result = study.result(configure("concat", "age"), 1.0)
    (part,) = result.predictions.values()
    labels, probabilities = part.labels["diagnosis"], part.probabilities["diagnosis"]
    expected = delong_interval(labels == 1, probabilities[:, 1], groups=part.groups)
    record = table_of("per-class-auc", study, result).records[1]
    assert (record["delong_low"], record["delong_high"]) == (expected.low, expected.high)
    (row,) = table_of("scores", study, result, metrics=("auc",)).records
    assert (row["delong_low"], row["delong_high"]) == (expected.low, expected.high)


def test_a_single_split_has_delongs_paired_test(make_study, configure):
    study = make_study(folds=1, plan="holdout", lesions=(60, 30))
    results = [study.result(configure("none"), 0.3), study.result(configure("concat", "age"), 2.0, seed=2)]
    table = table_of("comparisons", study, *results, reference={"fusion.name": "none"}, metrics=("auc",))
    first, second = (next(iter(result.predictions.values())) for result in results)
    expected = delong_test(
        second.labels["diagnosis"],
        first.probabilities["diagnosis"][:, 1],
        second.probabilities["diagnosis"][:, 1],
        groups=second.groups,
    )
    assert [record["p_delong"] for record in table.records] == [None, expected.p]
    assert 0 < expected.p < 0.05


def test_a_class_that_folds_lack_is_missing_there_and_has_no_cvauc(make_study, configure):
    study = make_study(lesions=(30, 60, 3))
    result = study.result(configure("concat", "age"), 1.2)
    rare = table_of("per-class-auc", study, result).records[2]
    present = [fold for fold in result.metrics if result.metrics[fold]["diagnosis"].class_counts[2]]
    assert 0 < len(present) < 5
    assert rare["fold_scores"].split().count("nan") == 5 - len(present)
    areas = [result.metrics[fold]["diagnosis"].aucs[2] for fold in present]
    assert rare["estimate"] == pytest.approx(np.mean(areas))
    assert rare["cvauc_low"] is None
    assert rare["clustered_se"] > 0
    (row,) = table_of("scores", study, result, metrics=("auc",)).records
    assert row["cvauc_low"] is None


def test_a_class_that_no_fold_holds_has_no_interval(make_study, configure):
    study = make_study(lesions=(30, 60, 0))
    result = study.result(configure("concat", "age"), 1.2)
    for kind in ("per-class-recall", *KINDS):
        record = table_of(kind, study, result).records[2]
        assert np.isnan(record["estimate"])
        assert record["clustered_se"] is record["clustered_low"] is None
