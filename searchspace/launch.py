"""From a plan to fold fits on a Ray cluster, by the executors `warm` and `train`: the only place that starts Ray."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from searchspace.capacity import Cluster, Lanes, Layout
from searchspace.cluster import connected
from searchspace.dispatch import Dispatch
from searchspace.exploration import Exploration
from searchspace.options import Options
from searchspace.plan import Plan
from searchspace.signals import ended_by_sigterm
from searchspace.study import Resources
from trainables.executors.inline import Listener

LOOK_SECONDS = 5.0
"""How often the machines of the cluster are counted again."""


@dataclass(frozen=True)
class Launcher:
    """Runs plans on the cluster that the options name; `say` and `warn` print a line."""

    options: Options
    say: Callable[[str], None]
    warn: Callable[[str], None]

    def run(self, plan: Plan, exploration: Exploration | None, listener: Listener, begin: Callable[[], None]) -> None:
        """Train what is left; `begin` is called when the cluster is up and has room.

        Raises:
            InputError: no cluster, or not even one trial fits it; nothing was started.
            StorageError: the ledger or a machine's cache cannot be used any more; what is finished is kept.
        """
        executor = self.options.executor_for(plan)
        self.say("starting Ray")
        # Ray takes SIGTERM over when it starts, so it is taken back inside.
        with connected(self.options.address, self.say, dashboard=executor == "train") as cluster, ended_by_sigterm():
            job = _Job(plan, exploration, cluster, listener, executor)
            kind = "a private cluster" if cluster.local else "a running cluster"
            self.say(f"Ray: {kind}, {cluster.cpus:g} CPUs, {cluster.gpus:g} GPUs; {job.describe()}")
            begin()
            for line in job.run():
                self.warn(f"a trial was given up: {line}")


@dataclass
class _Room:
    """How many processes fit the cluster now; counted again every few seconds, for machines come and go."""

    wanted: Resources
    grows: bool
    _lanes: Lanes | None = None
    _counted: float = field(default=float("-inf"), repr=False)

    def __call__(self) -> Lanes:
        from searchspace.machines import machines

        now = time.monotonic()
        if self._lanes is None or now - self._counted > LOOK_SECONDS:
            self._lanes, self._counted = Lanes.of(machines(grows=self.grows), self.wanted), now
        return self._lanes

    def trials(self, ranks: int, most: int) -> int:
        """Return how many trials of so many ranks fit now; one of them may wait for a machine."""
        lanes = self()
        return max(1, min((lanes.gpu if self.wanted.gpu else lanes.cpu_alone) // ranks, most))


class _Job:
    """One executor on one cluster."""

    def __init__(
        self, plan: Plan, exploration: Exploration | None, cluster: Cluster, listener: Listener, executor: str
    ) -> None:
        self.plan, self.exploration, self.cluster, self.listener = plan, exploration, cluster, listener
        self.executor = executor
        self.resources = cluster.counted(plan.study.resources)
        self.wanted = wanted = cluster.counted(plan.hungriest)
        cluster.require_room(wanted)
        if exploration is None:
            lanes = Lanes.of(cluster.nodes, self.resources)
            fits = sum(len(plan.open_fits(trial)) for trial in plan.open_trials)
            self.layout = Layout(min(lanes.gpu + lanes.cpu if wanted.gpu else lanes.cpu_alone, fits), 1)
        elif executor == "train":
            self.layout = cluster.layout(wanted, exploration.folds, exploration.most_at_once)
        else:
            self.layout = Layout(cluster.concurrency(wanted, exploration.most_at_once), 1)

    def describe(self) -> str:
        """Say how the cluster is used."""
        trials, ranks = self.layout
        if self.exploration is None:
            return f"{trials} process{'es' if trials > 1 else ''} at once"
        of = f" of {ranks} process{'es' if ranks > 1 else ''}" if self.executor == "train" else ""
        return f"{trials} trial{'s' if trials > 1 else ''}{of} at once"

    def run(self) -> list[str]:
        """Run everything and return one line for each trial that was given up."""
        from searchspace.tune_driver import hosted, tune_trials

        judge = None if self.exploration is None else self.exploration.judge
        with hosted(judge) as word:
            return tune_trials(self._trainable(word), self._searcher(), self.listener, self.cluster.scratch)

    def _searcher(self) -> Any:
        from searchspace.tune_search import AskTell, GridQueue

        if self.exploration is not None:
            room, ranks = _Room(self.wanted, grows=not self.cluster.local), self.layout.ranks
            at_once = partial(room.trials, ranks, self.exploration.most_at_once)
            return AskTell(self.exploration.proposer, self.plan.context, at_once, ranks)
        work = [(trial, self.plan.open_positions(trial)) for trial in self.plan.open_trials]
        room = _Room(self.resources, grows=not self.cluster.local)
        return GridQueue(Dispatch(work, self.plan.context, room, nested=self.executor == "train"))

    def _trainable(self, judge: Any) -> Any:
        from searchspace.tune_driver import nested_trainable, warm_trainable

        if self.executor == "train":
            return nested_trainable(self.plan.context, self.resources, self.cluster.scratch, judge)
        return warm_trainable(self.plan.context, self.resources, judge)
