"""Losses against torch and torchvision, class weights against the papers' numbers, and settings that cannot be."""

from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from models.errors import InputError
from trainables.losses import FORMULAS, LOSSES, LossSettings, WeightFormula, class_weights, create_loss

# HAM10000: akiec, bcc, bkl, df, mel, nv, vasc
COUNTS = np.array([327, 514, 1099, 115, 1113, 6705, 142])
PUBLISHED = {
    "balanced": [4.3753, 2.7835, 1.3018, 12.4410, 1.2855, 0.2134, 10.0755],
    "complement": [0.1345, 0.0839, 0.0368, 0.3907, 0.0363, 0.0022, 0.3156],
}


def draw(classes=7, batch=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, classes, generator=generator)
    return logits, torch.randint(classes, (batch,), generator=generator)


def loss_of(logits, targets, counts=COUNTS, **settings):
    return create_loss(LossSettings(**settings), [np.asarray(counts)])((logits,), targets[:, None])


@pytest.mark.parametrize("formula", PUBLISHED)
def test_class_weights_of_ham10000_are_the_published_ones(formula):
    np.testing.assert_allclose(class_weights(formula, COUNTS), PUBLISHED[formula], atol=5e-5)


@pytest.mark.parametrize(
    ("formula", "expected"),  # by hand for 2, 4 and 10 samples
    [
        ("none", [1, 1, 1]),
        ("balanced", [16 / 6, 16 / 12, 16 / 30]),
        ("complement", [7 / 10.6, 3 / 10.6, 0.6 / 10.6]),
        ("inverse", [0.5 / 0.85, 0.25 / 0.85, 0.1 / 0.85]),
        ("frequency", [8, 4, 1.6]),
        ("maximum", [5, 2.5, 1]),
        ("median-frequency", [2, 1, 0.4]),
    ],
)
def test_class_weights_by_hand(formula, expected):
    np.testing.assert_allclose(class_weights(formula, np.array([2, 4, 10])), expected)


def test_every_formula_that_settings_take_exists():
    assert set(get_args(WeightFormula)) == {"none", *FORMULAS}


@given(formula=st.sampled_from(sorted(FORMULAS)), counts=st.lists(st.integers(0, 10_000), min_size=1, max_size=9))
def test_an_absent_class_weighs_nothing_and_changes_no_other(formula, counts):
    counts = np.array([*counts, 5])
    weights = class_weights(formula, counts)
    assert np.isfinite(weights).all()
    assert (weights[counts == 0] == 0).all()
    np.testing.assert_array_equal(weights[counts > 0], class_weights(formula, counts[counts > 0]))


@given(counts=st.lists(st.integers(1, 10_000), min_size=2, max_size=9, unique=True))
@pytest.mark.parametrize("formula", sorted(FORMULAS))
def test_a_rarer_class_weighs_more(formula, counts):
    weights = class_weights(formula, np.array(counts))
    assert (np.diff(weights[np.argsort(counts)]) < 0).all()


def test_class_weights_without_samples_or_formula_are_refused():
    with pytest.raises(InputError, match="'balanced' need training samples"):
        class_weights("balanced", np.zeros(3))
    with pytest.raises(InputError, match=r"'balancd' are not known \(known: none, balanced"):
        class_weights("balancd", COUNTS)


@pytest.mark.parametrize("name", LOSSES.names())
class TestEveryLoss:
    def test_is_a_positive_number_with_finite_gradients(self, name):
        logits, targets = draw()
        logits.requires_grad_()
        value = loss_of(logits, targets, name=name)
        value.backward()
        assert value.ndim == 0
        assert value > 0
        assert logits.grad.isfinite().all()
        assert logits.grad.any()

    def test_falls_towards_zero_as_the_truth_is_predicted(self, name):
        logits, targets = draw()
        right = functional.one_hot(targets, 7).float()
        values = [loss_of(logits + certainty * right, targets, name=name) for certainty in (0, 5, 50)]
        assert values[0] > values[1] > values[2]
        assert values[2] < 1e-6

    def test_is_the_mean_over_targets_each_with_its_own_counts(self, name):
        (first, first_targets), (second, second_targets) = draw(7), draw(2, seed=1)
        loss = create_loss(LossSettings(name=name), [COUNTS, np.array([90, 10])])
        both = loss((first, second), torch.stack([first_targets, second_targets], dim=1))
        alone = loss_of(first, first_targets, name=name), loss_of(second, second_targets, [90, 10], name=name)
        torch.testing.assert_close(both, torch.stack(alone).mean())

    def test_takes_bfloat16_logits(self, name):
        logits, targets = draw()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss_of(logits.bfloat16(), targets, name=name)
        torch.testing.assert_close(value.float(), loss_of(logits, targets, name=name), atol=0.02, rtol=0.02)

    def test_certain_and_wrong_is_finite(self, name):
        logits = torch.tensor([[200.0, 0.0], [-200.0, 0.0]], requires_grad=True)
        for target in (0, 1):
            value = loss_of(logits, torch.tensor([target, target]), [5, 5], name=name, gamma=0.5)
            (gradient,) = torch.autograd.grad(value, logits)
            assert value.isfinite()
            assert gradient.isfinite().all()

    def test_its_canonical_settings_make_the_same_loss(self, name):
        settings = LossSettings(name=name, gamma=1.5)
        again = LossSettings(**settings.canonical())
        assert again.canonical() == settings.canonical()
        logits, targets = draw()
        assert torch.equal(
            loss_of(logits, targets, **settings.canonical()), loss_of(logits, targets, name=name, gamma=1.5)
        )


