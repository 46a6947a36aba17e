"""2,000 short fold fits on machines that things keep happening to: a grid and a search at once on one cluster.

    PYTHONPATH=.:tests python benchmarks/soak.py [--fits 2000] [--seconds-between 20]    Linux, root; 30 to 60 minutes

Every 20 s on average something is killed with SIGKILL: mostly processes of Ray that train or launch training, one time
in ten a whole machine (which comes back 5 to 15 s later), one time in twenty a driver (the same command is given
again). At the end nothing may be lost, nothing trained twice after it was settled, no fine-tuned fold fit may have
repeated more than an epoch for each kill, no actor, placement group or running Optuna trial may be left, and the
account of both runs must be without violation.
"""

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cluster.hosts import Hosts, three_hosts, why_not
from faults.arena import STUDY, pids
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from analysis.accounting import account

KILLED = {"ray::ResourceTrainable": "warm process", "ray::_Bench": "judge"}
"""Titles of processes, and what they are. A warm process is what trains; the judge is the search's referee."""
FOLDS, EPOCHS = 5, 20
MOST_REPEATED = 2
"""Epochs that one fold fit may repeat: one for each time it was in flight when something was killed."""
LEFT = """
import ray
from ray.util.state import list_actors, list_placement_groups
ray.init(address="auto", logging_level="ERROR", log_to_driver=False)
actors = [a.class_name for a in list_actors(limit=10_000) if a.state != "DEAD"]
groups = [g for g in list_placement_groups(limit=10_000) if g.state != "REMOVED"]
print(len(actors), len(groups), *actors)
"""


