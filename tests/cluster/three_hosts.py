"""A study over three machines, from `ray up` to `ray down`, with a log of what was seen. From the top of the checkout:

    PYTHONPATH=tests python -m cluster.three_hosts [--simulated] [arguments of the study]

The machines are those of `hosts.py`, or, where such cannot be made (or with --simulated), three Ray nodes as processes.
It ends with an error when fold fits did not run on all three, when a table differs from the one of `--executor inline`,
or when anything is left behind.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from cluster.hosts import ROOT, Hosts, three_hosts, why_not

STUDY = ["--set", "training.epochs=60", "--executor", "warm"]
RUN = "python -m searchspace.run --no-report"
# Which nodes ran the processes that train fold fits, how many of their calls, and which calls of Tune's failed.
WHERE = """
import collections, json, sys, ray
from ray.util.state import list_tasks
ray.init(address=sys.argv[1], logging_level="ERROR", log_to_driver=False)
names = {n["NodeID"]: f'{n["NodeManagerHostname"]} {n["NodeID"][:6]}' for n in ray.nodes()}
CALLS = ("Trainable.train", "Trainable.save", "Trainable.reset", ".run_train_fn")
trains = ("ResourceTrainable.train", "RayTrainWorker.run_train_fn")
tasks = list_tasks(limit=10_000)
found = [task.node_id for task in tasks if task.name in trains and task.state == "FINISHED"]
failed = [task.name for task in tasks if task.state == "FAILED" and task.name.endswith(CALLS)]
print(json.dumps([collections.Counter(names[node] for node in found if node in names), sorted(failed)]))
"""
# What the dashboard says behind the tunnel, without the token and with it.
DASHBOARD = """
import pathlib, time, urllib.error, urllib.request
def status(headers):
    request = urllib.request.Request("http://localhost:8265/nodes?view=summary", headers=headers)
    for _ in range(60):
        try:
            return urllib.request.urlopen(request).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            time.sleep(0.5)
token = (pathlib.Path.home() / ".ray" / "auth_token").read_text()
print(status({}), status({"Authorization": f"Bearer {token}"}))
"""


@dataclass
class Log:
    """Prints what was done, each line with the seconds it took."""

    began: float = field(default_factory=time.monotonic)

    def step(self, what: str, do: Callable[[], Any]) -> Any:
        """Do it and print a line; `{}` in it becomes what came out."""
        started = time.monotonic()
        result = do()
        print(f"- {time.monotonic() - started:.1f} s: {what.format(result)}", flush=True)
        return result


def over_machines(log: Log, folder: Path, study: list[str]) -> None:
    """Do everything on three machines."""
    before = leftovers(folder)
    with three_hosts(folder / "net", up=False) as hosts:
        addresses = ", ".join(f"{machine.name} {machine.address}" for machine in [hosts.laptop, *hosts.all])
        print(f"Machines, each with its own network, processes, home, /tmp, /dev/shm and sshd: {addresses}\n")
        log.step("`ray up` on the laptop, until the head counts three machines", hosts.up)
        log.step("the token is there, for its owner only: {}", lambda: token_modes(hosts))
        log.step("without the token: {}", lambda: without_token(hosts))
        log.step("`ray dashboard`: {}", lambda: dashboard(hosts))
        log.step(f"`ray exec ... '{RUN} {' '.join(study)} --out $RUNS/cluster'`: {{}}", lambda: run_study(hosts, study))
        log.step("{}", lambda: where(hosts.head.run, "auto", hosts.network, len(hosts.all)))
        log.step("the same, `--executor inline` on the head", lambda: run_inline(hosts, study))
        log.step("`ray rsync-down` to the laptop: {}", lambda: fetch(hosts))
        log.step("tables: {}", lambda: compare(hosts.shared / "runs" / "inline", hosts.shared / "runs" / "cluster"))
        log.step("`ray down`: {}", lambda: stop(hosts))
        pids = [machine.pid for machine in [hosts.laptop, *hosts.all]]
        table = max((hosts.shared / "runs" / "cluster" / "tables").glob("subsets*.md")).read_text()
    gone = not any(Path(f"/proc/{pid}").exists() for pid in pids)
    expect(gone and leftovers(folder) == before, "something is left behind")
    print(f"- nothing is left: no process, network interface or mount\n\n{table}")


def over_nodes(log: Log, folder: Path, study: list[str]) -> None:
    """Do what can be done with three Ray nodes that are processes of one machine."""
    from ray.cluster_utils import Cluster

    os.environ |= {"RAY_AUTH_MODE": "disabled", "PYTHONPATH": str(ROOT)}
    cluster = log.step(
        "three Ray nodes",
        lambda: Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": True}),
    )
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        command = [sys.executable, "-m", "searchspace.run", "--no-report", *study]
        there, inline = [*command, "--address", cluster.address], [*command, "--executor", "inline"]
        log.step("the study", lambda: checked([*there, "--out", str(folder / "cluster")]))
        log.step("{}", lambda: where(shell, cluster.address, folder, 3))
        log.step("the same, `--executor inline`", lambda: checked([*inline, "--out", str(folder / "inline")]))
        log.step("tables: {}", lambda: compare(folder / "inline", folder / "cluster"))
    finally:
        log.step("stopped", cluster.shutdown)


def token_modes(hosts: Hosts) -> str:
    """Return the permissions of the token file on every machine."""
    modes = [host.run("stat -c %a ~/.ray/auth_token").stdout.strip() for host in hosts.all]
    expect(set(modes) == {"600"}, f"~/.ray/auth_token has the modes {modes}")
    return f"~/.ray/auth_token {modes[0]} on {len(modes)} machines"


def without_token(hosts: Hosts) -> str:
    """Return what a run on the head says when its home has no token."""
    command = f"HOME=/tmp/empty {RUN} --address {hosts.head.address}:6379 --out /tmp/none"
    done = hosts.head.run(f"mkdir -p /tmp/empty; unset RAY_AUTH_MODE; {command}", check=False)
    expect(done.returncode == 2, f"exit code {done.returncode}: {done.stderr}")
    return f"exit code 2, `{done.stderr.strip()}`"


def dashboard(hosts: Hosts) -> str:
    """Return what the laptop sees of the dashboard, which listens on the head's 127.0.0.1."""
    listening = hosts.head.run("ss -Hltn 'sport = :8265'").stdout.split()[3]
    tunnel = hosts.laptop.start("ray dashboard cluster.yaml")
    try:
        (hosts.network / "dashboard.py").write_text(DASHBOARD)
        seen = hosts.laptop.run(f"python {hosts.network}/dashboard.py").stdout.split()
    finally:
        tunnel.terminate()
        tunnel.wait(timeout=30)
    expect(listening == "127.0.0.1:8265" and seen == ["401", "200"], f"{listening}, {seen}")
    return f"it listens on {listening}; through the tunnel HTTP {seen[0]} without the token, {seen[1]} with it"


