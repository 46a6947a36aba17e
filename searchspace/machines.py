"""The machines that a cluster has, and those that its autoscaler may start when there is work for them.

Ray does not tell what its autoscaler could start. `ray up` leaves the cluster's file on the head, where runs are
started (`~/ray_bootstrap_config.yaml`); for any other cluster that grows, FUSESEARCH_CLUSTER names a file of the same
shape, of which only `available_node_types`, `head_node_type` and `max_workers` are read.
"""

import math
import os
from collections import Counter
from pathlib import Path
from typing import Any

import ray
import yaml

from models.errors import InputError
from searchspace.capacity import Node

HEAD = "node:__internal_head__"
BOOTSTRAP = "ray_bootstrap_config.yaml"
GB = 1e9


def machines(*, grows: bool) -> tuple[Node, ...]:
    """Return the machines of the connected cluster: those alive and, if it may grow, those that may be started.

    Raises:
        InputError: the file that FUSESEARCH_CLUSTER names cannot be read as a cluster's.
    """
    alive = [(_node(node["Resources"]), node) for node in ray.nodes() if node["Alive"]]
    there = tuple(node for node, _ in alive)
    if not grows:
        return there
    workers = Counter(node[:2] for node, known in alive if HEAD not in known["Resources"])
    heads = {known["NodeManagerAddress"] for _, known in alive if HEAD in known["Resources"]}
    here = ray.util.get_node_ip_address() in heads
    return (*there, *_more(_startable(here=here), workers))


def _node(has: dict[str, Any]) -> Node:
    memory = float(has["memory"]) / GB if "memory" in has else math.inf
    return Node(float(has.get("CPU", 0.0)), float(has.get("GPU", 0.0)), memory)


def _more(startable: Counter[Node], workers: Counter[tuple[float, float]]) -> list[Node]:
    """Return the workers that may be started beside those alive, told by CPUs and GPUs: memory is what Ray measures."""
    there = workers.copy()
    found: list[Node] = []
    for node in startable.elements():
        if there[node[:2]]:
            there[node[:2]] -= 1
        else:
            found.append(node)
    return found[: max(0, startable.total() - workers.total())]


def _startable(*, here: bool) -> Counter[Node]:
    """Return how many workers of each kind there may be; `here`: this machine is the cluster's head."""
    named = os.environ.get("FUSESEARCH_CLUSTER")
    path = Path(named).expanduser() if named else Path.home() / BOOTSTRAP
    if not named and not (here and path.is_file()):
        return Counter()
    try:
        return workers_of(yaml.safe_load(path.read_text()))
    except (OSError, ValueError, TypeError, AttributeError, KeyError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"FUSESEARCH_CLUSTER: {path} cannot be read as a cluster's file: {reason}") from error


def workers_of(config: dict[str, Any]) -> Counter[Node]:
    """Return how many workers of each kind a cluster's file allows; kinds whose CPUs it does not tell are left out.

    `max_workers` bounds all kinds together, so those of higher `priority` are counted first.
    """
    most = left = int(config.get("max_workers", 2))
    found: Counter[Node] = Counter()
    kinds = (config.get("available_node_types") or {}).items()
    for name, kind in sorted(kinds, key=lambda item: -int(item[1].get("priority") or 0)):
        node = _node(kind.get("resources") or {})
        if name != config.get("head_node_type") and node.cpus:
            count = min(left, int(kind.get("max_workers", most)))
            found[node] += count
            left -= count
    return +found
