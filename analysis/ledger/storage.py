"""Whole files in, whole files out, on a local folder or on any pyarrow file system (`s3://`, `gs://`, ...).

A reader never sees half a file: locally a file is written aside, flushed to the disk and renamed; on an object store
the bytes are complete before the one stream opens (an exception inside an open stream would commit a truncated
object).
"""

import os
import re
import time
import uuid
from pathlib import Path

from pyarrow import fs

from analysis.errors import AnalysisError, StorageError
from analysis.ledger.credentials import refuse_credentials
from analysis.plain_files import read_file

SCHEMES = ("file", "s3", "gs", "gcs", "hdfs", "viewfs")
"""What pyarrow opens and reports errors of; others (`abfs`) can end the whole process in their library."""
LEFTOVER = re.compile(r"\.(.+)\.[0-9a-f]{32}")
"""The name of a file that is being written aside."""


class Storage:
    """A folder, named by a path or by a URI.

    Raises:
        AnalysisError: the URI cannot be opened, or the name is none that a file system can have.
    """

    def __init__(self, location: str | Path) -> None:
        self.location = str(location)
        _check_location(self.location)
        try:
            if "://" in self.location:
                self.filesystem, self.base = fs.FileSystem.from_uri(_single_put(self.location))
            else:
                self.filesystem, self.base = fs.LocalFileSystem(), str(Path(self.location).absolute())
        except (OSError, ValueError) as error:
            raise AnalysisError(f"cannot open {self.location}: {_first_line(error)}") from error
        self.base = self.base.rstrip("/")
        if not self.base and self.local is None:
            raise AnalysisError(f"cannot open {self.location}: it names no bucket")

    @property
    def local(self) -> Path | None:
        """The folder as a path, or None on a remote file system."""
        return Path(self.base) if isinstance(self.filesystem, fs.LocalFileSystem) else None

    def __reduce__(self) -> tuple[type["Storage"], tuple[str]]:
        return Storage, (self.location,)

    def folder(self, name: str) -> "Storage":
        """Return the storage of a folder inside this one, keeping any query of the URI."""
        head, mark, query = self.location.partition("?") if "://" in self.location else (self.location, "", "")
        return Storage(f"{head.rstrip('/')}/{name}{mark}{query}")

    def write(self, name: str, content: bytes) -> None:
        """Write one file, whole or not at all; folders are made as needed.

        Raises:
            AnalysisError: it cannot be written; names the file and the reason.
        """
        path = f"{self.base}/{name}"
        try:
            self.filesystem.create_dir(path.rpartition("/")[0], recursive=True)
            if self.local is None:
                with self.filesystem.open_output_stream(path) as stream:
                    stream.write(content)
            else:
                _replace(Path(path), content)
        except OSError as error:
            raise StorageError(f"cannot write {name} in {self.location}: {_first_line(error)}") from error

    def require_writable(self) -> None:
        """Write a file and remove it again, so that a full or closed place is found before any work is done.

        Raises:
            AnalysisError: it cannot be written.
        """
        name = f".probe.{uuid.uuid4().hex}"
        self.write(name, b"fusesearch")
        self.remove(name)

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is no error.

        Raises:
            AnalysisError: it cannot be removed, as a folder cannot.
        """
        try:
            self.filesystem.delete_file(f"{self.base}/{name}")
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"cannot remove {name} in {self.location}: {_first_line(error)}") from error

    def remove_leftovers(self, folder: str, *, of: re.Pattern[str], seconds: float) -> None:
        """Remove what killed writers left aside in a local folder; a store has no such files.

        Args:
            folder: in this one; may be empty for itself.
            of: matches the whole names of the files that were being written.
            seconds: how old a leftover is at least; a younger one may belong to a writer that is still alive.

        Raises:
            AnalysisError: one cannot be removed.
        """
        place = None if self.local is None else self.local / folder
        if place is None or not place.is_dir():
            return
        for path in sorted(place.iterdir()):
            found = LEFTOVER.fullmatch(path.name)
            if found and of.fullmatch(found[1]) and path.is_file() and time.time() - _changed(path) > seconds:
                self.remove(f"{folder}/{path.name}" if folder else path.name)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file, or None when it does not exist; AnalysisError when it cannot be read."""
        try:
            if self.local is not None:
                return read_file(self.local / name)
            with self.filesystem.open_input_stream(f"{self.base}/{name}") as stream:
                return stream.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"cannot read {name} in {self.location}: {_first_line(error)}") from error

    def names(self, folder: str, suffix: str) -> list[str]:
        """List the files of a folder that end in `suffix`, without it, sorted; an absent folder is empty.

        Raises:
            AnalysisError: the folder cannot be listed.
        """
        selector = fs.FileSelector(f"{self.base}/{folder}", allow_not_found=True)
        try:
            found = [entry.base_name for entry in self.filesystem.get_file_info(selector) if entry.is_file]
        except OSError as error:
            raise StorageError(f"cannot list {folder} in {self.location}: {_first_line(error)}") from error
        return sorted(name.removesuffix(suffix) for name in found if name.endswith(suffix) and not name.startswith("."))


def _check_location(location: str) -> None:
    refuse_credentials(location)
    try:
        location.encode()
    except UnicodeEncodeError as error:
        raise AnalysisError(f"cannot open {location!a}: the name is no UTF-8") from error
    if "\0" in location:
        raise AnalysisError(f"cannot open {location!a}: the name has a NUL character")
    scheme, mark, _ = location.partition("://")
    if mark and scheme not in SCHEMES:
        raise AnalysisError(f"cannot open {location}: give a local folder or a URI of {', '.join(SCHEMES)}")


def _changed(path: Path) -> float:
    """Return when a file was changed last; now where it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


def _single_put(uri: str) -> str:
    """Ask S3 for one PUT per small file: a multipart upload has states in between, and some servers mishandle it."""
    if not uri.startswith("s3://") or "allow_delayed_open" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}allow_delayed_open=true"


def _replace(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(aside, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
