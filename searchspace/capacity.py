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
    """What a machine of the cluster has to give."""

    cpus: float
    gpus: float

    def slots(self, wanted: Resources) -> int:
        """Return how many processes of `threads` CPUs and `gpu` of one GPU fit; a process has no share of two GPUs."""
        slots = math.floor(self.cpus / wanted.threads)
        return min(slots, math.floor(self.gpus) * math.floor(1 / wanted.gpu + 1e-9)) if wanted.gpu else slots


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
        beside = sum(Node(node.cpus - gpu[node] * wanted.threads, 0.0).slots(bare) for node in nodes)
        return cls(sum(gpu[node] for node in nodes), beside, alone)


@dataclass(frozen=True)
class Cluster:
    """A connected cluster: its machines, whether it is ours alone, and a folder that goes with the run.

    `nodes` are the machines that it has or, where it grows by itself, may have.
    """

    nodes: tuple[Node, ...]
    local: bool
    scratch: Path

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
        most_cpus, most_gpus = (max(values, default=0.0) for values in zip(*self.nodes, strict=True))
        if lacking := too_much(wanted, most_cpus, most_gpus, "a machine of the cluster"):
            raise InputError(lacking)
        raise InputError(
            f"resources.threads={wanted.threads}, resources.gpu={wanted.gpu:g}: no machine of the cluster has both for "
            "a trial"
        )


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def too_much(wanted: Resources, cpus: float, gpus: float, machine: str) -> str:
    """Return what a process wants more of than `machine` has, and how to want less; empty when nothing is."""
    lacking, advice = [], []
    if wanted.threads > cpus:
        lacking.append(
            f"resources.threads={wanted.threads}: that is more CPUs for a trial than {machine} has, {cpus:g}"
        )
        advice.append(f"--set resources.threads={max(1, math.floor(cpus))}")
    if wanted.gpu > gpus:
        lacking.append(f"resources.gpu={wanted.gpu:g}: that is more GPU for a trial than {machine} has, {gpus:g}")
        advice.append(f"--set resources.gpu={'0' if gpus < 1 else '1'}")
    return f"{'; '.join(lacking)}; say {' '.join(advice)}" if lacking else ""


def lacking_here(wanted: Resources) -> str:
    """Return what a process wants more of than this machine has, as `too_much`."""
    gpus = float(wanted.gpu > 0 and device_for(gpu=True) == "cuda")
    return too_much(wanted, usable_cores(), gpus, "this machine")


def _words(wanted: Resources) -> str:
    gpu = f" and {wanted.gpu:g} GPU" if wanted.gpu else ""
    return f"{wanted.threads} CPU{'s' * (wanted.threads > 1)}{gpu}"