def grid_of(fits: int) -> dict[str, Any]:
    """Return a study of so many fold fits: three quarters heads, one quarter fine-tuned."""
    rates = [round(0.0005 * (1 + n), 6) for n in range(fits // FOLDS // 8)]
    training = {"epochs": EPOCHS, "batch_size": 64}
    fixed = STUDY["fixed"] | {"training": training}
    heads = {"training.learning_rate": rates, "fusion.name": ["concat", "multiply", "film"], "head.dropout": [0.0, 0.2]}
    tuned = {"training.learning_rate": rates, "backbone.frozen_stages": [0], "fusion.name": ["concat", "multiply"]}
    table = STUDY["tables"][0] | {"rows": "training.learning_rate", "name": "rates", "kind": "leaderboard"}
    kept = {name: value for name, value in table.items() if name in ("name", "title", "kind", "metrics")}
    cohort = {"name": "phantom", "lesions": 100, "size": 32}
    return STUDY | {
        "name": "soak-grid",
        "cohort": cohort,
        "folds": {"folds": FOLDS},
        "fixed": fixed,
        "scientific": [heads, tuned],
        "tables": [kept],
    }


def search_of(fits: int) -> dict[str, Any]:
    """Return a search of so many fold fits at most."""
    study = grid_of(8 * FOLDS)
    del study["scientific"]
    return study | {
        "name": "soak-search",
        "search": {
            "training.learning_rate": {"low": 0.0001, "high": 0.1, "log": True},
            "fusion.name": ["concat", "multiply", "film"],
        },
        "strategy": {"name": "tpe", "trials": fits // FOLDS, "confirm": 2, "at_once": 2},
    }


@dataclass
class Driver:
    """One study's driver on the head, started again whenever it was killed; what it took in memory."""

    name: str
    hosts: Hosts
    starts: int = 0
    process: subprocess.Popen[str] | None = None
    memory: list[float] = field(default_factory=list)

    @property
    def out(self) -> Path:
        """The run folder."""
        return self.hosts.shared / f"run-{self.name}"

    @property
    def command(self) -> str:
        """What is run on the head."""
        study = self.hosts.shared / f"{self.name}.yaml"
        return f"python -m searchspace.run {study} --out {self.out} --executor warm --address auto --no-report"

    def start(self) -> None:
        """Give the command."""
        self.starts += 1
        with (self.hosts.shared / f"{self.name}-{self.starts}.txt").open("w") as stream:
            self.process = self.hosts.head.start(self.command, stdout=stream, stderr=subprocess.STDOUT)

    @property
    def printed(self) -> str:
        """What the last one said."""
        return (self.hosts.shared / f"{self.name}-{self.starts}.txt").read_text()

    def going(self) -> bool:
        """Whether it runs; one that ended by a signal is started again."""
        assert self.process is not None
        code = self.process.poll()
        if code is not None and code not in (0, 1, 2, 74):
            self.start()
            return True
        return code is None

    def settled(self) -> dict[str, int]:
        """Return when each fold fit was written, by key."""
        folder = self.out / "ledger" / "fits"
        return {path.name: path.stat().st_mtime_ns for path in folder.glob("[!.]*.json")} if folder.is_dir() else {}

    def measure(self) -> None:
        """Note the resident memory in MB."""
        found = self.hosts.head.run(
            f"ps -eo rss,args | grep 'searchspace.run.*{self.name}' | grep -v grep", check=False
        )
        sizes = [int(line.split()[0]) / 1024 for line in found.stdout.splitlines()]
        if sizes:
            self.memory.append(max(sizes))


@dataclass
class Soak:
    """The killing, and what was seen."""

    hosts: Hosts
    drivers: list[Driver]
    moment: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    written: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    recoveries: list[float] = field(default_factory=list)

    def run(self, between: float) -> None:
        """Kill until both studies have ended."""
        due = time.monotonic() + self.moment.expovariate(1 / between)
        while any([driver.going() for driver in self.drivers]):
            time.sleep(0.5)
            self.watch()
            if time.monotonic() >= due:
                self.kill()
                due = time.monotonic() + self.moment.expovariate(1 / between)

    def watch(self) -> None:
        """Note fold fits that were written again after they had been settled, and the drivers' memory."""
        for driver in self.drivers:
            for key, changed in driver.settled().items():
                self.repeated += self.written.setdefault(key, changed) != changed
                self.written[key] = changed
            driver.measure()

    def kill(self) -> None:
        """Kill something."""
        dice = self.moment.random()
        if dice < 0.05:
            going = [driver for driver in self.drivers if driver.process and driver.process.poll() is None]
            driver = self.moment.choice(going) if going else None
            if driver is not None and driver.process is not None:
                self.kills["driver"] += 1
                driver.process.kill()
        elif dice < 0.15:
            self.kills["machine"] += 1
            worker = self.moment.choice(self.hosts.workers)
            worker.kill()
            time.sleep(self.moment.uniform(5.0, 15.0))
            worker.restart()
            seconds = self._until_next_fit()
            if seconds is not None:
                self.recoveries.append(seconds)
        else:
            title = self.moment.choices(list(KILLED), weights=[9, 1])[0]
            found = [(host, pid) for host in self.hosts.all for pid in pids(host, title)]
            if found:
                self.kills[KILLED[title]] += 1
                host, pid = self.moment.choice(found)
                host.run(f"kill -9 {pid}", check=False)

    def _until_next_fit(self) -> float | None:
        """Return the seconds until another fold fit is settled; None when none is left and the drivers end."""
        before, started = sum(len(driver.settled()) for driver in self.drivers), time.monotonic()
        while sum(len(driver.settled()) for driver in self.drivers) == before and time.monotonic() - started < 120:
            if not any([driver.going() for driver in self.drivers]):
                return None
            time.sleep(0.2)
        return time.monotonic() - started


def epochs_twice(out: Path, *, tuned: bool) -> list[int]:
    """Return for each fold fit that repeated some how many epochs were reported more than once.

    Fine-tuned ones go on from their last epoch; heads, which take less than a second, begin again.
    """
    twice = []
    for folder in {path.parent for path in (out / "tensorboard").rglob("events.*")}:
        if ("frozen stages 0" in str(folder)) is tuned:
            events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
            losses = [events.Scalars(tag) for tag in events.Tags()["scalars"] if tag.endswith("loss")]
            repeats = [len(series) - len({event.step for event in series}) for series in losses]
            twice.append(max(repeats, default=0))
    return sorted(filter(None, twice), reverse=True)


def running_trials(database: Path) -> int:
    """Count Optuna's trials that are left running."""
    if not database.exists():
        return 0
    with sqlite3.connect(database) as connection:
        return int(connection.execute("select count(*) from trials where state = 'RUNNING'").fetchone()[0])


def report(soak: Soak, seconds: float, fits: int) -> bool:
    """Print what was seen; return whether all of it is as it should be."""
    sound = soak.repeated == 0
    print(f"{seconds / 60:.1f} minutes; kills: {dict(soak.kills)}; drivers started {[d.starts for d in soak.drivers]}")
    for driver in soak.drivers:
        found = account(str(driver.out))
        code = driver.process.poll() if driver.process else None
        print(f"{driver.name}: {found.counts}; violations {len(found.violations)}; exit code {code}")
        for violation in found.violations[:10]:
            print(f"  {violation}")
        sound &= not found.violations and found.counts.get("open", 0) == 0
        first, last = driver.memory[len(driver.memory) // 10], driver.memory[-1]
        print(f"  memory MB: {first:.0f} early, {max(driver.memory):.0f} at most, {last:.0f} at the end")
        tuned, heads = (epochs_twice(driver.out, tuned=kind) for kind in (True, False))
        print(f"  epochs reported twice, by fold fit: fine-tuned {tuned}, heads {heads}")
        sound &= max(tuned, default=0) <= MOST_REPEATED
    print(
        f"settled fold fits trained again: {soak.repeated}; fold fits settled: {len(soak.written)} (of {fits} planned)"
    )
    slowest = max(soak.recoveries, default=0.0)
    print(
        f"first fold fit after a machine came back: {[round(s, 1) for s in soak.recoveries]} s, slowest {slowest:.1f}"
    )
    running = running_trials(soak.drivers[1].out / "optuna.db")
    script = soak.hosts.shared / "left.py"
    script.write_text(LEFT)
    left = soak.hosts.head.run(f"RAY_AUTH_MODE=token python {script}").stdout.split()
    print(f"left on the cluster: actors {left[0]} {left[2:]}, placement groups {left[1]}; Optuna running {running}")
    return sound and running == 0 and left[:2] == ["0", "0"]


def main(fits: int, between: float, seed: int) -> int:
    """Soak; return 0 when nothing was lost."""
    if reason := why_not():
        sys.exit(f"no machines of our own here: {reason}")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, three_hosts(Path(folder) / "hosts", workers=3) as hosts:
        studies = {"grid": grid_of(fits * 4 // 5), "search": search_of(fits // 5)}
        for name, study in studies.items():
            (hosts.shared / f"{name}.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
        drivers = [Driver(name, hosts) for name in studies]
        for driver in drivers:
            driver.start()
        soak = Soak(hosts, drivers, random.Random(seed))
        started = time.monotonic()
        soak.run(between)
        for driver in drivers:
            print(f"{driver.name} said at the end:", *driver.printed.splitlines()[-12:], sep="\n  ")
        return 0 if report(soak, time.monotonic() - started, fits) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=2000)
    parser.add_argument("--seconds-between", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.exit(main(given.fits, given.seconds_between, given.seed))
