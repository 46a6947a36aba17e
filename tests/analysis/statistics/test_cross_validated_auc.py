"""The cvAUC interval against R 4.2.2: the statements of cvAUC 1.1's `ci.cvAUC` and `ci.pooled.cvAUC`."""

import numpy as np
import pytest

from analysis.citations import CITATIONS
from analysis.errors import AnalysisError
from analysis.ranking import macro_auc
from analysis.statistics.clustering import auc_influence, clustered_se
from analysis.statistics.cross_validated_auc import RankedFold, cross_validated_auc

SCORES = (
    [0.11, 0.82, 0.34, 0.55, 0.67, 0.21, 0.93],
    [0.44, 0.36, 0.71, 0.12, 0.58, 0.87],
    [0.31, 0.62, 0.15, 0.77, 0.49, 0.91, 0.05, 0.28],
)
LABELS = ([0, 1, 0, 1, 0, 0, 1], [0, 1, 1, 0, 0, 1], [0, 1, 0, 1, 1, 1, 0, 0])
GROUPS = ([1, 2, 1, 2, 3, 3, 4], [5, 6, 6, 7, 5, 8], [9, 10, 9, 10, 11, 12, 13, 13])


def folds(*, grouped):
    return [
        RankedFold(np.array(y), np.column_stack([1 - np.array(s), s]), np.array(g) if grouped else None)
        for s, y, g in zip(SCORES, LABELS, GROUPS, strict=True)
    ]


def test_it_equals_rs_without_and_with_groups():
    alone, clustered = (cross_validated_auc([folds(grouped=grouped)]) for grouped in (False, True))
    assert alone.estimate == clustered.estimate == pytest.approx(0.898148148148148)
    assert alone.se == pytest.approx(0.0726386595395881, rel=1e-12)  # ci.cvAUC(scores, labels)$se
    assert clustered.se == pytest.approx(0.0510106218928634, rel=1e-12)  # ci.pooled.cvAUC(scores, labels, ids=groups)
    assert (alone.low, alone.high) == (pytest.approx(0.898148148148148 - 1.959963984540054 * alone.se), 1.0)
    assert (alone.size.n_folds, alone.size.n_samples, alone.size.n_groups) == (3, 21, None)
    assert (clustered.size.n_groups, clustered.method) == (13, "cvAUC, clustered")
    assert alone.citation in CITATIONS


def several(seed, classes=3, n_folds=5):
    """Stratified folds of lesions with two images of one class."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n_folds):
        labels = np.repeat(np.arange(classes), 30)
        scores = np.eye(classes)[labels] + np.repeat(rng.normal(size=(45, classes)), 2, axis=0)
        found.append(RankedFold(labels, scores, np.array([f"{number}-{i // 2}" for i in range(90)])))
    return found


def test_of_several_classes_it_agrees_with_the_clustered_influences():
    repeat = several(0)
    found = cross_validated_auc([repeat])
    assert found.estimate == pytest.approx(np.mean([macro_auc(one.labels, one.probabilities) for one in repeat]))
    influence = np.concatenate([auc_influence(one.labels, one.probabilities) / 5 for one in repeat])
    # equal folds with equal shares: only the factor G/(G-1) is between them
    expected = clustered_se(influence, np.concatenate([one.groups for one in repeat])) * np.sqrt(224 / 225)
    assert found.se == pytest.approx(expected, rel=1e-9)


def test_repeats_of_the_same_samples_do_not_shrink_it():
    first, second = several(0), several(1)
    both = cross_validated_auc([first, second])
    alone = [cross_validated_auc([one]) for one in (first, second)]
    assert both.estimate == pytest.approx(np.mean([one.estimate for one in alone]))
    assert both.se**2 == pytest.approx(np.mean([one.se**2 for one in alone]))
    assert (both.size.n_folds, both.size.n_repeats, both.size.n_samples) == (10, 2, 450)


def test_perfect_rankings_have_the_point_one():
    labels = np.array([0, 0, 1, 1])
    found = cross_validated_auc([[RankedFold(labels, np.eye(2)[labels])] * 2])
    assert (found.estimate, found.low, found.high, found.se) == (1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("repeats", "message"),
    [
        ([], "at least one fold"),
        ([[]], "at least one fold"),
        ([[RankedFold(np.array([0, 0]), np.eye(2))]], r"holds \[2, 0\] samples of the classes"),
        ([[*folds(grouped=True), folds(grouped=True)[0]]], "a group stands in two folds"),
        ([[folds(grouped=True)[0], folds(grouped=False)[1]]], "either all folds have groups or none"),
        ([[folds(grouped=False)[0], several(0)[0]]], "folds of 2 and 3 classes"),
    ],
)
def test_folds_without_a_common_auc_are_refused(repeats, message):
    with pytest.raises(AnalysisError, match=message):
        cross_validated_auc(repeats)
