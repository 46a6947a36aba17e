"""Recalls, confusion, ROC and reliability: the counts and curves of scikit-learn on the same predictions."""

import numpy as np
import pytest
from sklearn.metrics import auc, confusion_matrix, recall_score, roc_curve

from analysis.figures.class_recall import class_recall_info
from analysis.figures.confusion import Confusion, confusion_info
from analysis.figures.reliability import reliability_info
from analysis.figures.roc import CORNERS, curve, roc_info


@pytest.fixture
def result(make_study, configure):
    return make_study().result(configure("concat", "age"), 1.0, label="concat")


def pooled(result):
    parts = [result.predictions[fold] for fold in sorted(result.predictions)]
    labels = np.concatenate([part.labels["diagnosis"] for part in parts])
    return labels, np.concatenate([part.probabilities["diagnosis"] for part in parts])


def test_recalls_are_those_of_scikit_learn_fold_by_fold(result):
    recalls = class_recall_info((result,), "diagnosis")
    for number, fold in enumerate(sorted(result.predictions)):
        part = result.predictions[fold]
        expected = recall_score(part.labels["diagnosis"], part.decisions("diagnosis"), average=None)
        assert [100 * one for one in expected] == pytest.approx([values[number] for values in recalls.folds[0]])
    assert recalls.means[0] == pytest.approx([np.mean(values) for values in recalls.folds[0]])
    assert [one.name for one in recalls.classes] == ["mel", "nv", "df"]
    assert recalls.left_out == 0


def test_the_confusion_matrix_is_that_of_scikit_learn(result):
    confusion = confusion_info(result, "diagnosis")
    labels, probabilities = pooled(result)
    decisions = probabilities.argmax(axis=1)
    assert confusion.counts.tolist() == confusion_matrix(labels, decisions).tolist()
    expected = 100 * confusion_matrix(labels, decisions, normalize="true")
    assert confusion.shares == pytest.approx(expected)


def test_a_class_without_samples_has_no_shares():
    shares = Confusion("one", ("a", "b"), np.array([[3, 1], [0, 0]])).shares
    assert shares[0].tolist() == [75.0, 25.0]
    assert np.isnan(shares[1]).all()


def test_the_printed_area_is_the_mean_of_the_folds(result):
    curves = roc_info(result, "diagnosis")
    assert [one.name for one in curves] == ["mel", "nv", "df"]
    for number, one in enumerate(curves):
        areas = [auc(*fold) for fold in one.folds]  # few samples: no corner is left out
        assert one.auc == pytest.approx(100 * np.mean(areas))
        labels, probabilities = pooled(result)
        false, true, _ = roc_curve(labels == number, probabilities[:, number])
        assert auc(*one.pooled) == pytest.approx(auc(false, true), abs=0.003)


def test_two_classes_have_one_curve_that_of_the_second(make_study, configure):
    result = make_study(lesions=(30, 40)).result(configure("none"), 1.0)
    assert [one.name for one in roc_info(result, "diagnosis")] == ["nv"]


def test_a_thinned_curve_keeps_its_ends_and_its_area():
    rng = np.random.default_rng(0)
    positive = rng.random(5000) < 0.1
    scores = rng.normal(size=5000) + positive
    false, true = curve(positive, scores)
    assert len(false) <= CORNERS
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert auc(false, true) == pytest.approx(auc(*roc_curve(positive, scores)[:2]), abs=0.005)


def test_the_printed_calibration_error_is_the_mean_of_the_folds(result):
    found = reliability_info(result, "diagnosis")
    errors = [result.metrics[fold]["diagnosis"].ece for fold in result.metrics]
    assert found.error == pytest.approx(100 * np.mean(errors))
    labels, probabilities = pooled(result)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    inside = (confidence > found.bins.low[12]) & (confidence <= found.bins.high[12])
    assert found.bins.counts[12] == inside.sum()
    assert found.bins.accuracy[12] == pytest.approx(right[inside].mean())
    assert found.bins.counts.sum() == len(labels)
