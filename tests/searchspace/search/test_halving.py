"""Successive halving by epoch: the rungs, the ranks, and what it saves."""

import numpy as np
import pytest

from searchspace.search.halving import Halving
from searchspace.search.settings import HalvingSettings


def test_rungs_are_powers_of_the_reduction():
    halving = Halving(HalvingSettings(reduction=3, minimum_epochs=2))
    assert [epoch for epoch in range(1, 60) if halving.is_rung(epoch, 60)] == [2, 6, 18, 54]
    assert not halving.is_rung(54, 54)  # at the last epoch there is nothing left to save


def test_the_best_third_goes_on():
    halving = Halving(HalvingSettings(reduction=3))
    verdicts = []
    for number, mcr in enumerate([0.3, 0.5, 0.4, 0.45, 0.6, 0.5]):
        halving.add(str(number), 1, mcr)
        verdicts.append(halving.judge(str(number), 1))
    # With three it needs rank 1, with four to six rank 2; equal values share the better rank.
    assert [verdict is None for verdict in verdicts] == [True, True, False, True, True, True]
    assert verdicts[2] == {"epoch": 1, "inner_mcr": 0.4, "cutoff": 0.5, "rank": 2, "reached": 3, "kept": 1}


def test_rungs_are_apart_and_a_repeated_epoch_counts_once():
    halving = Halving(HalvingSettings(reduction=2))
    for number in range(3):
        halving.add(str(number), 1, 0.5 + number / 10)
    halving.add("0", 2, 0.1)
    assert halving.judge("0", 2) is None
    halving.add("0", 1, 0.5)
    assert halving.judge("0", 1)["reached"] == 3
    assert halving.judge("unheard", 1) is None


@pytest.mark.parametrize("reduction", [2, 3, 4])
def test_it_spends_less_and_keeps_what_is_best(reduction):
    rng = np.random.default_rng(reduction)
    halving, final, spent = Halving(HalvingSettings(reduction=reduction)), rng.normal(0.6, 0.03, 80), 0
    kept = []
    for number, value in enumerate(final):
        for epoch in range(1, 28):
            spent += 1
            if halving.is_rung(epoch, 27):
                halving.add(str(number), epoch, value * (1 - 0.5**epoch))
                if halving.judge(str(number), epoch):
                    break
        else:
            kept.append(number)
    assert int(final.argmax()) in kept
    assert spent < 0.5 * 27 * 80
