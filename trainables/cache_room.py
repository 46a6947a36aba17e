"""How much of the node's cache may be filled, and what goes first when it is full.

An entry is an array (`<kind>/<digest>.npy`) or a mirror (`data/<digest>/`) with its note `<digest>.json`, whose time of
change says when the entry was last opened. `$FUSESEARCH_CACHE_LIMIT` bounds all entries together; without it they may
fill the disk up to a reserve. When room is wanted, the entry opened longest ago goes first. One that a process has
opened stays while that process lives: it holds a shared lock on the entry, which ends with the process, however it
ends. A file system without such locks (and Windows) keeps everything.
"""

import contextlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from models.errors import InputError
from trainables.faults import NodeFault

if sys.platform != "win32":
    import fcntl

LIMIT = "FUSESEARCH_CACHE_LIMIT"
RESERVE, RESERVED_SHARE = 10**9, 0.05
"""Bytes that stay free for what else writes on the disk, or this share of a small one."""
UNTOLD = 10**18
"""Free bytes of a file system that does not tell: it says itself when it is full."""
MOST_HELD = 64
"""Entries that one process keeps from being removed, the last ones it opened: every one takes a file descriptor."""
UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_held: dict[Path, int] = {}


@dataclass(frozen=True)
class Entry:
    """One array or mirror: its content, the bytes it takes, and when it was last opened."""

    content: Path
    size: int
    used: float

    @property
    def note(self) -> Path:
        """The file that says what the entry is."""
        return note_of(self.content)


@dataclass(frozen=True)
class Room:
    """Bytes that the cache may take now, and those of entries that no process has open and that would make way."""

    free: int
    idle: int

    @property
    def total(self) -> int:
        """Bytes that can be had."""
        return max(0, self.free) + self.idle


def size_in_words(size: float) -> str:
    """Return a number of bytes as people read it, in the decimal units that disks are sold in."""
    for unit in ("TB", "GB", "MB"):
        if size >= UNITS[unit]:
            return f"{size / UNITS[unit]:.1f} {unit}"
    return f"{size / 1000:.0f} KB"


def cache_limit() -> int | None:
    """Return the bytes that `$FUSESEARCH_CACHE_LIMIT` allows to all entries, None without it.

    Raises:
        InputError: it is no size.
    """
    given = os.environ.get(LIMIT, "").strip()
    if not given:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *(|[KMGT]B?)", given.upper())
    if found is None:
        raise InputError(f"{LIMIT}={given}: give a size such as 50GB")
    unit = found[2] if found[2].endswith("B") or not found[2] else f"{found[2]}B"
    return int(float(found[1]) * UNITS[unit])


def note_of(content: Path) -> Path:
    """Return where an entry's note is."""
    return content.with_name(f"{content.stem}.json")


def hold(content: Path) -> None:
    """Note that an entry is opened now, and keep it from being removed while this process lives."""
    with contextlib.suppress(OSError):
        os.utime(note_of(content))
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(content, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return
        _release(content)
        _held[content] = descriptor
        for oldest in list(_held)[:-MOST_HELD]:
            _release(oldest)


def room(cache: Path) -> Room:
    """Return the room for new entries on this node; a cache that is not there yet lies on the disk of its parent."""
    found = entries(cache)
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    disk = shutil.disk_usage(place)
    free = disk.free - int(min(RESERVE, RESERVED_SHARE * disk.total)) if disk.total else UNTOLD
    limit = cache_limit()
    if limit is not None:
        free = min(free, limit - sum(entry.size for entry in found) - _in_progress(cache))
    return Room(free, sum(entry.size for entry in found if _is_idle(entry.content)))


def entries(cache: Path) -> list[Entry]:
    """Return all complete entries, the one opened longest ago first."""
    found = []
    for note in cache.glob("*/*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            array, folder = note.with_suffix(".npy"), note.with_suffix("")
            content = array if array.exists() else folder
            size = array.stat().st_size if array.exists() else int(json.loads(note.read_text())["bytes"])
            if content.exists():
                found.append(Entry(content, size, note.stat().st_mtime))
    return sorted(found, key=lambda entry: entry.used)


@contextmanager
def room_for(cache: Path, wanted: int, what: str) -> Iterator[None]:
    """Make room for `wanted` bytes, and let no other process have it until the block has taken it.

    Args:
        cache: the node's cache folder; it exists.
        wanted: bytes of the new entry.
        what: the new entry, for the message.

    Raises:
        NodeFault: so much cannot be had, even without all entries that no process has open.
    """
    with FileLock(cache / ".room.lock"):
        remove_remains(cache)
        now = room(cache)
        if now.total < wanted:
            limit = cache_limit()
            why = f"{LIMIT} is {size_in_words(limit)}" if limit is not None else "the disk is nearly full"
            raise NodeFault(
                f"the cache {cache} has no room for {what}: {size_in_words(wanted)} are needed and "
                f"{size_in_words(now.total)} can be had ({why}); free some space, raise {LIMIT}, or set "
                "FUSESEARCH_CACHE to another disk"
            )
        free = now.free
        for entry in entries(cache):
            if free >= wanted:
                break
            free += entry.size if _remove(entry) else 0
        yield


def remove_remains(cache: Path) -> None:
    """Remove what killed processes were building; nobody holds its lock any more."""
    for partial in cache.glob("*/*.partial"):
        with contextlib.suppress(OSError, Timeout), FileLock(f"{partial.with_suffix('.npy')}.lock", timeout=0):
            partial.unlink(missing_ok=True)


def _in_progress(cache: Path) -> int:
    total = 0
    for partial in cache.glob("*/*.partial"):
        with contextlib.suppress(OSError):
            total += partial.stat().st_size
    return total


def _remove(entry: Entry) -> bool:
    """Remove an entry unless a process has it open or is working on it; tell whether it is gone."""
    with contextlib.suppress(OSError, Timeout), FileLock(f"{entry.content}.lock", timeout=0), _alone(entry.content):
        if entry.content.is_dir():
            shutil.rmtree(entry.content)
        else:
            entry.content.unlink()
        entry.note.unlink(missing_ok=True)
        return True
    return False


def _is_idle(content: Path) -> bool:
    with contextlib.suppress(OSError), _alone(content):
        return True
    return False


@contextmanager
def _alone(content: Path) -> Iterator[None]:
    """Hold an entry that no process has open; OSError when one has."""
    if sys.platform == "win32":
        raise OSError("no such locks here")
    descriptor = os.open(content, os.O_RDONLY if content.is_dir() else os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _release(content: Path) -> None:
    descriptor = _held.pop(content, None)
    if descriptor is not None:
        os.close(descriptor)
