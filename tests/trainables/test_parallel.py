"""Data-parallel training: three processes do what one does at the same global batch, batch normalisation included."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import parallel_ranks
import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import nn

from trainables.parallel import ALONE, Parallel, synchronise_batch_norm

WORLD = 3
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict]:
    """What every rank ended with."""
    folder = tmp_path_factory.mktemp("ranks")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    program = [sys.executable, str(ROOT / "tests" / "parallel_ranks.py")]
    commands = [[*program, str(rank), str(WORLD), str(folder)] for rank in range(WORLD)]
    processes = [subprocess.Popen(command, env=environment) for command in commands]
    assert [process.wait(timeout=100) for process in processes] == [0] * WORLD
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(WORLD)]


@pytest.fixture(scope="module")
def alone() -> dict:
    return parallel_ranks.alone()


@pytest.mark.parametrize("batch", ["batches", "tiny"])
def test_three_ranks_end_where_one_process_does(ranks, alone, batch):
    # `tiny` is a batch of two rows, so one rank has none.
    expected = alone[batch]
    for rank in ranks:
        found = rank[batch]
        assert found["losses"] == pytest.approx(expected["losses"], rel=1e-9)
        for part in ("state", "gradients"):
            assert found[part].keys() == expected[part].keys()
            for name, value in expected[part].items():
                torch.testing.assert_close(found[part][name], value, rtol=1e-7, atol=1e-9, msg=name)


def test_running_statistics_move_except_in_a_frozen_module(ranks):
    state, start = ranks[0]["batches"]["state"], parallel_ranks.network().state_dict()
    assert not torch.equal(state["1.running_mean"], start["1.running_mean"])
    assert int(state["5.num_batches_tracked"]) == parallel_ranks.STEPS
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(state[f"6.{name}"], start[f"6.{name}"])


def test_shares_come_back_in_order_on_every_rank(ranks, alone):
    for rank in ranks:
        assert rank["batches"]["names"].tolist() == [0, 1, 2, 3, 4]
        np.testing.assert_allclose(rank["batches"]["predictions"], alone["batches"]["predictions"], rtol=1e-7)


def test_all_ranks_hold_the_same_weights_to_the_bit(ranks):
    for rank in ranks[1:]:
        for name, value in ranks[0]["batches"]["state"].items():
            assert torch.equal(rank["batches"]["state"][name], value)


def test_alone_changes_nothing():
    model, rows, part = parallel_ranks.network(), torch.arange(4), np.ones((4, 2))
    assert ALONE.wrap(model) is model
    assert type(model[1]) is nn.BatchNorm2d
    assert torch.equal(ALONE.share(rows), rows)
    assert ALONE.total(rows) is rows
    assert ALONE.gather(part, 4) is part


def test_shares_are_every_nth_row():
    assert [Parallel(rank, 3).share(torch.arange(7)).tolist() for rank in range(3)] == [[0, 3, 6], [1, 4], [2, 5]]


def test_synchronising_keeps_modules_and_evaluation():
    model = parallel_ranks.network()
    before, modules = {name: value.clone() for name, value in model.state_dict().items()}, list(model.modules())
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    expected = model.eval()(images)
    synchronise_batch_norm(model)
    synchronise_batch_norm(model)
    assert [id(module) for module in model.modules()] == [id(module) for module in modules]
    assert isinstance(model[4], BatchNormAct2d)
    assert model.state_dict().keys() == before.keys()
    assert torch.equal(model(images), expected)


def test_an_unknown_batch_normalisation_is_refused_by_name():
    class Odd(nn.BatchNorm2d):
        pass

    with pytest.raises(TypeError, match="1: Odd cannot be synchronised"):
        synchronise_batch_norm(nn.Sequential(nn.ReLU(), Odd(3)))