@pytest.mark.parametrize("formula", sorted(FORMULAS))
def test_weighted_cross_entropy_is_torchs(formula):
    logits, targets = draw()
    weights = torch.tensor(class_weights(formula, COUNTS), dtype=torch.float32)
    peer = torch.nn.CrossEntropyLoss(weight=weights)(logits, targets)
    torch.testing.assert_close(loss_of(logits, targets, name="weighted-cross-entropy", class_weights=formula), peer)
    total = torch.nn.CrossEntropyLoss(weight=weights, reduction="sum")(logits, targets)
    mean = loss_of(logits, targets, name="weighted-cross-entropy", class_weights=formula, reduction="mean")
    torch.testing.assert_close(mean, total / len(targets))


def test_cross_entropy_is_torchs_whatever_the_counts():
    logits, targets = draw()
    assert torch.equal(loss_of(logits, targets), loss_of(logits, targets, counts=np.ones(7)))
    torch.testing.assert_close(loss_of(logits, targets), torch.nn.CrossEntropyLoss()(logits, targets))


def test_a_batch_of_a_class_that_training_lacks_weighs_nothing():
    logits, _ = draw(classes=3, batch=2)
    value = loss_of(logits, torch.tensor([2, 2]), [5, 5, 0], name="weighted-cross-entropy")
    assert value == 0


def test_focal_of_gamma_zero_and_alpha_one_half_is_half_the_cross_entropy():
    logits, targets = draw(classes=2)
    half = loss_of(logits, targets, [9, 1], name="focal", gamma=0.0, alpha=0.5)
    torch.testing.assert_close(half, torch.nn.CrossEntropyLoss()(logits, targets) / 2)


def test_focal_of_gamma_zero_with_class_weights_is_weighted_cross_entropy():
    logits, targets = draw()
    focal = loss_of(logits, targets, name="focal", gamma=0.0, class_weights="balanced")
    torch.testing.assert_close(focal, loss_of(logits, targets, name="weighted-cross-entropy"))


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.9])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_binary_focal_is_torchvisions(alpha, gamma):
    logits, targets = draw(classes=2, batch=64)
    peer = sigmoid_focal_loss(logits[:, 1] - logits[:, 0], targets.float(), alpha, gamma, reduction="mean")
    torch.testing.assert_close(loss_of(logits, targets, [9, 1], name="focal", alpha=alpha, gamma=gamma), peer)


def test_multiclass_focal_by_hand():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]))
    expected = -(0.5**2 * np.log(0.5) + 0.2**2 * np.log(0.8)) / 2
    value = loss_of(logits, torch.tensor([0, 1]), [1, 1, 1], name="focal", gamma=2.0)
    np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_alpha_with_more_than_two_classes_is_refused():
    with pytest.raises(InputError, match=r"loss.alpha=0.25 is for two classes, a target has 7"):
        create_loss(LossSettings(name="focal", alpha=0.25), [COUNTS])


def test_targets_and_logits_must_be_as_many_as_the_counts():
    logits, targets = draw()
    with pytest.raises(ValueError, match="zip"):
        create_loss(LossSettings(), [COUNTS, COUNTS])((logits,), targets[:, None])


@pytest.mark.parametrize(
    ("settings", "canonical"),
    [
        ({}, {"name": "cross-entropy"}),
        ({"gamma": 3.0, "alpha": 0.3, "reduction": "mean", "class_weights": "none"}, {"name": "cross-entropy"}),
        (
            {"name": "weighted-cross-entropy", "gamma": 3.0},
            {"name": "weighted-cross-entropy", "class_weights": "balanced", "reduction": "weighted-mean"},
        ),
        ({"name": "focal", "reduction": "mean"}, {"name": "focal", "gamma": 2.0, "class_weights": "none"}),
        (
            {"name": "focal", "gamma": 1, "alpha": 0.25},
            {"name": "focal", "gamma": 1.0, "alpha": 0.25, "class_weights": "none"},
        ),
        (
            {"name": "focal", "class_weights": "inverse", "reduction": "mean"},
            {"name": "focal", "gamma": 2.0, "class_weights": "inverse", "reduction": "mean"},
        ),
    ],
)
def test_canonical_settings_keep_what_has_an_effect(settings, canonical):
    assert LossSettings(**settings).canonical() == canonical


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "focl"}, "loss 'focl' is not known; did you mean 'focal'?"),
        ({"gamma": -0.1}, "gamma"),
        ({"alpha": 0.0}, "alpha"),
        ({"alpha": 1.0}, "alpha"),
        ({"class_weights": "balanced"}, "class_weights=balanced has no effect with loss 'cross-entropy'"),
        ({"name": "focal", "alpha": 0.3, "class_weights": "inverse"}, "alpha=0.3 and class_weights=inverse"),
        ({"name": "weighted-cross-entropy", "class_weights": "none"}, "is loss 'cross-entropy'"),
        ({"class_weight": "balanced"}, "class_weight"),
    ],
)
def test_impossible_settings_are_named(settings, said):
    with pytest.raises(ValidationError) as raised:
        LossSettings(**settings)
    assert said in str(raised.value)
