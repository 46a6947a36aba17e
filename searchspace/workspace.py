"""The run folder: who may write to it, what was asked for, and where things lie.

`run.json` what was asked, `study.json` what was planned, `ledger/` fold fits and predictions, `report.html` with
`tables/` and `figures/`, `tensorboard/` the curves; of a search also `search/`, its record, and `optuna.db`. The folder
may be a URI (`s3://...`); TensorBoard and Optuna, which write to local disks only, then do so beside the node's cache
and are copied to the URI at the end.
"""

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from analysis.errors import VersionError
from analysis.ledger import Ledger
from analysis.ledger.storage import Storage
from analysis.manifest import IN_LEDGER, IN_RUN, MANIFEST_VERSION, Manifest
from analysis.versions import check_version, require_own_version
from models.errors import InputError

DATABASE = "optuna.db"
"""What a search shows to optuna-dashboard; its record is beside it."""

REQUEST = ("study", "data", "weights", "skip_bad", "ledger", "executor", "address", "replay")
"""What run.json holds, beside its version."""
REQUEST_VERSION = 1


@dataclass(frozen=True)
class Workspace:
    """An open run folder. `tensorboard` is always a local folder."""

    storage: Storage
    tensorboard: Path

    @property
    def scratch(self) -> Path:
        """A local folder that goes with the run: the run folder itself, unless that is remote."""
        return self.tensorboard.parent

    @property
    def location(self) -> str:
        """Where the run lies, as the user may type it."""
        return self.storage.location

    def write_request(self, request: dict[str, Any]) -> None:
        """Record what was asked for, which `--resume` reads. Factors keep their order, which is that of tables."""
        self.storage.write("run.json", json.dumps({"version": REQUEST_VERSION} | request, indent=1).encode())

    def write_manifest(self, manifest: Manifest, ledger: Ledger) -> None:
        """Record what was planned, for the analysis: in the run folder, and in the ledger without the way to itself."""
        alone = replace(manifest, ledger=None).to_json()
        places = (
            (self.storage, IN_RUN, manifest.to_json()),
            (ledger.storage, f"{IN_LEDGER}/{manifest.study}.json", alone),
        )
        for storage, name, content in places:
            if storage.read(name) != content:
                storage.write(name, content)

    def publish(self) -> None:
        """Copy TensorBoard's files and Optuna's database to a run folder that is not local."""
        if self.storage.local is not None:
            return
        for path in [*sorted(self.tensorboard.rglob("events.*")), *self.scratch.glob("*.db")]:
            self.storage.write(path.relative_to(self.scratch).as_posix(), path.read_bytes())


def read_request(location: str) -> dict[str, Any]:
    """Return what an earlier run in this folder was asked.

    Raises:
        InputError: there is no run, or its run.json is damaged.
        VersionError: another version wrote it.
    """
    content = Storage(location).read("run.json")
    if content is None:
        raise InputError(f"--resume: there is no run in {location} (no run.json); start it without --resume")
    try:
        request = json.loads(content)
        check_version(request.pop("version", REQUEST_VERSION), REQUEST_VERSION, f"--resume: {location}/run.json")
        texts = [value for name, value in request.items() if name not in ("study", "skip_bad") and value is not None]
        kinds = isinstance(request["study"], dict) and isinstance(request["skip_bad"], bool | None)
        if set(request) != set(REQUEST) or not kinds or not all(isinstance(value, str) for value in texts):
            raise ValueError("not the request of a run")
    except VersionError:
        raise
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        advice = "start the run without --resume, its fold fits are kept"
        raise InputError(f"--resume: {location}/run.json is damaged; {advice}") from error
    return dict(request)


def open_ledger(location: str, shared: str | None) -> Ledger:
    """Return the ledger to share with other runs, if one was given, else the run's own.

    Raises:
        VersionError: it is of another version.
    """
    ledger = Ledger(shared) if shared else Ledger(Storage(location).folder("ledger"))
    Ledger(ledger.storage).require_own_version()
    return ledger


@contextmanager
def open_workspace(location: str, study: str, cache: Path) -> Iterator[Workspace]:
    """Open the run folder for writing, alone.

    Args:
        location: a folder or a URI; made if absent.
        study: the study's name; a folder that holds another study's run is refused.
        cache: the node's cache folder.

    Raises:
        InputError: in use by another process, holds another study, or cannot be written.
    """
    storage = Storage(location)
    scratch = storage.local or cache / "runs" / location.replace("/", "_").replace(":", "_").partition("?")[0]
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        lock = FileLock(scratch / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            f"--out {location}: another process is running in this folder; wait for it, or choose another --out"
        ) from error
    except OSError as error:
        raise InputError(f"--out {location}: cannot be written: {error.strerror or error}") from error
    try:
        for name, known in (("run.json", REQUEST_VERSION), (IN_RUN, MANIFEST_VERSION)):
            require_own_version(storage.read(name), known, f"--out {location}: {name}")
        _refuse_other_study(storage, study)
        yield Workspace(storage, scratch / "tensorboard")
    finally:
        lock.release()
        _remove_if_unused(scratch, storage)


def _remove_if_unused(scratch: Path, storage: Storage) -> None:
    """Leave no folder behind for a run that never started."""
    if storage.read("run.json") is not None:
        return
    for name in (".lock", DATABASE):
        (scratch / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        scratch.rmdir()


def _refuse_other_study(storage: Storage, study: str) -> None:
    content = storage.read("run.json")
    if content is None:
        return
    try:
        earlier = json.loads(content)["study"]["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if earlier != study:
        raise InputError(
            f"--out {storage.location} holds a run of study {earlier!r}; choose another --out for {study!r}"
        )
