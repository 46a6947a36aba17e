"""Do the intervals cover and the tests hold their size? A part of the table of docs/statistics.md, with fewer repeats.

Lesions with one to four images, six classes with the shares of PAD-UFES-20, lesion-grouped folds, learners that are
stable and that differ from fit to fold; `benchmarks/simulate_intervals.py` is the simulator. Bounds are .93 to .97 and
.03 to .07 widened by three standard errors of the repeats.
"""

import numpy as np
import pytest

from analysis.ranking import macro_auc
from benchmarks.simulate_intervals import RULES, SETTINGS, deal, discriminate, draw, fold_auc, operating, simulate

REPEATS = 1500


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "separated, k=5, 2300",
        "overlapping, k=5, 2300",
        "overlapping, k=10, 2300",
        "middling, k=5, 1000, seed-noisy",
    ],
)
def test_max_se_covers_and_holds_its_size(name):
    found = simulate(SETTINGS[name], REPEATS, seed=5)
    at = {rule: operating(found, RULES[rule]) for rule in ("max-SE", "NB", "clustered z")}
    margin = 3 * np.sqrt(0.05 * 0.95 / REPEATS)
    assert 0.93 - margin <= at["max-SE"].coverage <= min(1.0, 0.97 + margin)
    assert max(0.0, 0.03 - margin) <= at["max-SE"].size <= 0.07 + margin
    assert at["max-SE"].width < 0.85 * at["NB"].width
    assert at["max-SE"].power > at["NB"].power + 0.1
    assert at["NB"].coverage >= 0.95 - margin
    assert at["clustered z"].coverage < at["max-SE"].coverage


def test_the_simulator_deals_lesions_whole_and_scores_as_the_library():
    rng, setting = np.random.default_rng(0), SETTINGS["separated, k=5, 1000 images"]
    classes, labels, lesions, views = draw(rng, setting)
    by_lesion = deal(rng, classes, 5)
    spread = np.stack([np.bincount(by_lesion[classes == c], minlength=5) for c in range(6)])
    assert np.ptp(spread, axis=1).max() <= 1
    fold = by_lesion[lesions]
    chances = discriminate(rng, views[0], labels, fold, setting)
    assert chances.sum(axis=1) == pytest.approx(1)
    assert fold_auc(labels[fold == 0], chances[fold == 0]) == pytest.approx(
        macro_auc(labels[fold == 0], chances[fold == 0])
    )


def test_the_simulated_discriminant_is_scikit_learns():
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rng, setting = np.random.default_rng(0), SETTINGS["overlapping, k=5, 1000 images"]
    classes, labels, lesions, views = draw(rng, setting)
    fold = deal(rng, classes, 5)[lesions]
    chances = discriminate(rng, views[0], labels, fold, setting)
    model = LinearDiscriminantAnalysis().fit(views[0][fold != 2], labels[fold != 2])
    assert chances[fold == 2] == pytest.approx(model.predict_proba(views[0][fold == 2]), abs=0.02)
    assert (chances[fold == 2].argmax(axis=1) == model.predict(views[0][fold == 2])).mean() > 0.99