def run_study(hosts: Hosts, study: list[str]) -> str:
    """Run it from the laptop, and return its last word."""
    done = hosts.exec(f"{RUN} {' '.join(study)} --out $RUNS/cluster", timeout=1200)
    token = (hosts.laptop.disk / "root" / ".ray" / "auth_token").read_text().strip()
    written = [path for path in hosts.shared.rglob("*") if path.is_file()]
    expect(token not in done.stdout + done.stderr, "the token was printed")
    expect(not any(token.encode() in path.read_bytes() for path in written), "the token was written")
    return next(line.strip() for line in done.stdout.splitlines() if " fold fits done" in line)


def run_inline(hosts: Hosts, study: list[str]) -> None:
    """Run it on the head without Ray, into another ledger."""
    hosts.head.run(f"{RUN} {' '.join(study)} --executor inline --out $RUNS/inline", timeout=1200)


def where(run: Callable[..., subprocess.CompletedProcess[str]], address: str, folder: Path, nodes: int) -> str:
    """Return on which nodes fold fits were trained, and make sure that it is all of them."""
    (folder / "where.py").write_text(WHERE)
    ran, failed = json.loads(run(f"python {folder}/where.py {address}").stdout.splitlines()[-1])
    expect(len(ran) == nodes, f"fold fits ran on {sorted(ran)} only")
    calls = ", ".join(f"{node} ({count} calls)" for node, count in sorted(ran.items()))
    return f"fold fits ran on {calls}; calls of Tune's that failed: {', '.join(failed) or 'none'}"


def fetch(hosts: Hosts) -> str:
    """Copy the run to the laptop with `ray rsync-down`."""
    hosts.laptop.run(f"mkdir fetched; ray rsync-down cluster.yaml {hosts.shared}/runs/cluster/ fetched/")
    return f"{sum(path.is_file() for path in (hosts.laptop.disk / 'root' / 'fetched').rglob('*'))} files"


def compare(expected: Path, found: Path) -> str:
    """Make sure that all tables are the same, to the last digit."""
    names = sorted(path.name for path in (expected / "tables").iterdir())
    expect(names == sorted(path.name for path in (found / "tables").iterdir()), f"other tables than {names}")
    different = [
        name for name in names if (expected / "tables" / name).read_bytes() != (found / "tables" / name).read_bytes()
    ]
    expect(not different, f"these tables differ: {different}")
    return f"all {len(names)} files are the same as those of `--executor inline`"


def stop(hosts: Hosts) -> str:
    """Stop the cluster; nothing of Ray may go on."""
    hosts.down()
    left = [line for host in hosts.all for line in host.processes() if "ray::" in line or "/ray/core/" in line]
    expect(not left, f"still there: {left}")
    return "no process of Ray is left on any machine"


def leftovers(folder: Path) -> list[str]:
    """Return what three machines could leave on this one: network interfaces and mounts."""
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True).stdout
    names = [line.split(": ")[1] for line in links.splitlines()]
    return [*names, *(line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line)]


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with this Python."""
    return checked([sys.executable, *command.split()[1:]])


def checked(command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this checkout, with more environment; its output is shown when it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tempfile.gettempdir())
    expect(not done.returncode, f"{' '.join(command)}: {done.stdout}\n{done.stderr}")
    return done


def expect(holds: bool, otherwise: str) -> None:
    """End with an error unless it holds."""
    if not holds:
        sys.exit(f"error: {otherwise}")


def main(arguments: list[str]) -> None:
    """Run the script."""
    import ray

    simulated = "--simulated" in arguments
    study = [word for word in arguments if word != "--simulated"] or STUDY
    print(f"# A study over three machines\n\n{date.today()}, {os.cpu_count()} cores of {platform.machine()}, ", end="")
    print(f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}, Ray {ray.__version__}\n")
    reason = "asked for" if simulated else why_not()
    folder, log = Path(tempfile.mkdtemp(prefix="three-hosts-")), Log()
    try:
        if reason:
            print(f"Not on machines of their own ({reason}): on three Ray nodes of `ray.cluster_utils.Cluster`.\n")
        (over_nodes if reason else over_machines)(log, folder, study)
        print(f"All in all {time.monotonic() - log.began:.0f} s.")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
