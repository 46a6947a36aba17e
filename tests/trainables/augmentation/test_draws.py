"""Draws of the augmentations: a stream for every quantity, found by the sample's row, and uniform."""

import numpy as np
import torch
from scipy import stats

from trainables.augmentation import draws
from trainables.augmentation.drawn import COLUMNS, Drawn


def test_a_row_is_the_same_however_many_there_are():
    few, many = draws(5, 2, seed=3), draws(300, 2, seed=3)
    assert many.shape == (300, 2, len(COLUMNS))
    assert many.dtype == np.float32
    np.testing.assert_array_equal(few, many[:5])


def test_columns_images_rows_and_seeds_are_independent_streams():
    values = draws(400, 2, seed=0)
    assert len(np.unique(values)) > 0.99 * values.size
    table = values.reshape(800, -1)
    correlation = np.corrcoef(table.T) - np.eye(len(COLUMNS))
    assert np.abs(correlation).max() < 0.17  # five standard errors of 800 pairs
    assert not np.isin(draws(400, 2, seed=1)[:, 0, 0], values[:, 0, 0]).any()


def test_every_column_is_uniform():
    values = draws(2000, 1, seed=7)
    assert 0.0 <= values.min() < values.max() < 1.0
    worst = min(stats.kstest(values[:, 0, k], "uniform").pvalue for k in range(len(COLUMNS)))
    assert worst > 0.001 / len(COLUMNS)


def test_a_whole_number_never_reaches_its_bound():
    largest = Drawn(torch.full((1, len(COLUMNS)), 1.0 - 2.0**-24))
    assert [largest.integer("crop_top", n).item() for n in (1, 2, 77, 4096)] == [0, 1, 76, 4095]
    assert Drawn(torch.zeros(1, len(COLUMNS))).integer("crop_top", 77).item() == 0
    assert not largest.happens("turn_gate", 0.0).any()
    assert largest.happens("turn_gate", 1.0).all()
