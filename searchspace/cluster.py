"""Ray: attach to a cluster or start a local one, before anything is launched."""

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

import analysis
import models
import trainables
from models.errors import InputError
from searchspace.admission import refuse_silent, require_admission
from searchspace.capacity import Cluster, usable_cores

PREFIX, ALIVE = "fusesearch-ray-", "alive.lock"
YOUNG_SECONDS = 60.0
LONGEST_FOLDER = 48
"""Ray puts sockets under its folder, and the path of a socket has room for about 107 characters."""
JOIN_SECONDS = 60.0
"""How long a cluster that was joined may take to start a worker on each of its machines."""
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}


@contextmanager
def connected(address: str | None, say: Callable[[str], None], *, dashboard: bool = False) -> Iterator[Cluster]:
    """Connect to Ray for the length of the block, from a neutral working directory.

    `address` is a cluster's address, `auto`, or `local` for a private one. Without it: RAY_ADDRESS, then a cluster that
    `ray start` announced on this machine if it runs the same source, then a private one, which ends with the block and
    leaves nothing. The working directory moves because Ray hands the driver's to its workers, where a folder named
    `models` would hide ours. `say` is told what happens. A private cluster starts without Ray's dashboard unless asked:
    the executor `train` needs it, because Ray finds out from it which nested runs have left their resources behind.

    Raises:
        InputError: no cluster at the address, or one that runs other source; one line that says what to do.
    """
    prepare_environment()
    import ray

    _remove_remains()
    before = Path.cwd()
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as scratch,
        FileLock(Path(scratch) / ALIVE),
    ):
        neutral = Path(scratch) / "cwd"
        neutral.mkdir()
        os.chdir(neutral)
        try:
            local = _connect(address or os.environ.get("RAY_ADDRESS"), Path(scratch), say, dashboard)
            from searchspace.machines import machines

            yield Cluster(machines(grows=not local), local, Path(scratch))
        finally:
            ray.shutdown()
            os.chdir(before)


