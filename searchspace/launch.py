"""From a plan to trials on a Ray cluster, by the executors `warm` and `train`: the only place that starts Ray."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from searchspace.cluster import Cluster, connected
from searchspace.exploration import Exploration
from searchspace.options import Options
from searchspace.plan import Plan
from searchspace.signals import ended_by_sigterm
from trainables.executors.inline import Listener


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


class _Job:
    """One executor on one cluster."""

    def __init__(
        self, plan: Plan, exploration: Exploration | None, cluster: Cluster, listener: Listener, executor: str
    ) -> None:
        self.plan, self.exploration, self.cluster, self.listener = plan, exploration, cluster, listener
        self.executor = executor
        wanted = plan.study.resources
        most = len(plan.open_trials) if exploration is None else exploration.most_at_once
        self.ranks, self.trials = 1, most
        if executor == "train":
            folds = _most_folds(plan) if exploration is None else exploration.folds
            self.layout = cluster.layout(wanted, folds, most, judged=exploration is not None)
            self.trials, self.ranks = self.layout
        else:
            self.trials = cluster.concurrency(wanted, most)

    def describe(self) -> str:
        """Say how the cluster is used."""
        ranks = f" of {self.ranks} process{'es' if self.ranks > 1 else ''}" if self.executor == "train" else ""
        return f"{self.trials} trial{'s' if self.trials > 1 else ''}{ranks} at once"

    def run(self) -> list[str]:
        """Run everything and return one line for each trial that was given up."""
        from searchspace.tune_driver import hosted, tune_trials
        from trainables.executors.parcel import Parcel

        judge = None if self.exploration is None else self.exploration.judge
        with hosted(judge) as word:
            trainable, scratch = self._trainable(word), self.cluster.scratch
            if self.exploration is None:
                parcels = [Parcel.of(trial, self.plan.context) for trial in self.plan.open_trials]
                return tune_trials(trainable, parcels, self.listener, self.trials, scratch)
            from searchspace.tune_search import AskTell

            searcher = AskTell(self.exploration.proposer, self.plan.context)
            return tune_trials(trainable, None, self.listener, self.trials, scratch, searcher=searcher)

    def _trainable(self, judge: Any) -> Any:
        from searchspace.tune_driver import nested_trainable, warm_trainable

        resources = self.plan.study.resources
        if self.executor == "train":
            return nested_trainable(self.plan.context, resources, self.layout, self.cluster.scratch, judge)
        return warm_trainable(self.plan.context, resources, judge)


def _most_folds(plan: Plan) -> int:
    """Return the fold fits of the trial that has most of them left: more ranks would stand idle."""
    return max(len(plan.open_fits(trial)) for trial in plan.open_trials)
