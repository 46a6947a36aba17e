"""Ray: attach to a cluster or start a local one, and work out how many trials fit, before anything is launched."""

import math
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.errors import InputError
from searchspace.study import Resources

PREFIX = "fusesearch-"
LONGEST_FOLDER = 48
"""Ray puts sockets under its folder, and the path of a socket has room for about 107 characters."""
QUIET = {"log_to_driver": False, "logging_level": "ERROR"}


@dataclass(frozen=True)
class Cluster:
    """A connected cluster: CPUs and GPUs in all, whether it is ours alone, and a folder that goes with the run."""

    cpus: float
    gpus: float
    local: bool
    scratch: Path

    def concurrency(self, wanted: Resources, trials: int) -> int:
        """Return how many trials run at once.

        Raises:
            InputError: not even one trial fits; names what is wanted and what there is.
        """
        if wanted.threads > self.cpus:
            raise InputError(
                f"resources.threads={wanted.threads}: that is more CPUs for a trial than the cluster has, {self.cpus:g}"
            )
        if wanted.gpu > self.gpus:
            raise InputError(
                f"resources.gpu={wanted.gpu:g}: that is more GPU for a trial than the cluster has, {self.gpus:g}"
            )
        slots = math.floor(self.cpus / wanted.threads)
        if wanted.gpu:
            slots = min(slots, math.floor(self.gpus) * math.floor(1 / wanted.gpu + 1e-9))
        return max(1, min(slots, trials))


@contextmanager
def connected(address: str | None) -> Iterator[Cluster]:
    """Connect to Ray for the length of the block, from a neutral working directory.

    `address` is a cluster's address or `auto`; without one: RAY_ADDRESS, then a cluster that was started on this
    machine, then a private one, which ends with the block and leaves nothing. The working directory moves because Ray
    hands the driver's to its workers, where a folder named `models` would hide ours.

    Raises:
        InputError: no cluster at the address; one line that says what to do.
    """
    prepare_environment()
    import ray

    _remove_remains()
    before = Path.cwd()
    prefix = f"{PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as scratch:
        neutral = Path(scratch) / "cwd"
        neutral.mkdir()
        os.chdir(neutral)
        try:
            local = _connect(address, Path(scratch))
            total = ray.cluster_resources()
            yield Cluster(total.get("CPU", 0.0), total.get("GPU", 0.0), local, Path(scratch))
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
    }
    if (Path.home() / ".ray" / "auth_token").exists() or {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        settings["RAY_AUTH_MODE"] = "token"
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def _refuse_silent(address: str | None) -> None:
    """Ray waits minutes for a cluster that is not there; a connection that opens or not tells in seconds."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise InputError(f"cannot reach a Ray cluster at {address}: {error.strerror or error}") from error


def _connect(address: str | None, scratch: Path) -> bool:
    """Connect, and tell whether the cluster is a private one of this run."""
    import ray

    explicit = address or os.environ.get("RAY_ADDRESS")
    _refuse_silent(explicit)
    known = explicit if explicit not in (None, "", "auto") else _advertised()
    if known or explicit:
        try:
            ray.init(address=known or explicit, **QUIET)
            return False
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            if explicit:
                advice = "is it up, and is RAY_AUTH_MODE the same there?"
                raise InputError(
                    f"cannot reach a Ray cluster at {explicit}: {_first_line(error)} ({advice})"
                ) from error
    # A folder of its own keeps a private cluster out of the file by which Ray finds clusters, so no other run joins it.
    private = {"_temp_dir": str(scratch)} if len(str(scratch)) <= LONGEST_FOLDER else {}
    try:
        ray.init(address="local", include_dashboard=False, **private, **QUIET)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise InputError(f"cannot start Ray here: {_first_line(error)}; --executor inline runs without it") from error
    return True


def _advertised() -> str | None:
    """Return the address of the cluster that `ray start` announced on this machine, if anybody answers there."""
    from ray._private.utils import read_ray_address

    address = read_ray_address()
    try:
        _refuse_silent(address)
    except InputError:
        return None
    return address


def _remove_remains() -> None:
    """Remove the folders of private clusters whose run was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdigit() and not _alive(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
