"""How many trials fit a cluster, worked out before anything is launched."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from models.errors import InputError
from searchspace.study import Resources
from trainables.environment import device_for


class Node(NamedTuple):
    """What a machine of the cluster has to give; `memory` in GB is infinite where nobody says how much it is."""

    cpus: float
    gpus: float
    memory: float = math.inf

    def slots(self, wanted: Resources) -> int:
        """Return how many processes fit, of `threads` CPUs, `gpu` of one GPU (no share of two) and `memory` GB."""
        slots = [math.floor(self.cpus / wanted.threads)]
        if wanted.gpu:
            slots.append(math.floor(self.gpus) * math.floor(1 / wanted.gpu + 1e-9))
        if wanted.memory and self.memory < math.inf:
            slots.append(math.floor(self.memory / wanted.memory))
        return min(slots)

    def beside(self, slots: int, wanted: Resources) -> "Node":
        """Return what is left of it, without its GPUs, beside so many processes."""
        return Node(self.cpus - slots * wanted.threads, 0.0, self.memory - slots * wanted.memory)


class Layout(NamedTuple):
    """How many trials of a search run at once, and how many ranks share out the fold fits of each."""

    trials: int
    ranks: int


@dataclass(frozen=True)
class Lanes:
    """How many processes fit at the same time: those that train on a GPU, and the others beside them.

    `cpu_alone` of the others fit while none trains on a GPU.
    """

    gpu: int
    cpu: int
    cpu_alone: int

    @classmethod
    def of(cls, nodes: Iterable[Node], wanted: Resources) -> "Lanes":
        """Count them; without `resources.gpu` all are others."""
        bare = wanted.model_copy(update={"gpu": 0.0})
        alone = sum(node.slots(bare) for node in nodes)
        if not wanted.gpu:
            return cls(0, alone, alone)
        gpu = {node: node.slots(wanted) for node in nodes}
        beside = sum(node.beside(gpu[node], wanted).slots(bare) for node in nodes)
        return cls(sum(gpu[node] for node in nodes), beside, alone)


@dataclass(frozen=True)
class Cluster:
    """A connected cluster: its machines, whether it is ours alone, and a folder that goes with the run.

    `nodes` are the machines that it has or, where it grows by itself, may have.
    """

    nodes: tuple[Node, ...]
    local: bool
    scratch: Path

    def counted(self, wanted: Resources) -> Resources:
        """Return what a process takes here: memory is not counted where not every machine tells how much it has.

        An autoscaler starts no machine for what its file does not say that the machine has.
        """
        told = all(node.memory < math.inf for node in self.nodes)
        return wanted if told else wanted.model_copy(update={"memory": 0.0})

    @property
    def cpus(self) -> float:
        """CPUs in all."""
        return sum(node.cpus for node in self.nodes)

    @property
    def gpus(self) -> float:
        """GPUs in all."""
        return sum(node.gpus for node in self.nodes)

    def concurrency(self, wanted: Resources, trials: int) -> int:
        """Return how many trials of one process each run at once.

        Raises:
            InputError: not even one trial fits; names what is wanted and what there is.
        """
        return max(1, min(self._slots(wanted), trials))

    def require_room(self, wanted: Resources) -> None:
        """See that a fold fit of `ranks_per_fit` processes fits.

        Raises:
            InputError: it does not; names what is wanted and what there is.
        """
        slots, together = self._slots(wanted), wanted.ranks_per_fit
        if together > slots:
            raise InputError(
                f"resources.ranks_per_fit={together}: that is more processes of {_words(wanted)} than fit on the "
                f"cluster, {slots}; lower it, or resources.threads or resources.gpu"
            )

    def layout(self, wanted: Resources, folds: int, trials: int) -> Layout:
        """Return how judged trials of `folds` fold fits share the cluster in the executor `train`.

        The layout with the fewest rounds of fold fits is taken, among equals the one with the fewest drivers, which all
        live on the head node, and then with the fewest ranks. Drivers take no CPU, so one CPU is enough. A judged trial
        trains its first two fold fits one after the other.

        Raises:
            InputError: not even one trial fits; names what is wanted and what there is.
        """
        self.require_room(wanted)
        slots, together = self._slots(wanted), wanted.ranks_per_fit
        if together > 1:
            return Layout(max(1, min(slots // together, trials)), together)
        alone = min(folds, 2)
        spread = max(1, folds - alone)

        def cost(layout: Layout) -> tuple[int, Layout]:
            return (alone + math.ceil(spread / layout.ranks)) * math.ceil(trials / layout.trials), layout

        choices = (Layout(max(1, min(slots // ranks, trials)), ranks) for ranks in range(1, min(slots, spread) + 1))
        return min(choices, key=cost)

    def _slots(self, wanted: Resources) -> int:
        slots = sum(node.slots(wanted) for node in self.nodes)
        if slots:
            return slots
        most = Node(*(max(values, default=0.0) for values in zip(*self.nodes, strict=True)))
        if lacking := too_much(wanted, most, "a machine of the cluster"):
            raise InputError(lacking)
        raise InputError(
            f"resources.threads={wanted.threads}, resources.gpu={wanted.gpu:g}, resources.memory={wanted.memory:g}: no "
            "machine of the cluster has all of it for a trial"
        )


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def too_much(wanted: Resources, node: Node, machine: str) -> str:
    """Return what a process wants more of than a node has, called `machine`, and how to want less; empty if nothing."""
    lacking, advice = [], []
    if wanted.threads > node.cpus:
        lacking.append(
            f"resources.threads={wanted.threads}: that is more CPUs for a trial than {machine} has, {node.cpus:g}"
        )
        advice.append(f"--set resources.threads={max(1, math.floor(node.cpus))}")
    if wanted.gpu > node.gpus:
        lacking.append(f"resources.gpu={wanted.gpu:g}: that is more GPU for a trial than {machine} has, {node.gpus:g}")
        advice.append(f"--set resources.gpu={'0' if node.gpus < 1 else '1'}")
    if wanted.memory > node.memory:
        has = f"{node.memory:.2g} GB"
        lacking.append(f"resources.memory={wanted.memory:g}: that is more for a trial than {machine} has, {has}")
        advice.append("--set resources.memory=0, which does not count it")
    return f"{'; '.join(lacking)}; say {' '.join(advice)}" if lacking else ""


def lacking_here(wanted: Resources) -> str:
    """Return what a process wants more of than this machine has, as `too_much`."""
    gpus = float(wanted.gpu > 0 and device_for(gpu=True) == "cuda")
    return too_much(wanted, Node(usable_cores(), gpus), "this machine")


def _words(wanted: Resources) -> str:
    gpu = f" and {wanted.gpu:g} GPU" if wanted.gpu else ""
    return f"{wanted.threads} CPU{'s' * (wanted.threads > 1)}{gpu}"
