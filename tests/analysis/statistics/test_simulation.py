"""Do the intervals cover and the tests hold their size? The simulation of statistics.md section 2, smaller.

Lesions with one to four images, six classes with the shares of PAD-UFES-20, lesion-grouped folds, linear discriminant
analysis on two exchangeable views, so that the null is true. Bounds allow for three standard errors of 250 repeats.
Measured while writing this, 200 repeats: with SEPARATION 1.5 or 2.2 max-SE covers .93 and rejects .07 to .085 of true
nulls, NB .98 and .005 to .02; with classes that overlap more (1.1 and stronger lesion effects, MCR .43) max-SE covers
.86 to .92 and rejects .11 to .14, while NB rejects .02 to .04: no out-of-fold SE sees all of the training noise.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import StratifiedGroupKFold

from analysis.metrics import mean_class_recall
from analysis.scores import MetricScores
from analysis.statistics.clustering import mcr_influence
from analysis.statistics.comparisons import compare

SHARES = np.array([0.37, 0.32, 0.11, 0.10, 0.078, 0.022])
SEPARATION = 1.5
CENTRES = SEPARATION * np.random.default_rng(99).normal(size=(6, 4))
REPEATS = 250


def draw(rng, n_lesions):
    """Return labels (n,), lesions (n,) and two views (2, n, 4); a class has at least 14 lesions."""
    classes = np.repeat(np.arange(6), np.maximum((SHARES * n_lesions).astype(int), 14))
    lesions = np.repeat(np.arange(len(classes)), rng.integers(1, 5, len(classes)))
    shared = rng.normal(size=(2, len(classes), 4))[:, lesions]
    views = CENTRES[classes[lesions]] + 0.7 * shared + 0.7 * rng.normal(size=(2, len(lesions), 4))
    return classes[lesions], lesions, views


def cross_validated(view, labels, lesions, folds, future):
    """Return the scores of one view over the folds, and the MCR of each of its models on future samples."""
    probabilities, by_fold, samples, expected = np.zeros((len(labels), 6)), {}, {}, []
    for fold, (train, test) in enumerate(folds):
        model = LinearDiscriminantAnalysis().fit(view[train], labels[train])
        probabilities[test] = model.predict_proba(view[test])
        by_fold[0, fold] = mean_class_recall(labels[test], probabilities[test])
        samples[0, fold] = frozenset(map(str, test))
        if future is not None:
            expected.append(mean_class_recall(future[0], model.predict_proba(future[1])))
    ids = np.arange(len(labels)).astype(str)
    influence = pd.Series(mcr_influence(labels, probabilities), ids)
    scores = MetricScores("mcr", by_fold, samples, influence, pd.Series(lesions, ids), 5, 0.25)
    return scores, expected


@pytest.mark.slow
def test_coverage_and_size():
    rng = np.random.default_rng(5)
    labels, _, views = draw(rng, 40_000)  # its own error must not count
    future = labels, views[0]
    intervals, expected, p_values = [], [], {"nb": [], "max_se": []}
    for repeat in range(REPEATS):
        labels, lesions, views = draw(rng, 400)
        splitter = StratifiedGroupKFold(5, shuffle=True, random_state=repeat)
        folds = list(splitter.split(labels, labels, lesions))
        one, on_future = cross_validated(views[0], labels, lesions, folds, future if repeat < 20 else None)
        other, _ = cross_validated(views[1], labels, lesions, folds, None)
        intervals.append((one.max_se_interval(), one.nadeau_bengio_interval()))
        expected += on_future
        found = compare(one, other)
        p_values["nb"].append(found.corrected_t.p)
        p_values["max_se"].append(found.max_se.p)
    truth = np.mean(expected)
    max_se, nb = (np.mean([pair[i].low <= truth <= pair[i].high for pair in intervals]) for i in (0, 1))
    widths = [np.mean([pair[i].half_width for pair in intervals]) for i in (0, 1)]
    assert 0.89 <= max_se <= 0.99
    assert nb >= 0.95
    assert widths[0] < 0.75 * widths[1]
    assert np.mean(np.array(p_values["nb"]) < 0.05) <= 0.05
    assert 0.01 <= np.mean(np.array(p_values["max_se"]) < 0.05) <= 0.14
