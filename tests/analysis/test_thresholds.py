"""Recorded decision thresholds: each fold's own, for every metric of decisions, and said in the notes."""

import dataclasses

import numpy as np
import pytest

from analysis.tables import TableSpecification, build_tables

SETTINGS = {"fusion": {"name": "none"}, "head": {"threshold": "youden"}}


@pytest.fixture
def binary(make_study):
    return make_study(lesions=(60, 30))


def with_thresholds(study, thresholds, configuration=SETTINGS):
    """A result whose folds recorded these thresholds, in order."""
    original = study.record

    def record(identifier, settings, repeat, fold, **changes):
        metrics = {"threshold:diagnosis": thresholds[fold]}
        return dataclasses.replace(original(identifier, settings, repeat, fold, **changes), metrics=metrics)

    study.record = record
    try:
        return study.result(configuration, 1.0, label="youden")
    finally:
        study.record = original


def test_each_fold_decides_at_its_own_threshold(binary):
    thresholds = [0.05, 0.2, 0.5, 0.8, 0.95]
    found, half = with_thresholds(binary, thresholds), binary.result({"fusion": {"name": "none"}}, 1.0)
    for fold, threshold in enumerate(thresholds):
        record = binary.record("x", {}, 0, fold)
        frame = binary.frame(record, 1.0)
        positive = frame["target:diagnosis"] == "nv"
        decided = frame["probability:diagnosis:nv"] >= threshold
        scores = found.metrics[0, fold]["diagnosis"]
        assert scores.sensitivity == pytest.approx(decided[positive].mean())
        assert scores.specificity == pytest.approx((~decided[~positive]).mean())
        assert scores.mcr == pytest.approx((scores.sensitivity + scores.specificity) / 2)
    assert found.scores_of("auc").estimate == half.scores_of("auc").estimate
    assert found.scores_of("mcr").estimate != half.scores_of("mcr").estimate


def test_influences_use_the_thresholds_too(binary):
    everything = with_thresholds(binary, [0.0] * 5).scores_of("sensitivity")
    assert everything.estimate == 1.0
    assert everything.clustered_se == pytest.approx(0)  # all are decided positive, whatever the sample
    assert binary.result({"fusion": {"name": "none"}}, 1.0).scores_of("sensitivity").clustered_se > 0.01


def test_at_one_half_the_threshold_changes_nothing(binary):
    half = binary.result({"fusion": {"name": "none"}}, 1.0)
    for metric in ("mcr", "accuracy", "f1", "sensitivity"):
        same = with_thresholds(binary, [0.5] * 5).scores_of(metric)
        assert same.estimate == half.scores_of(metric).estimate
        assert np.array_equal(same.influence, half.scores_of(metric).influence)


def test_a_table_says_who_decides_at_a_threshold(binary):
    results = [with_thresholds(binary, [0.3] * 5), binary.result({"fusion": {"name": "none"}}, 1.0, label="half")]
    specification = TableSpecification(name="s", title="S", kind="scores", metrics=("sensitivity", "specificity"))
    for shown, who in ((results, "'youden'"), (results[:1], "all configurations")):
        (table,) = build_tables([specification], shown, binary.context(shown))
        note = next(note for note in table.notes if note.startswith("Threshold:"))
        assert f"in {who} each fold" in note


def test_a_fold_with_a_threshold_of_three_classes_failed(make_study):
    found = with_thresholds(make_study(), [0.5] * 5)
    assert found.progress == "0/5"
    assert "target 'diagnosis' of 3 classes has a threshold" in found.failures[0].reason
