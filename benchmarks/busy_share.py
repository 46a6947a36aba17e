"""Are the GPUs busy while fold fits wait? Fake fits that sleep, on a simulated cluster with fake GPUs.

    python benchmarks/busy_share.py                   all cases, 200 fits of 2 to 4 s each; about 10 minutes on 2 cores

Several Ray nodes run on this machine. What is real: the dispatch, the driver on Ray Tune, placement groups, reused
processes. What is made up: the GPUs, and the fits, which sleep in a process that does not import torch. The busy share
is the time in which fits ran, divided by the processes that fit and the time until no fit waited any more: `launched`
counts it from the driver's start, with the start of Ray's worker processes, `working` from the first fit.
"""

import argparse
import functools
import json
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster
from sleeping_fits import FOLDS, FakeContext, FakeTrial, SleepingTrial

from searchspace.capacity import Lanes
from searchspace.cluster import prepare_environment
from searchspace.dispatch import Dispatch
from searchspace.machines import machines
from searchspace.study import Resources
from searchspace.tune_driver import tune_trials, with_share
from searchspace.tune_search import GridQueue
from trainables.events import Event, FitEnded


def run_study(address: str, name: str, trials: Sequence[FakeTrial], resources: Resources, out: Path) -> None:
    """Run one study on the cluster and write its fits to a file, as (key, began, ended)."""
    prepare_environment()
    ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    fits: list[tuple[str, float, float]] = []

    def listen(trial: Any, event: Event) -> None:
        assert isinstance(event, FitEnded)
        fits.append((event.key, event.metrics["began"], event.metrics["ended"]))

    launched = time.time()
    lanes = functools.partial(lambda: Lanes.of(machines(grows=False), resources))
    queue = GridQueue(Dispatch([(trial, range(FOLDS)) for trial in trials], FakeContext(), lanes, nested=False))  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as scratch:
        gave_up = tune_trials(with_share(SleepingTrial, resources), queue, listen, Path(scratch))
    out.joinpath(f"{name}.json").write_text(json.dumps({"launched": launched, "fits": fits, "gave_up": gave_up}))
    ray.shutdown()


def figures(runs: Sequence[dict[str, Any]], slots: int) -> dict[str, float]:
    """Return the busy shares of studies that ran at the same time on so many slots."""
    fits = sorted((began, ended) for run in runs for _, began, ended in run["fits"])
    launched, first = min(run["launched"] for run in runs), fits[0][0]
    empty = fits[-1][0]  # the last fit began: no fit waits any more
    busy = sum(min(ended, empty) - began for began, ended in fits)
    return {
        "fits": len(fits),
        "seconds": round(empty - launched, 1),
        "launched": round(busy / slots / (empty - launched), 3),
        "working": round(busy / slots / (empty - first), 3),
    }


def trials_of(fits: int, *, heads: bool = False, name: str = "t") -> list[FakeTrial]:
    """Return trials of 2 to 4 s a fit; of those with heads every other one is a head."""
    return [FakeTrial(f"{name}{n}", 2.0 + n % 5 / 2, head=heads and n % 2 == 1) for n in range(fits // FOLDS)]


def cases(fits: int) -> dict[str, tuple[list[dict[str, int]], Resources, list[list[FakeTrial]], int]]:
    """Return the nodes, what a process takes, the studies that run at once, and the slots, by name."""
    two = [{"num_cpus": 4, "num_gpus": 4}] * 2
    return {
        "one study, 8 GPUs": (two, Resources(gpu=1), [trials_of(fits)], 8),
        "half a GPU each, 4 GPUs": ([{"num_cpus": 4, "num_gpus": 2}] * 2, Resources(gpu=0.5), [trials_of(fits)], 8),
        "two studies at once, 4 GPUs": (two[:1], Resources(gpu=1), [trials_of(fits // 2, name=n) for n in "ab"], 4),
        "fine-tuning and heads, 4 GPUs and a node without": (
            [{"num_cpus": 2, "num_gpus": 2}] * 2 + [{"num_cpus": 4, "num_gpus": 0}],
            Resources(gpu=1, heads="cpu"),
            [trials_of(fits, heads=True)],
            8,
        ),
    }


def play(name: str, fits: int) -> dict[str, Any]:
    """Run one case and return its figures."""
    nodes, resources, studies, slots = cases(fits)[name]
    logging.disable(logging.ERROR)  # the nodes' own words on being stopped
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for node in nodes:
            cluster.add_node(**node)
        cluster.wait_for_nodes()
        with tempfile.TemporaryDirectory() as folder:
            out, spawn = Path(folder), multiprocessing.get_context("spawn")
            processes = [
                spawn.Process(target=run_study, args=(cluster.address, str(n), trials, resources, out))
                for n, trials in enumerate(studies)
            ]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            runs = [json.loads(path.read_text()) for path in sorted(out.glob("*.json"))]
    finally:
        cluster.shutdown()
    keys = [key for run in runs for key, *_ in run["fits"]]
    assert len(keys) == len(set(keys)) == sum(len(trials) * FOLDS for trials in studies), "a fit was lost or done twice"
    return {"case": name, "slots": slots, **figures(runs, slots)}


def main(fits: int, only: str) -> None:
    """Print a line of figures for each case."""
    print(f"{'case':50s} {'slots':>6s} {'fits':>6s} {'seconds':>8s} {'launched':>9s} {'working':>8s}")
    for name in cases(fits):
        if only in name:
            found = play(name, fits)
            print(
                f"{name:50s} {found['slots']:6d} {found['fits']:6d} {found['seconds']:8.1f} {found['launched']:9.3f} "
                f"{found['working']:8.3f}",
                flush=True,
            )


if __name__ == "__main__":
    # Ray's processes import the sleeping fits from here, and take their settings from the environment.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--only", default="", help="run the cases whose name holds this text")
    given = parser.parse_args()
    main(given.fits, given.only)
    sys.exit(0)
