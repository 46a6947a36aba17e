"""Which machines count: those alive, and those that the cluster's file lets an autoscaler start."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from models.errors import InputError
from searchspace import machines
from searchspace.capacity import Cluster, Lanes, Node
from searchspace.study import Resources

ROOT = Path(__file__).parents[2]
GROWING = {
    "max_workers": 6,
    "head_node_type": "head",
    "available_node_types": {
        "head": {"resources": {"CPU": 0}},
        "gpu": {"resources": {"CPU": 8, "GPU": 1}, "min_workers": 0, "max_workers": 4, "priority": 1},
        "cpu": {"resources": {"CPU": 16}},
        "unknown": {"resources": {}, "max_workers": 3},
    },
}
ALIVE = [
    {"Alive": True, "NodeManagerAddress": "10.0.0.1", "Resources": {machines.HEAD: 1.0}},
    {"Alive": True, "NodeManagerAddress": "10.0.0.2", "Resources": {"CPU": 8.0, "GPU": 1.0}},
    {"Alive": False, "NodeManagerAddress": "10.0.0.3", "Resources": {"CPU": 8.0, "GPU": 1.0}},
]


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    """A head and a worker, seen from the head, whose home has no file of `ray up`."""
    monkeypatch.setattr(machines.ray, "nodes", lambda: ALIVE)
    monkeypatch.setattr(machines.ray.util, "get_node_ip_address", lambda: "10.0.0.1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("FUSESEARCH_CLUSTER", raising=False)
    return tmp_path


def test_without_a_file_only_what_is_alive_counts(cluster):
    assert machines.machines(grows=True) == (Node(0, 0), Node(8, 1))


def test_what_ray_up_may_start_counts_once(cluster):
    (cluster / machines.BOOTSTRAP).write_text(yaml.safe_dump(GROWING))
    found = machines.machines(grows=True)
    assert Counter(found) == {
        Node(0, 0): 1,
        Node(8, 1): 4,
        Node(16, 0): 2,
    }  # six in all, those of higher priority first
    assert machines.machines(grows=False) == (Node(0, 0), Node(8, 1))


def test_kinds_that_stand_in_for_each_other_share_the_limit(cluster, monkeypatch):
    kind = {"resources": {"CPU": 8, "GPU": 1}, "max_workers": 4}
    kinds = {"spot": kind | {"priority": 1}, "on-demand": kind}
    (cluster / machines.BOOTSTRAP).write_text(yaml.safe_dump({"max_workers": 4, "available_node_types": kinds}))
    assert Counter(machines.machines(grows=True)) == {Node(0, 0): 1, Node(8, 1): 4}
    bigger = {**ALIVE[1], "Resources": {"CPU": 32.0, "GPU": 4.0}}
    monkeypatch.setattr(machines.ray, "nodes", lambda: [ALIVE[0], bigger, bigger])
    assert Counter(machines.machines(grows=True)) == {Node(0, 0): 1, Node(32, 4): 2, Node(8, 1): 2}


def test_a_worker_whose_memory_ray_measured_is_one_of_those_that_may_be_started(cluster, monkeypatch):
    kinds = {"gpu": {"resources": {"CPU": 8, "GPU": 1, "memory": 32_000_000_000}, "max_workers": 2}}
    (cluster / machines.BOOTSTRAP).write_text(yaml.safe_dump({"max_workers": 2, "available_node_types": kinds}))
    worker = {**ALIVE[1], "Resources": {"CPU": 8.0, "GPU": 1.0, "memory": 21.5e9}}
    monkeypatch.setattr(machines.ray, "nodes", lambda: [ALIVE[0], worker])
    assert machines.machines(grows=True) == (Node(0, 0), Node(8, 1, 21.5), Node(8, 1, 32))


def test_a_file_of_another_cluster_is_not_read(cluster, monkeypatch):
    (cluster / machines.BOOTSTRAP).write_text(yaml.safe_dump(GROWING))
    monkeypatch.setattr(machines.ray.util, "get_node_ip_address", lambda: "10.0.0.9")
    assert machines.machines(grows=True) == (Node(0, 0), Node(8, 1))
    other = cluster / "ours.yaml"
    other.write_text(yaml.safe_dump(GROWING))
    monkeypatch.setenv("FUSESEARCH_CLUSTER", str(other))
    assert len(machines.machines(grows=True)) == 7


@pytest.mark.parametrize("content", ["[", "7", "available_node_types: [1]", None])
def test_a_file_that_is_none_is_told_by_name(cluster, monkeypatch, content):
    path = cluster / "ours.yaml"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("FUSESEARCH_CLUSTER", str(path))
    with pytest.raises(InputError, match=r"FUSESEARCH_CLUSTER: .*ours.yaml cannot be read as a cluster's file"):
        machines.machines(grows=True)


def test_a_cluster_without_workers_has_room_when_it_may_start_some():
    nodes = tuple(machines.workers_of(GROWING).elements())
    wanted = Resources(gpu=0.5, threads=2)
    Cluster((Node(0, 0), *nodes), False, Path()).require_room(wanted)
    assert Lanes.of(nodes, wanted).gpu == 8


def test_our_own_cluster_file_tells_what_its_workers_have():
    config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    assert any(node.gpus for node in machines.workers_of(config))
