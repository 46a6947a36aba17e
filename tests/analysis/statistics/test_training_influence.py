"""The influence of training samples: beside finite differences of the loss and of the smoothed metric."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_softmax, softmax

from analysis.statistics.influences import decision_influence
from analysis.statistics.sampling_error import larger_error
from analysis.statistics.training_influence import BANDWIDTH, training_influence


def made_up(classes=3, n=90, seed=3):
    """Return labels and probabilities of an unsure classifier, no class absent."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % classes)
    logits = 1.5 * np.eye(classes)[labels] + rng.normal(size=(n, classes)) + np.linspace(1, 0, classes)
    return labels, softmax(logits, axis=1)


def tempered(labels, probabilities):
    """Return log probabilities at the temperature of least log loss, by search."""
    logits = np.log(probabilities)
    betas = np.linspace(0.05, 5, 100_000)
    for _ in range(2):
        coarse = betas[:: max(1, len(betas) // 200)]
        loss = [-log_softmax(b * logits, axis=1)[np.arange(len(labels)), labels].mean() for b in coarse]
        best = coarse[int(np.argmin(loss))]
        betas = np.linspace(best * 0.95, best * 1.05, 100_000)
    return log_softmax(best * logits, axis=1)


def kernel_share(margin):
    """Return the integral of the triangular kernel up to a margin."""
    t = np.clip(margin / BANDWIDTH, -1, 1)
    return np.where(t < 0, (1 + t) ** 2 / 2, 1 - (1 - t) ** 2 / 2)


def numeric(labels, probabilities, weights):
    """Return the influence on MCR of each training sample by finite differences (n,), centred within classes.

    `weights` (n,): of the samples in the loss.
    """
    n, classes = probabilities.shape
    z = tempered(labels, probabilities)
    features = np.hstack([np.ones((n, 1)), z])
    rows, counts = np.arange(n), np.bincount(labels)
    first, second = np.argsort(-z, axis=1)[:, :2].T
    size = classes * (classes + 1)

    def moved(step):
        return z + features @ step.reshape(classes, classes + 1).T

    def losses(step):
        return -weights * log_softmax(moved(step), axis=1)[rows, labels]

    def smoothed(step):
        values = moved(step)
        share = kernel_share(values[rows, first] - values[rows, second])
        hit = share * (first == labels) + (1 - share) * (second == labels)
        return (hit / counts[labels]).sum() / classes

    unit = np.eye(size) * 1e-4
    scores = np.stack([(losses(-u) - losses(u)) / 2e-4 for u in unit], axis=1)
    slopes = [
        np.stack([losses(u + v) - losses(v - u) for u in unit], axis=1).mean(axis=0) / 2e-4 for v in (*unit, *-unit)
    ]
    curvature = (np.array(slopes[:size]) - np.array(slopes[size:])) / 2e-4 + np.eye(size) / n
    gradient = np.array([(smoothed(u) - smoothed(-u)) / 2e-4 for u in unit])
    influence = scores @ np.linalg.solve(curvature, gradient) / n
    return influence - (np.bincount(labels, influence) / counts)[labels]


@pytest.mark.parametrize("formula", ["none", "balanced", "complement"])
def test_beside_finite_differences(formula):
    labels, probabilities = made_up()
    labels, probabilities = labels[labels + np.arange(90) % 4 < 4], probabilities[labels + np.arange(90) % 4 < 4]
    shares = np.bincount(labels) / len(labels)
    assert np.ptp(shares) > 0.1
    weights = {"none": np.ones(3), "balanced": 1 / (3 * shares), "complement": 1 - shares}[formula][labels]
    expected = numeric(labels, probabilities, weights)
    assert np.abs(expected).max() > 1e-4
    found = training_influence("mcr", labels, probabilities, class_weights=formula)
    assert found == pytest.approx(expected, abs=0.01 * expected.std())


def test_a_learner_at_the_optimum_of_the_metric_is_not_moved():
    rng = np.random.default_rng(0)
    probabilities = softmax(2 * rng.normal(size=(40_000, 3)), axis=1)
    labels = (probabilities.cumsum(axis=1) < rng.random((40_000, 1))).sum(axis=1)  # calibrated: best for accuracy
    training = training_influence("accuracy", labels, probabilities)
    evaluation = decision_influence("accuracy", labels, probabilities.argmax(axis=1), 3)
    assert training.std() < 0.1 * evaluation.std()


@pytest.mark.parametrize("metric", ["mcr", "accuracy", "f1", "precision", "macro_specificity", "ovr_balanced_accuracy"])
def test_overconfidence_order_and_doubling(metric):
    labels, probabilities = made_up()
    found = training_influence(metric, labels, probabilities)
    assert np.ptp(found) > 0
    sharp = softmax(4 * np.log(probabilities), axis=1)
    assert training_influence(metric, labels, sharp) == pytest.approx(found, abs=0.02 * found.std())
    assert training_influence(metric, labels[::-1], probabilities[::-1]) == pytest.approx(found[::-1])
    assert np.bincount(labels, found) == pytest.approx(0, abs=1e-12)


def test_metrics_of_two_classes_belong_to_two_classes():
    for metric in ("sensitivity", "specificity"):
        assert np.isfinite(training_influence(metric, *made_up(classes=2))).all()
        assert np.isnan(training_influence(metric, *made_up())).all()


def test_certain_predictions_and_an_absent_class_stay_finite():
    labels = np.arange(30) % 2
    certain = np.eye(3)[labels]
    assert training_influence("mcr", labels, certain) == pytest.approx(np.zeros(30))
    certain[:5] = certain[:5, [1, 0, 2]]
    assert np.isfinite(training_influence("mcr", labels, certain)).all()
    assert np.isnan(training_influence("mcr", labels, np.ones((30, 1)))).all()


def labels_of(folds, target):
    """Return the class of every sample, by sample id."""
    return pd.concat([pd.Series(part.labels[target], part.samples) for part in folds]).sort_index()


def test_scores_of_decisions_carry_it_where_every_sample_is_evaluated(make_study, configure):
    result = make_study().result(configure("none"), 0.8)
    scores, folds = result.scores_of("mcr"), list(result.predictions.values())
    (target,) = folds[0].labels
    labels = np.concatenate([part.labels[target] for part in folds])
    probabilities = np.concatenate([part.probabilities[target] for part in folds])
    samples = np.concatenate([part.samples for part in folds])
    assert scores.training is not None
    assert scores.training[samples].to_numpy() == pytest.approx(training_influence("mcr", labels, probabilities))
    weighted = make_study().result({**configure("none"), "loss": {"class_weights": "balanced"}}, 0.8)
    expected = training_influence("mcr", labels, probabilities, class_weights="balanced")
    assert weighted.scores_of("mcr").training[samples].to_numpy() == pytest.approx(expected)
    assert scores.fewest == pd.Series(scores.groups).groupby(labels_of(folds, target)).nunique().min()
    error = larger_error(
        scores.influence.to_numpy(), scores.training.to_numpy(), scores.groups.to_numpy(), fewest=scores.fewest
    )
    assert scores.sampling_error == error
    assert result.scores_of("auc").training is None


def test_a_single_split_has_none_and_keeps_the_clustered_interval(make_study, configure):
    result = make_study(folds=1, plan="holdout").result(configure("none"), 0.8)
    scores = result.scores_of("mcr")
    assert scores.training is None
    assert scores.max_se_interval() == scores.clustered_interval()
