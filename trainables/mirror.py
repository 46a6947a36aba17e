"""A file or folder at a URI, copied to the node's cache, so that it can be opened as any folder is.

A mirror lies in `<cache>/data/<digest of the URI>/`. A copied file gets the time of change that the
store gives, so a file of the same size and time is not copied again. A file is copied aside and renamed when it is
complete; one that an interrupted copy left aside counts for nothing and goes with the next. Files that the store no
longer has are removed.
"""

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from filelock import FileLock
from pyarrow import fs

from analysis.errors import AnalysisError, StorageError
from analysis.ledger.storage import LEFTOVER, Storage
from models.errors import InputError
from trainables.cache_room import hold, note_of, room_for, size_in_words
from trainables.images.pixels import Tick

KIND = "data"
AT_ONCE = 16
"""Files copied at the same time: a store's answer takes much longer than the bytes of an image."""
CHUNK = 1 << 20


@dataclass(frozen=True)
class Place:
    """A file or folder on this machine, and the URI that it is a copy of, if it is one."""

    path: Path
    origin: str | None = None

    def inside(self, name: str) -> "Place":
        """Return a file or folder in this one."""
        return Place(self.path / name, None if self.origin is None else Storage(self.origin).folder(name).location)


@dataclass(frozen=True)
class _File:
    name: str
    path: str
    size: int
    changed: int
    """Nanoseconds, as the store gives it."""

    def is_at(self, target: Path) -> bool:
        try:
            found = target.lstat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (self.size, self.changed)


def _nothing(line: str) -> None:
    del line


def _no_stage(name: str) -> Tick:
    del name
    return lambda done, total: None


@dataclass
class Mirrors:
    """Brings what the user named to this node, each place once in a process.

    `say` is told what is copied and how much, `stage` gives a callback for its progress.
    """

    cache: Path
    say: Callable[[str], None] = _nothing
    stage: Callable[[str], Tick] = _no_stage
    _fetched: dict[str, Place] = field(default_factory=dict)

    def fetch(self, location: str, name: str) -> Place:
        """Return the place of a path as it is, that of a URI as its copy, made or refreshed now.

        Args:
            location: a path or a URI.
            name: of the option or setting, for messages.

        Raises:
            InputError: nothing is there, it cannot be copied to this disk, or names in it cannot be those of files.
            AnalysisError: the URI cannot be opened or read.
        """
        if "://" not in location:
            return Place(Path(location))
        if location not in self._fetched:
            try:
                self._fetched[location] = self._mirror(Storage(location), name)
            except InputError as error:
                raise InputError(f"{name} {location}: {error}") from error
            except AnalysisError as error:
                raise type(error)(f"{name}: {error}") from error
        return self._fetched[location]

    def _mirror(self, storage: Storage, name: str) -> Place:
        if storage.local is not None:
            if not storage.local.exists():
                raise InputError("there is no such file or folder")
            return Place(storage.local)
        files, single = _listed(storage)
        target = self._target(storage)
        try:
            target.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{target}.lock"):
                hold(target)
                self._refresh(storage, files, target, name)
        except OSError as error:
            advice = "free some space, or set FUSESEARCH_CACHE to another folder"
            raise InputError(f"cannot be copied to {target}: {error.strerror or error}; {advice}") from error
        return Place(target / files[0].name if single else target, storage.location)

    def _target(self, storage: Storage) -> Path:
        return self.cache / KIND / hashlib.sha256(storage.location.encode()).hexdigest()

    def _refresh(self, storage: Storage, files: list[_File], target: Path, name: str) -> None:
        _remove_others(target, {file.name for file in files})
        missing = [file for file in files if not file.is_at(target / file.name)]
        size = sum(file.size for file in missing)
        place = f"{name} {_without_query(storage.location)}: {_counted(files)}"
        if not missing:
            self.say(f"{place}; this node has them all")
            _write_note(storage, files, target)
            return
        self.say(f"{place}; copying {_counted(missing)} to {target}")
        with room_for(self.cache, size, "the copy"):
            _make_folders(target, missing)
            _write_note(storage, files, target)  # one that is interrupted takes room too
        _copy_all(storage, missing, target, self.stage("data"))


