"""Joining a cluster that asks for a token: one line and exit code 2 without it; nothing of the token is written."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from models.errors import InputError
from searchspace.admission import require_admission

TOKEN, OTHER = "0f" * 32, "e1" * 32
SMALL = ["--set", "training.epochs=1", "--set", "folds.folds=2", "--set", "scientific.metadata.fields=[[],[age]]"]


class Refuses(grpc.GenericRpcHandler):
    def __init__(self, code: grpc.StatusCode) -> None:
        self.code = code

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(lambda request, context: context.abort(self.code, "no"))


@contextlib.contextmanager
def refusing(code: grpc.StatusCode) -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[Refuses(code)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "the token is missing or wrong: copy the cluster's ~/.ray/auth_token to ~/.ray/auth_token here"),
        (
            {"RAY_AUTH_MODE": "disabled"},
            "it asks for a token, and RAY_AUTH_MODE=disabled here; say RAY_AUTH_MODE=token",
        ),
        ({"RAY_AUTH_TOKEN": OTHER}, "RAY_AUTH_TOKEN does not give its token: unset it"),
    ],
)
def test_a_refused_token_is_said_in_one_line(monkeypatch, environment, message):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with refusing(grpc.StatusCode.UNAUTHENTICATED) as address, pytest.raises(InputError) as raised:
        require_admission(address)
    assert str(raised.value).startswith(f"cannot use the Ray cluster at {address}: {message}")
    assert "\n" not in str(raised.value)
    assert OTHER not in str(raised.value)


def test_what_is_no_ray_cluster_is_told_apart():
    with (
        refusing(grpc.StatusCode.UNIMPLEMENTED) as address,
        pytest.raises(InputError, match=f"no Ray cluster answers at {address}: unimplemented"),
    ):
        require_admission(address)
    with pytest.raises(InputError, match=r"cannot reach a Ray cluster at 127.0.0.1:\d+: Connection refused"):
        require_admission(f"127.0.0.1:{free_port()}")


@pytest.mark.parametrize("address", ["a..b:6379", f"{'x' * 64}.org:6379", "127.0.0.1:99999", "\udcff:6379"])
def test_an_address_that_cannot_be_one_is_refused(address):
    with pytest.raises(InputError, match="cannot reach a Ray cluster at"):
        require_admission(address)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass(frozen=True)
class Guarded:
    """A cluster that asks for a token."""

    address: str
    folder: Path

    def home(self, token: str | None) -> str:
        """Return a home folder with this token, or none."""
        home = self.folder / f"home-{(token or 'none')[:4]}"
        if token:
            (home / ".ray").mkdir(parents=True, exist_ok=True)
            (home / ".ray" / "auth_token").write_text(token)
        return str(home)


@pytest.fixture(scope="module")
def guarded(run_environment) -> Iterator[Guarded]:
    folder = Path(tempfile.mkdtemp(prefix="guarded-"))
    cluster = Guarded(f"127.0.0.1:{free_port()}", folder)
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats"]
    command += [f"--port={cluster.address.rpartition(':')[2]}", f"--temp-dir={folder / 'ray'}", "--num-cpus=2"]
    command += [f"--{name}-port={free_port()}" for name in ("dashboard", "ray-client-server", "dashboard-agent-listen")]
    environment = {**run_environment, "HOME": cluster.home(TOKEN), "RAY_AUTH_MODE": "token"}
    with (folder / "head.log").open("w") as log:
        head = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while "Ray runtime started" not in (folder / "head.log").read_text() and time.monotonic() < deadline:
        assert head.poll() is None, (folder / "head.log").read_text()
        time.sleep(0.2)
    yield cluster
    head.send_signal(signal.SIGTERM)
    head.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("token", "mode", "why"),
    [
        (None, None, "the token is missing or wrong: copy the cluster's ~/.ray/auth_token"),
        (OTHER, None, "the token is missing or wrong: copy the cluster's ~/.ray/auth_token"),
        (TOKEN, "disabled", "it asks for a token, and RAY_AUTH_MODE=disabled here"),
    ],
)
def test_without_the_token_a_run_ends_in_a_minute_with_one_line(run, guarded, tmp_path, token, mode, why):
    chosen = {"HOME": guarded.home(token), **({"RAY_AUTH_MODE": mode} if mode else {})}
    started = time.monotonic()
    result = run(*SMALL, "--address", guarded.address, "--out", tmp_path / "run", **chosen)
    assert time.monotonic() - started < 60
    assert result.returncode == 2
    assert [line for line in result.stderr.splitlines() if line.strip()] == [
        line for line in result.stderr.splitlines() if line.startswith("error: cannot use the Ray cluster at ")
    ]
    assert result.stderr.count("\n") == 1
    assert why in result.stderr
    assert not (tmp_path / "run" / "run.json").exists()


@pytest.mark.slow
def test_with_the_token_a_run_joins_and_writes_nothing_of_it(run, guarded, tmp_path):
    result = run(*SMALL, "--address", guarded.address, "--out", tmp_path / "run", HOME=guarded.home(TOKEN))
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("Ray: dashboard http://127.0.0.1:") == 1
    assert "ssh -N -L " in result.stdout
    assert TOKEN not in result.stdout + result.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("tensorboard" in str(path) for path in written)
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]
    logs = [path for path in (guarded.folder / "ray").rglob("*.*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in logs if TOKEN.encode() in path.read_bytes()]


PRIVATE = """
import os, sys
from searchspace.cluster import connected
with connected("local", print, dashboard=True):
    import ray
    from ray._private.worker import get_dashboard_url
    print(ray.get_runtime_context().gcs_address, get_dashboard_url(), ray.nodes()[0]["NodeManagerAddress"])
    print(oct(os.stat(os.path.expanduser("~/.ray/auth_token")).st_mode & 0o777), os.environ["RAY_AUTH_MODE"])
    port = int(ray.get_runtime_context().gcs_address.rpartition(":")[2])
    listening = {line.split()[1] for line in open("/proc/net/tcp6") if line.split()[3] == "0A"}
    listening |= {line.split()[1] for line in open("/proc/net/tcp") if line.split()[3] == "0A"}
    print(*[entry.partition(":")[0] for entry in listening if int(entry.partition(":")[2], 16) == port])
"""
LOCALHOST = {"0100007F", "0000000000000000FFFF00000100007F"}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/net/tcp6").exists(), reason="reads what listens from /proc")
def test_a_private_cluster_listens_on_this_machine_only_and_asks_for_a_token(run_environment, tmp_path):
    environment = {**run_environment, "HOME": str(tmp_path)}
    command = [sys.executable, "-c", PRIVATE]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=os.sep)
    assert result.returncode == 0, result.stderr
    addresses, token, bound = result.stdout.splitlines()[-3:]
    assert all(address.startswith("127.0.0.1") for address in addresses.split())
    assert token.split() == ["0o600", "token"]
    assert bound
    assert set(bound.split()) <= LOCALHOST
