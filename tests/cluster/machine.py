"""One machine of a network that exists on this computer only, made of Linux namespaces.

A machine has its own network (one cable to the switch), processes, home (/root), /tmp, /dev/shm and host name, and sshd
on port 22 as its first process. Its disk is a folder; /tmp is empty after every start. What it needs of the real
computer, Python and the folder of the network, stands at the same path on all machines. All of it ends with its first
process, also when this process is killed.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NETWORK = "10.77.0"
BOOT_SECONDS = 15.0
UNSHARE = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--uts", "--ipc"]
PROGRAMS = ("unshare", "nsenter", "setpriv", "ip", "sshd", "ssh-keygen", "rsync")
SSHD = "-D -E {disk}/sshd.log -h {disk}/host_key -o PidFile=none -o UsePAM=no -o PasswordAuthentication=no -o UseDNS=no"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
ENVIRONMENT = ["HOME=/root", "USER=root", "LANG=C.UTF-8", "TERM=dumb", f"PATH={PATH}"]

BOOT = """
set -e
hostname {name}
mount -t tmpfs none /run
mkdir -p /run/sshd /run/kept
n=0; for path in {kept}; do n=$((n+1)); mkdir /run/kept/$n; mount --rbind "$path" /run/kept/$n; done
mount --bind {network}/hosts /etc/hosts
mount --bind {network}/shadow /etc/shadow
if [ -e /etc/resolv.conf ]; then mount --bind /dev/null /etc/resolv.conf; fi
mount -t tmpfs none /dev/shm
mount --bind {disk}/root /root
mount --bind {disk}/tmp /tmp
n=0; for path in {kept}; do n=$((n+1)); case "$path" in /root/*|/tmp/*) mkdir -p "$path"
  mount --rbind /run/kept/$n "$path";; esac; done
cd /
exec "$(command -v sshd)" {sshd}
"""
CABLE = """
ip link add {name} type veth peer name eth0 netns {pid}
ip link set {name} master switch up
"""
ADDRESS = """
ip link set lo up
ip addr add {address}/24 dev eth0
ip link set eth0 up
ip route add default via {gateway}
"""
SWITCH = """
ip link set lo up
ip link add switch type bridge forward_delay 0
ip addr add {address}/24 dev switch
ip link set switch up
"""


def why_not() -> str:
    """Return why machines of this kind cannot be made here, in a few words; empty when they can."""
    if os.geteuid() != 0:
        return "that needs root"
    for program in PROGRAMS:
        if not shutil.which(program, path=PATH):
            return f"{program} is not installed"
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
    return (tried.stderr.strip() or "unshare failed").partition("\n")[0] if tried.returncode else ""


class Inside(subprocess.Popen[str]):
    """A command that runs inside a machine; signals reach the command itself, and it ends with its caller."""

    def send_signal(self, sig: int) -> None:
        """Send the signal to the command, which is the child of the process that entered the machine."""
        if (inner := _child(self.pid)) is not None:
            os.kill(inner, sig)
        else:
            super().send_signal(sig)


@dataclass
class Machine:
    """One machine; `switch` is the machine that holds the other end of the cable, None for that one itself."""

    name: str
    number: int
    network: Path
    switch: "Machine | None" = None
    pid: int = 0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Its address in the network."""
        return f"{NETWORK}.{self.number}"

    @property
    def disk(self) -> Path:
        """The folder that is its disk: `root` is its /root, `tmp` its /tmp."""
        return self.network / self.name

    @property
    def alive(self) -> bool:
        """Whether it is switched on."""
        return self._process is not None and self._process.poll() is None

    def boot(self) -> None:
        """Switch it on, with sshd, and plug in its cable."""
        self._prepare_disk()
        kept = sorted({str(self.network), sys.prefix, sys.base_prefix, sysconfig.get_path("purelib")})
        script = BOOT.format(
            name=self.name,
            kept=shlex.join(kept),
            network=shlex.quote(str(self.network)),
            disk=shlex.quote(str(self.disk)),
            sshd=SSHD.format(disk=shlex.quote(str(self.disk))),
        )
        with (self.disk / "boot.log").open("ab") as log:
            ended_with_us = ["setpriv", "--pdeathsig", "KILL"]
            command = [*ended_with_us, *UNSHARE, "bash", "-c", script]
            environment = {**os.environ, "PATH": PATH}
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self.pid = self._wait_for_first_process()
        self._plug_in()
        self._wait_for_sshd()

    def run(self, command: str, *, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a shell command inside as root, from its home; output is captured unless `options` say otherwise."""
        options = {"capture_output": True, "text": True, "timeout": 300, **options}
        done = subprocess.run(self._enter(command), **options)
        if check and done.returncode:
            raise RuntimeError(f"{self.name}: {command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, command: str, *, cwd: str = "~", **options: Any) -> Inside:
        """Start one command (no shell operators) inside and return it; `kill` and `terminate` reach it."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
        return Inside(self._enter(f"cd {cwd}; exec {command}"), **options)

    def kill(self) -> None:
        """Kill everything inside at once, without a word to anybody: the machine died."""
        if self._process is not None:
            if self.alive:
                os.kill(self.pid, signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None

    def cut(self) -> None:
        """Pull its network cable."""
        self._link("down")

    def heal(self) -> None:
        """Plug its network cable in again."""
        self._link("up")

    def processes(self) -> list[str]:
        """Return the command lines of what runs inside."""
        shown = self.run("for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done 2>/dev/null", check=False)
        return [line for line in shown.stdout.splitlines() if line]

    def _link(self, state: str) -> None:
        if self.switch is None:
            raise ValueError(f"{self.name} is the switch of this network; cut another machine off")
        self.switch.run(f"ip link set {self.name} {state}")

    def _enter(self, command: str) -> list[str]:
        into = ["nsenter", "--target", str(self.pid), "--net", "--pid", "--mount", "--uts", "--ipc"]
        shell = f"cd; . ~/.bashrc; {command}"
        return [*into, "env", "-i", *ENVIRONMENT, "setpriv", "--pdeathsig", "KILL", "bash", "-c", shell]

    def _prepare_disk(self) -> None:
        home = self.disk / "root"
        if not home.exists():
            (home / ".ssh").mkdir(parents=True, mode=0o700)
            (home / ".ssh" / "authorized_keys").write_bytes((self.network / "key.pub").read_bytes())
            (home / ".bashrc").write_bytes((self.network / "bashrc").read_bytes())
            make_key(self.disk / "host_key")
        subprocess.run(["rm", "-rf", str(self.disk / "tmp")], check=True)
        (self.disk / "tmp").mkdir()
        (self.disk / "tmp").chmod(0o1777)

    def _wait_for_first_process(self) -> int:
        assert self._process is not None
        deadline = time.monotonic() + BOOT_SECONDS
        while (pid := _child(self._process.pid)) is None:
            self._refuse_late(deadline)
            time.sleep(0.02)
        return pid

    def _plug_in(self) -> None:
        net = ["nsenter", "--net", "--target"]
        if self.switch is None:
            own = SWITCH.format(address=self.address)
        else:
            cable = CABLE.format(name=self.name, pid=self.pid)
            subprocess.run([*net, str(self.switch.pid), "sh", "-ec", cable], check=True)
            own = ADDRESS.format(address=self.address, gateway=self.switch.address)
        subprocess.run([*net, str(self.pid), "sh", "-ec", own], check=True)

    def _wait_for_sshd(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while self.run("exec 3<>/dev/tcp/127.0.0.1/22", check=False).returncode:
            self._refuse_late(deadline)
            time.sleep(0.1)

    def _refuse_late(self, deadline: float) -> None:
        if not self.alive or time.monotonic() > deadline:
            raise RuntimeError(f"{self.name} did not start: {(self.disk / 'boot.log').read_text().strip()}")


def make_key(path: Path) -> None:
    """Make a pair of ssh keys."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "three-hosts", "-f", str(path)], check=True)


def _child(pid: int) -> int | None:
    """Return the first child of a process, if it has one."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(found[0]) if found else None