def _listed(storage: Storage) -> tuple[list[_File], bool]:
    """Return the files at a URI by name, sorted, and whether it is that of a single file."""
    try:
        found = storage.filesystem.get_file_info([storage.base])[0]
        single = found.type == fs.FileType.File
        everything = [found] if single else storage.filesystem.get_file_info(_whole(storage.base))
    except OSError as error:
        raise StorageError(f"cannot list {storage.location}: {_line(error)}") from error
    root = storage.base.rpartition("/")[0] if single else storage.base
    files = [
        _File(entry.path[len(root) + 1 :], entry.path, entry.size, entry.mtime_ns or 0)
        for entry in everything
        if entry.type == fs.FileType.File
    ]
    if not files:
        raise InputError("there is nothing; check bucket and folder, and that you may list them")
    _check_names([file.name for file in files])
    return sorted(files, key=lambda file: file.name), single


def _counted(files: list[_File]) -> str:
    return f"{len(files):,} file{'s' * (len(files) != 1)}, {size_in_words(sum(file.size for file in files))}"


def _whole(base: str) -> fs.FileSelector:
    return fs.FileSelector(base, recursive=True, allow_not_found=True)


def _check_names(names: list[str]) -> None:
    """Refuse objects that have no place in a folder: a store takes any text as a name."""
    folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    for name in names:
        if any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in name.split("/")):
            raise InputError(f"the object {name!a} has a name that no file here can have; rename or remove it")
        if name in folders:
            raise InputError(f"the object {name!a} is a file and a folder at once; rename or remove it")


def _remove_others(target: Path, names: set[str]) -> None:
    """Remove what an interrupted copy left aside, and files that the store no longer has."""
    for folder, _, files in os.walk(target, topdown=False):
        for file in files:
            path = Path(folder, file)
            name = path.relative_to(target).as_posix()
            if name not in names or LEFTOVER.fullmatch(file):
                path.unlink(missing_ok=True)
        if Path(folder) != target and not os.listdir(folder):
            os.rmdir(folder)


def _write_note(storage: Storage, files: list[_File], target: Path) -> None:
    note = {"uri": _without_query(storage.location), "bytes": sum(file.size for file in files)}
    note_of(target).write_text(json.dumps(note, indent=1))


def _make_folders(target: Path, files: list[_File]) -> None:
    for folder in {(target / file.name).parent for file in files}:
        folder.mkdir(parents=True, exist_ok=True)


def _copy_all(storage: Storage, files: list[_File], target: Path, tick: Tick) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for done, _ in enumerate(pool.map(lambda file: _copy(storage, file, target / file.name), files), 1):
                tick(done, len(files))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _copy(storage: Storage, file: _File, target: Path) -> None:
    with _aside(target) as aside:
        with open(aside, "wb") as copy:
            for chunk in _chunks(storage, file):
                copy.write(chunk)
        if aside.stat().st_size != file.size:
            raise StorageError(f"{file.name} in {storage.location} changed while it was copied; start again")
        changed = file.changed or time.time_ns()
        os.utime(aside, ns=(changed, changed))
        os.replace(aside, target)


def _chunks(storage: Storage, file: _File) -> Iterator[bytes]:
    try:
        with storage.filesystem.open_input_stream(file.path) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except OSError as error:
        raise StorageError(f"cannot read {file.name} in {storage.location}: {_line(error)}") from error


@contextlib.contextmanager
def _aside(target: Path) -> Iterator[Path]:
    aside = target.with_name(f".{uuid.uuid4().hex}.{uuid.uuid4().hex}")  # short, however long the file's name is
    try:
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def _without_query(uri: str) -> str:
    return uri.partition("?")[0]


def _line(error: OSError) -> str:
    return str(error).strip().partition("\n")[0]
