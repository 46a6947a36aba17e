"""A study on three machines that things happen to, and what is left of it in the end.

    with arena(folder) as place:
        found = place.play(FAULTS["a warm process killed"], random.Random(0))

The machines are those of `cluster/hosts.py`. The study is small and of both kinds: networks that are fine-tuned, with a
checkpoint after every epoch, and heads on frozen features. What a run without any fault comes to is found once, by the
executor `inline`, outside the machines.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import yaml
from cluster.hosts import Host, Hosts, three_hosts

from analysis.accounting import account
from analysis.ledger import Ledger

ROOT = Path(__file__).parents[2]
STUDY: dict[str, Any] = {
    "name": "faults",
    "question": "Does the table come out the same?",
    "cohort": {"name": "phantom", "lesions": 160, "size": 32},
    "folds": {"folds": 3},
    "fixed": {
        "backbone": {"name": "test_resnet", "weights": "none"},
        "image": {"size": [32, 32]},
        "metadata": {"fields": ["age", "site"]},
        "training": {"epochs": 30, "batch_size": 16},
    },
    "scientific": {"backbone.frozen_stages": ["all", 0], "fusion.name": ["concat", "multiply"]},
    "tables": [
        {
            "name": "fusions",
            "title": "Fusions",
            "kind": "ablation",
            "rows": "backbone.frozen_stages",
            "columns": "fusion.name",
            "metrics": ["mcr", "auc"],
            "reference": {"fusion.name": "concat"},
        }
    ],
}
PLANNED = 12
RUN = "python -m searchspace.run"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that happens to a run.

    `inject` is called while the study runs. `resumed` says that it ends the driver, so that the same command is given
    again. `executor` is the one that it is tried with. `damages`: how many settled fold fits it damages at most, which
    have to be told and are trained again.
    """

    name: str
    how: str
    inject: Callable[["Arena", Random], None]
    executor: str = "warm"
    resumed: bool = False
    damages: int = 0


@dataclass(frozen=True)
class Found:
    """What became of a run: fold fits that nobody has, settled ones that were trained again, the tables, seconds.

    `damaged` settled ones were told as damaged; only those may be trained again.
    """

    lost: int
    repeated: int
    damaged: int
    identical: bool
    violations: tuple[str, ...]
    seconds: float
    output: str = field(repr=False, default="")

    @property
    def sound(self) -> bool:
        """Whether nothing came of the fault."""
        return not (self.lost or self.violations) and self.repeated <= self.damaged and self.identical


class Arena:
    """Three machines with the study on the folder that they share."""

    def __init__(self, hosts: Hosts, expected: dict[str, bytes]) -> None:
        self.hosts, self.expected = hosts, expected
        self.study = hosts.shared / "faults.yaml"
        self.study.write_text(yaml.safe_dump(STUDY, sort_keys=False))
        self.out, self.printed = hosts.shared / "run", hosts.shared / "printed.txt"
        self.driver: subprocess.Popen[str] | None = None

    def play(self, fault: Fault, moment: Random) -> Found:
        """Run the study, let the fault happen at a random moment, and see what became of it."""
        shutil.rmtree(self.out, ignore_errors=True)
        started = time.monotonic()
        self.start(fault.executor)
        self.wait_for(lambda: len(self.settled()) > moment.randrange(1, 5))
        time.sleep(moment.uniform(0.0, 2.0))
        before = self.settled()
        fault.inject(self, moment)
        output, code = self.end()
        if fault.resumed:
            self.start(fault.executor)
            output, code = self.end()
        seconds = time.monotonic() - started
        self.mend()
        after = self.settled()
        tables = table_bytes(self.out)
        violations = account(str(self.out)).violations if code == 0 else (f"exit code {code}: {output[-300:]}",)
        return Found(
            lost=PLANNED - len(after),
            damaged=min(output.count("damaged: fold fit "), fault.damages),
            repeated=sum(after.get(key) != changed for key, changed in before.items()),
            identical=tables == self.expected,
            violations=tuple(map(str, violations)),
            seconds=seconds,
            output=output,
        )

    def start(self, executor: str) -> None:
        """Start the driver on the head."""
        command = f"{RUN} {self.study} --out {self.out} --executor {executor} --address auto --no-report"
        with self.printed.open("w") as stream:
            self.driver = self.hosts.head.start(command, stdout=stream, stderr=subprocess.STDOUT)

    def end(self, seconds: float = 900.0) -> tuple[str, int]:
        """Wait for the driver's end; return what it printed, and its exit code."""
        assert self.driver is not None
        late = ""
        try:
            self.driver.wait(seconds)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            late = f"\nthe driver did not end within {seconds:g} s"
        return self.printed.read_text() + late, self.driver.wait()

    def settled(self) -> dict[str, int]:
        """Return when each settled fold fit was written, by key."""
        folder = self.out / "ledger" / "fits"
        return {path.name: path.stat().st_mtime_ns for path in folder.glob("[!.]*.json")} if folder.is_dir() else {}

    def wait_for(self, condition: Callable[[], bool], seconds: float = 180.0) -> None:
        """Wait until something holds, or the driver has ended."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.driver is not None
            if self.driver.poll() is not None:
                return
            if time.monotonic() > deadline:
                raise TimeoutError("what was waited for did not come")
            time.sleep(0.1)

    def kill_process(self, title: str, moment: Random) -> None:
        """Send SIGKILL to a random process of that title, on whichever machine; wait until there is one."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = [(host, pid) for host in self.hosts.all if host.alive for pid in pids(host, title)]
            if found:
                host, pid = moment.choice(found)
                host.run(f"kill -9 {pid}", check=False)
                return
            time.sleep(0.2)
        raise TimeoutError(f"no process {title} was found")

    def mend(self) -> None:
        """Bring back whatever is missing, for the next fault."""
        if not self.hosts.head.alive:
            self.hosts.head.restart()
        for worker in self.hosts.workers:
            if not worker.alive:
                worker.restart()
            worker.heal()
        self.hosts.wait_for(len(self.hosts.all))


def pids(host: Host, title: str) -> list[str]:
    """Return the processes of a machine whose title begins so."""
    return host.run(f"pgrep -f '^{title}'", check=False, capture_output=True, text=True).stdout.split()


def table_bytes(out: Path) -> dict[str, bytes]:
    """Return the content of every table of a run."""
    return {path.name: path.read_bytes() for path in sorted((out / "tables").glob("fusions*"))}


@contextmanager
def arena(folder: Path) -> Iterator[Arena]:
    """Make the machines, and find what the study comes to without any fault."""
    quiet = folder / "quiet"
    quiet.mkdir(parents=True)
    study = quiet / "faults.yaml"
    study.write_text(yaml.safe_dump(STUDY, sort_keys=False))
    command = [sys.executable, "-m", "searchspace.run", str(study), "--out", str(quiet / "run"), "--executor", "inline"]
    environment = os.environ | {"FUSESEARCH_CACHE": str(quiet / "cache"), "PYTHONPATH": str(ROOT)}
    subprocess.run([*command, "--no-report"], cwd=quiet, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert len(Ledger(quiet / "run" / "ledger").keys()) == PLANNED
    with three_hosts(folder / "hosts") as hosts:
        yield Arena(hosts, table_bytes(quiet / "run"))
