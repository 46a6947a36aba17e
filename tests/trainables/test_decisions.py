"""Thresholds: by hand, by exhaustive search, and inside a fold fit."""

import numpy as np
import pytest
import torch
from array_cohorts import cohort_of

from models.errors import InputError
from trainables.configuration import Configuration
from trainables.data import FitData
from trainables.decisions import Thresholds, youden_threshold
from trainables.fit import FoldFit
from trainables.folds import FoldSettings, make_splits


def test_by_hand_it_lies_between_the_two_scores_that_it_parts():
    assert youden_threshold(np.array([0, 0, 1, 0, 1]), np.array([0.1, 0.2, 0.4, 0.3, 0.9])) == pytest.approx(0.35)


def test_no_other_threshold_has_a_larger_index():
    rng = np.random.default_rng(0)
    labels = (rng.uniform(size=200) < 0.1).astype(int)
    scores = rng.normal(size=200) + labels
    scores = 1 / (1 + np.exp(-scores))

    def index(threshold):
        decided = scores >= threshold
        return decided[labels == 1].mean() + (~decided)[labels == 0].mean() - 1

    best = max(index(threshold) for threshold in np.linspace(0, 1, 2001))
    assert index(youden_threshold(labels, scores)) >= best


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_a_missing_class_leaves_one_half(labels):
    assert youden_threshold(np.array(labels), np.array([0.1, 0.2, 0.3])) == 0.5


def test_scores_that_tell_nothing_leave_one_half():
    assert youden_threshold(np.array([0, 1, 0, 1]), np.full(4, 0.2)) == 0.5


def test_only_targets_of_two_classes_have_one():
    codes, sure = np.array([[0, 0], [2, 1]]), np.eye(3)[[0, 2]]
    found = Thresholds.chosen(["dx", "mel"], codes, [sure, np.array([[0.9, 0.1], [0.6, 0.4]])])
    assert found.values == [None, pytest.approx(0.25)]
    assert found.as_metrics() == {"threshold:mel": pytest.approx(0.25)}
    assert Thresholds.none(["dx"]).as_metrics() == {}


def test_a_fold_fit_chooses_it_on_the_inner_part_and_never_on_the_evaluation_fold():
    cohort = cohort_of((["a"] * 9 + ["b"]) * 20)
    labels = cohort.labels("diagnosis")
    signal = np.random.default_rng(0).normal(size=(len(labels), 4)) + labels[:, None]
    data = FitData(torch.tensor(signal[:, :, None, None], dtype=torch.float32), torch.from_numpy(labels[:, None]))
    configuration = Configuration.of(
        {
            "fusion": {"name": "none"},
            "head": {"threshold": "youden"},
            "training": {"epochs": 40, "inner_share": 0.2, "learning_rate": 0.05},
        }
    )
    split = make_splits(cohort, FoldSettings(), 0.2)[0]

    def threshold(evaluated):
        other = data.features.clone()
        other[torch.from_numpy(split.test)] *= evaluated
        fit = FoldFit(configuration, split, cohort, FitData(other, data.targets), seed=0, threads=1)
        list(fit.run())
        return fit.outcome.metrics["threshold:diagnosis"]

    assert threshold(1.0) == threshold(-3.0)
    assert 0.0 < threshold(1.0) < 0.5  # one in ten is malignant


def test_a_threshold_needs_an_inner_part():
    with pytest.raises(
        InputError, match=r"head\.threshold=youden is chosen on the inner part .* set training.inner_share"
    ):
        Configuration.of({"head": {"threshold": "youden"}})