def prepare_environment() -> None:
    """Set what Ray reads from the environment when it is first imported, unless the user did.

    Ray attaches without a token even where a token file stands (and `ray start` has then switched authentication on).
    """
    if "ray" in sys.modules:
        return
    settings = {
        "RAY_CHDIR_TO_TRIAL_DIR": "0",
        "RAY_AIR_NEW_OUTPUT": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
        "TUNE_GLOBAL_CHECKPOINT_S": "3600",
        # Nested runs have many small processes; Ray would print a paragraph about it again and again.
        "RAY_DEDUP_LOGS_SKIP_REGEX": "PYTHON worker processes have been started",
    }
    if (Path.home() / ".ray" / "auth_token").exists() or {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        settings["RAY_AUTH_MODE"] = "token"
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def _connect(address: str | None, scratch: Path, say: Callable[[str], None], dashboard: bool) -> bool:
    """Connect, and tell whether the cluster is a private one of this run."""
    if address not in (None, "", "auto", "local"):
        _join(address, say)
        return False
    announced = None if address == "local" else _advertised()
    if announced:
        say(f"Ray: joining the cluster that is announced on this machine, {announced}")
        try:
            _join(announced, say)
            return False
        except InputError as error:
            if address == "auto":
                raise
            say(f"Ray: {error}; starting a private one")
    elif address == "auto":
        raise InputError(
            "--address auto: no cluster is announced on this machine; start one with `ray start --head`, or name it, "
            "--address <host:port> (one with a --temp-dir of its own is not announced)"
        )
    _start_private(scratch, dashboard)
    return True


def _join(address: str, say: Callable[[str], None]) -> None:
    """Attach to a cluster, make sure that its workers run the source that this process runs, and say where to watch."""
    import ray

    if address.startswith("ray://"):
        raise InputError(f"--address {address}: runs are started on a machine of the cluster; see docs/cluster.md")
    require_admission(address)
    try:
        ray.init(address=address, **QUIET)
        other = _of_other_source()
    except Exception as error:  # Ray raises many kinds, from wrong tokens to workers that cannot import us
        ray.shutdown()
        advice = "is it up, with fusesearch installed and the same RAY_AUTH_MODE?"
        raise InputError(f"cannot use the Ray cluster at {address}: {_reason(error)[:200]} ({advice})") from error
    if other:
        ray.shutdown()
        raise InputError(
            f"the Ray cluster at {address} runs another version of fusesearch on {', '.join(other)}; install this one "
            "there"
        )
    if dashboard := _dashboard():
        say(dashboard)


def _dashboard() -> str:
    """Say how to reach the dashboard of the cluster that was joined; empty when it has none."""
    from ray._private.worker import get_dashboard_url

    url = get_dashboard_url()
    if not url:
        return ""
    port = url.rpartition(":")[2]
    return f"Ray: dashboard http://{url} on the head; from a laptop: ssh -N -L {port}:{url} <user>@<head>"


def _of_other_source() -> list[str]:
    """Return the addresses of the machines whose workers run other source; one that goes meanwhile does not count."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(num_cpus=0)(source_digest)
    machines = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
    asked = {
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(name, soft=False)).remote(): address
        for name, address in machines.items()
    }
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=JOIN_SECONDS)
    said = []
    for answer in answered:
        try:
            said.append((asked[answer], ray.get(answer)))
        except (ray.exceptions.TaskUnschedulableError, ray.exceptions.NodeDiedError, ray.exceptions.WorkerCrashedError):
            continue
    if not said:
        raise TimeoutError(f"none of its machines started a worker within {JOIN_SECONDS:g} s")
    ours = source_digest()
    return sorted({address for address, theirs in said if theirs != ours})


def source_digest() -> str:
    """Return a hash of the source that this process would compute with."""
    sources = hashlib.sha256()
    for package in (analysis, models, trainables):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            sources.update(str(path.relative_to(root.parent)).encode() + b"\0" + path.read_bytes())
    return sources.hexdigest()


def _start_private(scratch: Path, dashboard: bool) -> None:
    """Start a cluster of this run alone.

    A folder of its own keeps it out of the file by which Ray finds clusters, so no other run joins it. It listens on
    127.0.0.1 alone, and asks for a token unless the user switched that off.
    """
    import ray

    private: dict[str, Any] = {"_temp_dir": str(scratch)} if len(str(scratch)) <= LONGEST_FOLDER else {}
    private["num_cpus"] = usable_cores()  # Ray counts all cores, also those that this process may not use
    try:
        with _reachable_from_here_only():
            ray.init(address="local", include_dashboard=dashboard, dashboard_host="127.0.0.1", **private, **QUIET)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise InputError(f"cannot start Ray here: {_first_line(error)}; --executor inline runs without it") from error


@contextmanager
def _reachable_from_here_only() -> Iterator[None]:
    """Have a cluster that is started inside listen on 127.0.0.1, as Ray does by itself on macOS and Windows.

    Elsewhere Ray takes an address of the network even when it is told `_node_ip_address="127.0.0.1"`.
    """
    from ray._private import ray_constants

    name, before = ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR, ray_constants.ENABLE_RAY_CLUSTER
    given = os.environ.get(name)
    os.environ[name], ray_constants.ENABLE_RAY_CLUSTER = "0", False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        os.environ.pop(name) if given is None else os.environ.update({name: given})
        _close_token_file()


def _close_token_file() -> None:
    """Let nobody else on this machine read the token: Ray writes it for all to read."""
    with contextlib.suppress(OSError):
        (Path.home() / ".ray" / "auth_token").chmod(0o600)


def _advertised() -> str | None:
    """Return the address of the cluster that `ray start` announced on this machine, if anybody answers there."""
    from ray._private.utils import read_ray_address

    address = read_ray_address()
    try:
        refuse_silent(address)
    except InputError:
        return None
    return address


def _remove_remains() -> None:
    """Remove the folders of private clusters whose run was killed: nobody holds their lock any more.

    Processes of a killed run may write to a removed folder once more; such a folder has no lock and is left alone while
    it is young, because a run that is just starting has none either.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = folder / ALIVE
        with contextlib.suppress(OSError, Timeout):
            if lock.exists():
                with FileLock(lock, timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)
            elif time.time() - folder.stat().st_mtime > YOUNG_SECONDS and _only_sessions(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _only_sessions(folder: Path) -> bool:
    """Tell whether Ray alone has written here: a folder of somebody else's is none of ours, whatever its name."""
    return all(path.name.startswith("session_") for path in folder.iterdir())


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _reason(error: BaseException) -> str:
    """Return the line that says what went wrong: of an error in a worker the last, which stands below its traceback."""
    from ray.exceptions import RayTaskError

    return str(error).strip().rpartition("\n")[2] if isinstance(error, RayTaskError) else _first_line(error)
