"""Three machines in a network of their own on this computer, and Ray on them, started by `ray up`.

    with three_hosts(folder) as hosts:
        hosts.exec("python -m searchspace.run --out ...")       from the laptop, by `ray exec`
        driver = hosts.head.start("python -m searchspace.run --out ...")
        hosts.workers[0].kill(); hosts.workers[0].restart()     a machine dies and comes back
        hosts.workers[1].cut(); hosts.workers[1].heal()         its network cable is pulled and plugged in again

Needs Linux, root, iproute2, openssh-server and rsync (see `why_not`). The network reaches nothing outside, and nothing
outside reaches it: also the laptop from which `ray up` is run is a machine of it. Nothing here needs pytest.
"""

import shlex
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from cluster.machine import Machine, make_key, why_not

__all__ = ["Host", "Hosts", "three_hosts", "why_not"]

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "docs" / "clusters" / "own-machines.yaml"
LAPTOP, HEAD = 254, 1
UP_SECONDS = 120.0
NOT_COPIED = (".git", ".venv", "runs", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", "results")

# Each machine counts as one core. The autoscaler would start Ray again on a machine that does not answer for 30 s; here
# that is left to `restart`, so that nothing happens twice.
BASHRC = """export RAY_OVERRIDE_RESOURCES='{{"CPU": {cores}}}' AUTOSCALER_HEARTBEAT_TIMEOUT_S=86400
export RAY_UP_enable_autoscaler_v2=0 RAY_USAGE_STATS_ENABLED=0 RAY_worker_niceness=0
"""
# What `pip install` does, without a network: an environment of its own around the packages of this one.
INSTALL = """set -e
mkdir -p ~/venv/bin ~/venv/lib/{python}/site-packages
ln -sfn {base}/bin/{python} ~/venv/bin/python
printf 'home = %s/bin\\ninclude-system-site-packages = false\\n' {base} > ~/venv/pyvenv.cfg
printf '%s\\n%s\\n' ~/fusesearch {packages} > ~/venv/lib/{python}/site-packages/checkout.pth
printf '#!%s\\nfrom ray.scripts.scripts import main\\nmain()\\n' ~/venv/bin/python > ~/venv/bin/ray
chmod +x ~/venv/bin/ray
"""
COUNT = """
import ray, sys, time
ray.init(address="auto", logging_level="ERROR", log_to_driver=False)
wanted, deadline = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
while (found := sum(node["Alive"] for node in ray.nodes())) != wanted and time.monotonic() < deadline:
    time.sleep(0.2)
sys.exit(0 if found == wanted else f"{found} machines, not {wanted}")
"""


class Host(Machine):
    """A machine of the Ray cluster."""

    hosts: "Hosts"

    def restart(self) -> None:
        """Switch a killed machine on again and start Ray on it as cluster.yaml does.

        A worker joins the head. A head that comes back is a new cluster, to which its autoscaler brings the workers.
        """
        alive = self.hosts.alive
        self.boot()
        self.join()
        self.hosts.wait_for(len(self.hosts.all) if self is self.hosts.head else alive + 1)

    def join(self) -> None:
        """Start Ray on it."""
        kind = "head" if self is self.hosts.head else "worker"
        commands = self.hosts.config[f"{kind}_start_ray_commands"]
        self.run(f"export RAY_HEAD_IP={self.hosts.head.address}; {'; '.join(commands)}")


class Hosts:
    """The machines, and what a user does with them from the laptop."""

    def __init__(self, network: Path, workers: int, cores: int) -> None:
        self.network = network
        self.shared = network / "shared"
        """A folder that all machines see at this path, as a network drive would be."""
        self.laptop = Machine("laptop", LAPTOP, network)
        self.head = Host("head", HEAD, network, self.laptop)
        self.workers = [Host(f"worker-{n}", HEAD + n, network, self.laptop) for n in range(1, workers + 1)]
        self.config = self._filled_in()
        for host in self.all:
            host.hosts = self
        self._write_files(cores)

    @property
    def all(self) -> list[Host]:
        """The machines of the cluster, the head first."""
        return [self.head, *self.workers]

    @property
    def alive(self) -> int:
        """How many of them are switched on."""
        return sum(host.alive for host in self.all)

    def up(self) -> None:
        """Start the cluster with `ray up` and wait for all of its machines."""
        self.laptop.run("cd ~/fusesearch && ray up -y --no-config-cache ~/cluster.yaml")
        self.wait_for(len(self.all))

    def down(self) -> None:
        """Stop the cluster with `ray down`, and Ray on the workers, which else leave when they have missed the head."""
        self.laptop.run("ray down -y ~/cluster.yaml")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda worker: worker.run("ray stop", check=False), (w for w in self.workers if w.alive)))

    def exec(self, command: str, **options: Any) -> Any:
        """Run a command on the head with `ray exec`, as a user at the laptop does."""
        return self.laptop.run(f"ray exec ~/cluster.yaml {shlex.quote(command)}", **options)

    def wait_for(self, number: int, seconds: float = UP_SECONDS) -> None:
        """Wait until the head counts so many machines."""
        self.head.run(f"RAY_AUTH_MODE=token python {self.network}/count.py {number} {seconds:g}", timeout=seconds + 60)

    def _filled_in(self) -> dict[str, Any]:
        """Return docs/clusters/own-machines.yaml with every line marked CHANGE filled in, and no download."""
        config = yaml.safe_load(TEMPLATE.read_text())
        config["provider"] |= {"head_ip": self.head.address, "worker_ips": [host.address for host in self.workers]}
        config["auth"] = {"ssh_user": "root", "ssh_private_key": "~/.ssh/id_ed25519"}
        commands = [line for line in config["setup_commands"] if "-m venv" not in line]
        install = f"sh {self.network}/install.sh"
        shared = f"echo 'export RUNS={self.shared}/runs DATA={self.shared}/data' >> ~/.bashrc"
        commands = [shared if "export RUNS=" in line else line for line in commands]
        config["setup_commands"] = [install if "pip install" in line else line for line in commands]
        return config

    def _write_files(self, cores: int) -> None:
        self.shared.mkdir(parents=True)
        names = "".join(f"{machine.address} {machine.name}\n" for machine in [*self.all, self.laptop])
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        install = INSTALL.format(python=python, base=sys.base_prefix, packages=sysconfig.get_path("purelib"))
        files = {
            "hosts": f"127.0.0.1 localhost\n{names}",
            "shadow": "root:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n",
            "bashrc": BASHRC.format(cores=cores),
            "install.sh": install,
            "count.py": COUNT,
        }
        for name, text in files.items():
            (self.network / name).write_text(text)
        make_key(self.network / "key")

    def boot(self) -> None:
        """Switch all machines on, the laptop with the key, the checkout and the token."""
        self.laptop.boot()
        home = self.laptop.disk / "root"
        shutil.copytree(ROOT, home / "fusesearch", ignore=shutil.ignore_patterns(*NOT_COPIED))
        shutil.copy(self.network / "key", home / ".ssh" / "id_ed25519")
        (home / "cluster.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))
        self.laptop.run(f"sh {self.network}/install.sh; echo 'export PATH=$HOME/venv/bin:$PATH' >> ~/.bashrc")
        for host in self.all:
            host.boot()
        self.laptop.run("ray get-auth-token --generate >/dev/null && chmod 600 ~/.ray/auth_token")


@contextmanager
def three_hosts(folder: Path, *, up: bool = True, workers: int = 2, cores: int = 1) -> Iterator[Hosts]:
    """Make a head and workers, start Ray on them unless `up` is false, and take everything away at the end.

    Args:
        folder: an empty folder for their disks; also a folder `shared` in it that all of them see.
        up: whether `ray up` is run.
        workers: how many machines there are beside the head.
        cores: how many cores Ray counts on each.

    Raises:
        RuntimeError: they cannot be made here (see `why_not`), or Ray did not start.
    """
    if reason := why_not():
        raise RuntimeError(f"no three hosts on this computer: {reason}")
    hosts = Hosts(folder.resolve(), workers, cores)
    with ExitStack() as stack:
        for machine in [hosts.laptop, *hosts.all]:
            stack.callback(machine.kill)
        hosts.boot()
        if up:
            hosts.up()
        yield hosts
