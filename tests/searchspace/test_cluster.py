"""Clusters: what fits and how it is shared out; remains of killed runs are removed, nothing else; source told apart."""

import os
import time
from pathlib import Path

import pytest
from filelock import FileLock

from models.errors import InputError
from searchspace import cluster
from searchspace.capacity import Cluster, Lanes, Node
from searchspace.study import Resources


def machines(*nodes: tuple[float, float]) -> Cluster:
    return Cluster(tuple(Node(*node) for node in nodes), True, Path())


@pytest.mark.parametrize(
    ("nodes", "wanted", "trials", "at_once"),
    [
        ([(2, 0)], Resources(), 15, 2),
        ([(16, 0)], Resources(threads=4), 15, 4),
        ([(16, 0)], Resources(), 3, 3),
        ([(16, 2)], Resources(gpu=0.5), 15, 4),
        ([(3, 2)], Resources(gpu=0.25), 15, 3),
        ([(64, 2)], Resources(gpu=0.3), 15, 6),  # three to a GPU, never one across two
        ([(3, 0), (3, 0)], Resources(threads=2), 15, 2),  # one CPU of each is left over
        ([(8, 0), (4, 1)], Resources(gpu=1), 15, 1),
        ([(1, 0)], Resources(), 0, 1),
        ([(4, 0, 16.0), (4, 0, 8.0)], Resources(memory=3), 15, 6),  # a machine with half the memory takes half
        ([(4, 0, 16.0), (4, 0, 8.0)], Resources(memory=0), 15, 8),
        ([(4, 0), (4, 0, 1.5)], Resources(), 15, 5),
    ],
)
def test_concurrency_follows_from_the_resources(nodes, wanted, trials, at_once):
    assert machines(*nodes).concurrency(wanted, trials) == at_once


@pytest.mark.parametrize(
    ("slots", "folds", "trials", "expected"),
    [
        (1, 5, 9, (1, 1)),  # the driver takes no CPU
        (4, 5, 9, (4, 1)),
        (8, 5, 1, (1, 3)),  # 1, 1, then three at once; a fourth rank would save no round
        (3, 1, 2, (2, 1)),
    ],
)
def test_the_layout_of_a_search_has_the_fewest_rounds(slots, folds, trials, expected):
    assert machines((slots, 0)).layout(Resources(), folds, trials) == expected


@pytest.mark.parametrize(
    ("nodes", "wanted", "expected"),
    [
        ([(4, 0), (8, 0)], Resources(threads=2), (0, 6, 6)),
        ([(4, 1), (8, 0)], Resources(gpu=0.5), (2, 10, 12)),  # two CPUs stay with the GPU
        ([(8, 2), (8, 2)], Resources(gpu=1, threads=4), (4, 0, 4)),
        ([(3, 2), (2, 0)], Resources(gpu=0.25, threads=2), (1, 1, 2)),
        ([], Resources(gpu=1), (0, 0, 0)),
        ([(8, 1, 8.0), (8, 0, 4.0)], Resources(gpu=1, memory=2), (1, 5, 6)),  # two GB stay with the GPU
    ],
)
def test_lanes_leave_the_processes_of_the_gpus_their_cpus(nodes, wanted, expected):
    assert Lanes.of([Node(*node) for node in nodes], wanted) == Lanes(*expected)


def test_memory_counts_only_where_every_machine_tells_it():
    wanted = Resources(memory=3)
    assert machines((4, 0, 16.0), (4, 0, 8.0)).counted(wanted) == wanted
    assert machines((4, 0, 16.0), (4, 0)).counted(wanted) == Resources(memory=0)


def test_ranks_that_train_together_take_their_slots_together():
    together = Resources(ranks_per_fit=2)
    assert machines((5, 0)).layout(together, 5, 9) == (2, 2)
    assert machines((5, 0)).layout(together, 5, 1) == (1, 2)
    wanted = r"resources.ranks_per_fit=2: that is more processes of 2 CPUs and 1 GPU than fit on the cluster, 1"
    with pytest.raises(InputError, match=wanted):
        machines((3, 2)).layout(Resources(ranks_per_fit=2, threads=2, gpu=1), 5, 9)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            Resources(threads=4),
            "resources.threads=4: that is more CPUs for a trial than a machine of the cluster has, 3",
        ),
        (Resources(gpu=1), "resources.gpu=1: that is more GPU for a trial than a machine of the cluster has, 0.5"),
        (
            Resources(threads=3, gpu=0.5),
            "resources.memory=1: no machine of the cluster has all of it",
        ),
        (
            Resources(memory=9),
            "resources.memory=9: that is more for a trial than a machine of the cluster has, 8 GB",
        ),
    ],
)
def test_what_fits_nowhere_is_refused_by_name(wanted, message):
    small = machines((3, 0, 8.0), (2, 0.5, 4.0))
    for refused in (small.concurrency, lambda *given: small.layout(*given, 5)):
        with pytest.raises(InputError, match=message):
            refused(wanted, 9)


def test_only_the_remains_of_dead_runs_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    old = time.time() - 2 * cluster.YOUNG_SECONDS
    folders = {name: tmp_path / f"{cluster.PREFIX}{name}" for name in ("killed", "running", "starting", "late", "mine")}
    for folder in folders.values():
        folder.mkdir()
    for name in ("killed", "running"):
        (folders[name] / cluster.ALIVE).touch()
    (folders["late"] / "session_1" / "logs").mkdir(parents=True)
    (folders["mine"] / "pyproject.toml").touch()
    for name in ("late", "mine"):
        os.utime(folders[name], (old, old))
    for name in ("another", "fusesearch-main"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (old, old))
    with FileLock(folders["running"] / cluster.ALIVE):
        cluster._remove_remains()
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["another", "fusesearch-main", *(f"fusesearch-ray-{n}" for n in ("mine", "running", "starting"))]


def test_the_source_digest_changes_with_the_source(tmp_path, monkeypatch):
    before = cluster.source_digest()
    assert cluster.source_digest() == before
    package = tmp_path / "models"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setattr(cluster.models, "__file__", str(package / "__init__.py"))
    assert cluster.source_digest() != before
