"""Metrics against scikit-learn and numbers worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    multilabel_confusion_matrix,
    precision_score,
    recall_score,
    roc_auc_score,
)

from analysis.errors import AnalysisError
from analysis.metrics import (
    accuracy,
    decide,
    fold_metrics,
    mean_class_recall,
    per_class_recall,
)
from analysis.ranking import macro_auc, per_class_auc

HAM10000 = {"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142}


def one_hot(predicted, classes):
    return np.eye(classes)[np.asarray(predicted)]


@st.composite
def predictions(draw):
    classes = draw(st.integers(2, 4))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=2, max_size=25))
    rows = st.lists(st.integers(0, 4), min_size=classes, max_size=classes)  # few values, so that ties occur
    scores = draw(st.lists(rows, min_size=len(labels), max_size=len(labels)))
    return np.array(labels), np.array(scores, dtype=float)


def test_predicting_nv_for_all_of_ham10000_is_chance_in_mcr_and_good_in_accuracy():
    labels = np.repeat(np.arange(7), list(HAM10000.values()))
    always_nv = one_hot(np.full(len(labels), list(HAM10000).index("nv")), 7)
    assert mean_class_recall(labels, always_nv) == pytest.approx(1 / 7)
    assert accuracy(labels, always_nv) == pytest.approx(0.6695, abs=5e-5)
    assert macro_auc(labels, always_nv) == pytest.approx(0.5)


def test_recall_by_hand_leaves_an_absent_class_out_of_the_mean():
    # class 0: 2 of 3 recognised, class 1: 1 of 2, class 2 absent although it is predicted once
    labels, predicted = np.array([0, 0, 0, 1, 1]), one_hot([0, 0, 2, 1, 0], 3)
    assert per_class_recall(labels, predicted)[:2] == pytest.approx([2 / 3, 1 / 2])
    assert np.isnan(per_class_recall(labels, predicted)[2])
    assert mean_class_recall(labels, predicted) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_auc_by_hand_counts_ties_half_and_leaves_an_undefined_class_out():
    labels = np.array([0, 0, 1, 1])
    scores = np.array([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.2, 0.8, 0.0]])
    # class 0: pairs .9>.5, .9>.2, .5=.5, .5>.2 -> 3.5 of 4; class 1 mirrors it; class 2 has no positive
    assert per_class_auc(labels, scores)[:2] == pytest.approx([3.5 / 4, 3.5 / 4])
    assert macro_auc(labels, scores) == pytest.approx(3.5 / 4)
    assert np.isnan(macro_auc(np.zeros(3, dtype=int), np.full((3, 2), 0.5)))


@pytest.mark.filterwarnings("ignore::UserWarning")  # scikit-learn warns of absent classes
@given(predictions())
def test_metrics_equal_scikit_learns(case):
    labels, scores = case
    assert mean_class_recall(labels, scores) == pytest.approx(balanced_accuracy_score(labels, scores.argmax(axis=1)))
    for number, area in enumerate(per_class_auc(labels, scores)):
        positive = labels == number
        if 0 < positive.sum() < len(labels):
            assert area == pytest.approx(roc_auc_score(positive, scores[:, number]))
        else:
            assert np.isnan(area)


@given(predictions())
def test_averages_over_the_classes_with_samples_equal_scikit_learns(case):
    labels, scores = case
    predicted, present, found = scores.argmax(axis=1), np.unique(case[0]), fold_metrics(*case)
    macro = {"labels": present, "average": "macro", "zero_division": 0}
    assert found.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert found.precision == pytest.approx(precision_score(labels, predicted, **macro))
    assert found.f1 == pytest.approx(f1_score(labels, predicted, **macro))
    f1s = f1_score(labels, predicted, labels=present, average=None, zero_division=0)
    assert np.array(found.f1s)[present] == pytest.approx(f1s)
    assert found.micro_auc == pytest.approx(roc_auc_score(np.eye(scores.shape[1])[labels].ravel(), scores.ravel()))
    if len(present) > 1:  # a single class has no negatives
        tables = multilabel_confusion_matrix(labels, predicted, labels=present)
        sensitivities, specificities = tables[:, 1, 1] / tables[:, 1].sum(1), tables[:, 0, 0] / tables[:, 0].sum(1)
        assert found.macro_specificity == pytest.approx(specificities.mean())
        assert found.ovr_balanced_accuracy == pytest.approx((sensitivities + specificities).mean() / 2)


def test_sensitivity_and_specificity_belong_to_two_classes_the_second_being_positive():
    labels, predicted = np.array([0, 0, 0, 1, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1, 0])
    found = fold_metrics(labels, one_hot(predicted, 2))
    assert (found.sensitivity, found.specificity) == (0.75, pytest.approx(2 / 3))
    assert found.sensitivity == recall_score(labels, predicted)
    assert np.isnan(fold_metrics(labels, one_hot(predicted, 3)).sensitivity)


def test_balanced_accuracy_one_against_the_rest_is_not_mean_class_recall():
    # recalls 1, 0, 0; specificities 0 (all others are taken for class 0), 1, 1
    found = fold_metrics(np.array([0, 1, 2]), one_hot([0, 0, 0], 3))
    assert found.mcr == pytest.approx(1 / 3)
    assert found.ovr_balanced_accuracy == pytest.approx((0.5 + 0.5 + 0.5) / 3)
    assert found.precision == pytest.approx(1 / 9)  # 1/3 for class 0, and 0 for what is never predicted


def test_a_threshold_moves_every_metric_of_decisions_and_no_auc():
    labels, positive = np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.2, 0.4])
    scores = np.column_stack([1 - positive, positive])
    half, low = fold_metrics(labels, scores), fold_metrics(labels, scores, threshold=0.2)
    assert (half.sensitivity, half.specificity, half.mcr) == (0.0, 1.0, 0.5)
    assert (low.sensitivity, low.specificity, low.mcr, low.accuracy) == (1.0, 0.5, 0.75, 0.75)
    assert (half.auc, half.micro_auc) == (low.auc, low.micro_auc)
    assert decide(scores, 0.2).tolist() == [0, 1, 1, 1]  # from the threshold on
    with pytest.raises(AnalysisError, match=r"threshold=0\.2 belongs to two classes, there are 3"):
        decide(np.zeros((1, 3)), 0.2)


@given(predictions(), st.integers(2, 5))
def test_mcr_and_one_class_recalls_do_not_depend_on_prevalence(case, times):
    labels, scores = case
    again = np.concatenate([np.arange(len(labels)), np.repeat(np.flatnonzero(labels == labels[0]), times)])
    assert mean_class_recall(labels[again], scores[again]) == pytest.approx(mean_class_recall(labels, scores))
    assert per_class_auc(labels[again], scores[again])[labels[0]] == pytest.approx(
        per_class_auc(labels, scores)[labels[0]], nan_ok=True
    )


def test_fold_metrics_gathers_them_all():
    labels, predicted = np.array([0, 0, 1]), one_hot([0, 1, 1], 2)
    found = fold_metrics(labels, predicted)
    assert (found.mcr, found.accuracy, found.class_counts) == (0.75, pytest.approx(2 / 3), (2, 1))
    assert found.recalls == (0.5, 1.0)
    assert found.auc == pytest.approx(np.mean(found.aucs))


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([], np.zeros((0, 2)), "no predictions"),
        ([0, 1], np.zeros((3, 2)), "do not fit"),
        ([0, 2], np.zeros((2, 2)), "from 0 to 2"),
        ([0, 1], [[0.5, np.nan], [1, 0]], "1 predictions hold"),
    ],
)
def test_predictions_that_cannot_be_scored_are_refused(labels, probabilities, message):
    with pytest.raises(AnalysisError, match=message):
        fold_metrics(np.array(labels, dtype=int), np.array(probabilities))
