"""The machines that a cluster has, and those that its autoscaler may start."""

from collections import Counter

import ray
from ray._private.state import state as cluster_state

from searchspace.capacity import Node

HEAD = "node:__internal_head__"


def machines() -> tuple[Node, ...]:
    """Return the machines of the connected cluster, alive or such as may be started when there is work for them."""
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    there = [Node(has.get("CPU", 0.0), has.get("GPU", 0.0)) for has in alive]
    workers = Counter(
        node for node, has in zip(there, alive, strict=True) if HEAD not in has and (node.cpus or node.gpus)
    )
    return (*there, *(_startable() - workers).elements())


def _startable() -> Counter[Node]:
    """Return how many machines of each kind the autoscaler starts at most; none without an autoscaler."""
    config = cluster_state.get_cluster_config()
    found: Counter[Node] = Counter()
    for group in config.node_group_configs if config else ():
        node = Node(float(group.resources.get("CPU", 0)), float(group.resources.get("GPU", 0)))
        if node.cpus or node.gpus:
            found[node] += max(0, group.max_count)
    return found
