"""The biased loss of heads per image: by hand, its limits, parts of a batch, and images that are not there."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from models.errors import InputError
from trainables.losses import LOSSES, LossSettings, create_loss, image_weights

IMAGES = ("clinical", "dermoscopy")
COUNTS = [np.array([30, 9, 2]), np.array([5, 36])]


def draw(batch=8, n_images=2):
    generator = torch.Generator().manual_seed(0)
    logits = tuple(torch.randn(batch, n_images, len(counts), generator=generator) for counts in COUNTS)
    targets = torch.stack([torch.randint(len(counts), (batch,), generator=generator) for counts in COUNTS], dim=1)
    return logits, targets


def test_it_is_the_weighted_sum_over_images_of_the_mean_over_targets():
    logits, targets = draw()
    entropies = [[functional.cross_entropy(v[:, i], targets[:, t]) for t, v in enumerate(logits)] for i in range(2)]
    clinical, dermoscopy = (torch.stack(each).mean() for each in entropies)
    loss = create_loss(LossSettings(bias=0.7), COUNTS, IMAGES)(logits, targets)
    torch.testing.assert_close(loss, 0.3 * clinical + 0.7 * dermoscopy)


@pytest.mark.parametrize("name", LOSSES.names())
class TestEveryLoss:
    def test_equal_weights_are_the_mean_of_the_images_and_bias_one_half_is_none(self, name):
        logits, targets = draw()
        alone = create_loss(LossSettings(name=name), COUNTS)
        expected = torch.stack([alone(tuple(v[:, i] for v in logits), targets) for i in range(2)]).mean()
        for bias in (None, 0.5):
            value = create_loss(LossSettings(name=name, bias=bias), COUNTS, IMAGES)(logits, targets)
            torch.testing.assert_close(value, expected)

    def test_gradients_of_the_images_stand_as_their_weights(self, name):
        logits, targets = draw()
        same = tuple(v[:, :1].expand(-1, 2, -1).clone().requires_grad_() for v in logits)
        create_loss(LossSettings(name=name, bias=0.8), COUNTS, IMAGES)(same, targets).backward()
        for values in same:
            torch.testing.assert_close(values.grad[:, 1], 4 * values.grad[:, 0])

    def test_parts_of_a_batch_add_up_to_it(self, name):
        logits, targets = draw()
        loss = create_loss(LossSettings(name=name, bias=0.7), COUNTS, IMAGES)
        whole = loss.normalisers(targets)
        parts = [loss(tuple(v[rows] for v in logits), targets[rows], whole) for rows in torch.arange(8).tensor_split(3)]
        torch.testing.assert_close(torch.stack(parts).sum(), loss(logits, targets))


def test_the_images_that_are_not_favoured_share_the_rest():
    assert image_weights(0.6, "b", ["a", "b", "c"]) == pytest.approx([0.2, 0.6, 0.2])
    assert image_weights(None, "x", ["a", "b", "c", "d"]) == [0.25] * 4


def test_a_favoured_image_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(InputError, match=r"favoured='dermis' is no image of the cohort \(its images: clinical, dermos"):
        create_loss(LossSettings(bias=0.7, favoured="dermis"), COUNTS, IMAGES)


def test_a_bias_without_heads_per_image_changes_nothing():
    logits, targets = draw()
    first = tuple(values[:, 0] for values in logits)
    biased, plain = (create_loss(LossSettings(bias=bias), COUNTS) for bias in (0.9, None))
    assert torch.equal(biased(first, targets), plain(first, targets))
