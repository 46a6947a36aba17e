"""Fold fits of every fusion that trains a network, on feature maps: options reach it, and restoring is exact."""

import numpy as np
import pytest
import torch
from array_cohorts import grouped_cohort

from models.fusions import FUSIONS
from trainables.configuration import Configuration
from trainables.data import FitData
from trainables.fit import FoldFit
from trainables.folds import FoldSettings, make_splits

COHORT = grouped_cohort(31)
SPLIT = make_splits(COHORT, FoldSettings(folds=3), inner_share=0.2)[0]
SIZE = (3, 2)
MAPS = torch.tensor(np.random.default_rng(0).normal(size=(len(COHORT), 32, *SIZE)), dtype=torch.float32)
TRAINED = [name for name in FUSIONS.names() if not FUSIONS.get(name).estimates]
SMALL = {"cross-attention": {"branch_width": 8}, "soft-attention": {"branch_width": 8, "maps": 3}}


def fit_of(name: str, *, fields=("age", "sex"), batch_size: int = 8, **options) -> FoldFit:
    configuration = Configuration.of(
        {
            "backbone": {"features": "map"},
            "metadata": {"fields": fields},
            "fusion": {"name": name} | SMALL.get(name, {}) | options,
            "training": {"epochs": 2, "batch_size": batch_size, "learning_rate": 0.01},
        }
    )
    data = FitData(MAPS, torch.from_numpy(COHORT.labels("diagnosis")[:, None]))
    return FoldFit(configuration, SPLIT, COHORT, data, seed=0, threads=1)


def probabilities(fit: FoldFit) -> np.ndarray:
    list(fit.run())
    assert fit.outcome is not None, "the fold fit has not ended"
    assert fit.outcome.predictions is not None, fit.outcome.reason
    return fit.outcome.predictions.filter(like="probability:").to_numpy()


@pytest.mark.parametrize("name", TRAINED)
def test_a_fit_that_is_restored_after_an_epoch_ends_where_the_uninterrupted_one_does(name):
    whole, first, second = (fit_of(name) for _ in range(3))
    expected = probabilities(whole)
    next(first.run())
    second.restore(first.state())
    np.testing.assert_array_equal(probabilities(second), expected)
    np.testing.assert_allclose(expected.sum(1), 1.0, atol=1e-6)


@pytest.mark.parametrize("name", TRAINED)
def test_batches_of_one_are_trained_on(name):
    assert np.isfinite(probabilities(fit_of(name, batch_size=1))).all()


def test_the_size_of_the_map_and_the_options_reach_the_module():
    fusion = fit_of("soft-attention", gamma_learned=False, gamma_start=0.3).model.fusion
    assert fusion.map_size == SIZE
    assert fusion.out_features == 2 * 32 * 2 * 1 + 8
    assert float(fusion.gamma) == pytest.approx(0.3)
    assert fit_of("metablock", group_size=4).model.fusion.scale.linear.out_features == 8


def test_soft_attention_without_fields_is_its_image_part():
    fit = fit_of("soft-attention", fields=())
    assert fit.model.fusion.branch is None
    assert np.isfinite(probabilities(fit)).all()
