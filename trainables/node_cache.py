"""Arrays that are computed once per node and shared by every process of it through the page cache.

An array lives under `<cache>/<kind>/<digest of its identity>.npy`. One process builds it behind a lock, into a partial
file that is renamed when complete; the others wait, then map it read-only. A killed builder leaves only the partial
file, which the next one overwrites. How much the folder may hold, and what goes first, is `cache_room`'s; it can be
deleted whenever no run uses it.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from analysis.ledger import digest
from trainables.cache_room import hold, note_of, room_for
from trainables.faults import NodeFault

CHUNK = 256
"""Rows that are hashed at a time."""


def default_cache() -> Path:
    """Return `$FUSESEARCH_CACHE`, else `fusesearch` in the user's cache folder."""
    chosen = os.environ.get("FUSESEARCH_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fusesearch"


def cache_here(cache: Path) -> Path:
    """Return the cache of this machine for a run that another one started with `cache`.

    `$FUSESEARCH_CACHE` of this process goes first, then the same folder where it can be made and written, then the
    default of this machine.
    """
    if os.environ.get("FUSESEARCH_CACHE"):
        return default_cache()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        usable = os.access(cache, os.R_OK | os.W_OK | os.X_OK)
    except OSError:
        usable = False
    return cache if usable else default_cache()


def is_cached(cache: Path, kind: str, identity: dict[str, Any]) -> bool:
    """Tell whether the array is complete on this node."""
    return _path(cache, kind, identity).exists()


def keep_cached(cache: Path, kind: str, identity: dict[str, Any]) -> bool:
    """Tell whether the array is complete on this node, and keep it there while this process lives."""
    hold(_path(cache, kind, identity))
    return is_cached(cache, kind, identity)


def cached_array(
    cache: Path,
    kind: str,
    identity: dict[str, Any],
    shape: Callable[[], tuple[int, ...]],
    dtype: str,
    fill: Callable[[np.ndarray], None],
) -> np.ndarray:
    """Return the array of this identity, mapped read-only, building it first if this node does not have it.

    Args:
        cache: the node's cache folder.
        kind: a folder name, for example `pixels`.
        identity: plain JSON of everything that decides the numbers.
        shape: gives the shape, asked for only when the array is built.
        dtype: numpy dtype of the array.
        fill: writes the numbers into the (zeroed) array it is given.

    Raises:
        NodeFault: the cache folder cannot be written.
    """
    path = _path(cache, kind, identity)
    found = _read(path)
    if found is not None:
        return found
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if (found := _read(path)) is None:
                _build(cache, path, identity, shape(), dtype, fill)
                found = _read(path)
    except OSError as error:
        advice = "free some space, or set FUSESEARCH_CACHE to another folder"
        raise NodeFault(f"cannot write the cache {cache}: {error.strerror or error}; {advice}") from error
    if found is None:
        raise NodeFault(f"the cache {cache} does not give back what was written; set FUSESEARCH_CACHE to another disk")
    return found


def _build(
    cache: Path,
    path: Path,
    identity: dict[str, Any],
    shape: tuple[int, ...],
    dtype: str,
    fill: Callable[[np.ndarray], None],
) -> None:
    partial = path.with_suffix(".partial")
    try:
        with room_for(cache, math.prod(shape) * np.dtype(dtype).itemsize, path.parent.name):
            array = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=shape)
            _reserve(partial)
        fill(array)
        array.flush()
        note = {"identity": identity, "sha256": _checksum(array)}
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    note_of(path).write_text(json.dumps(note, indent=1, sort_keys=True))
    os.replace(partial, path)


def _reserve(partial: Path) -> None:
    """Take the disk space now: writing a mapped page that finds the disk full would kill the process."""
    if hasattr(os, "posix_fallocate"):
        with open(partial, "r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, partial.stat().st_size)


def _read(path: Path) -> np.ndarray | None:
    """Map the array read-only, or return None when it is not there, cut short, or not what was written."""
    hold(path)
    try:
        array = np.load(path, mmap_mode="r")
        expected = json.loads(note_of(path).read_text())["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return array if _checksum(array) == expected else None


def _checksum(array: np.ndarray) -> str:
    sha = hashlib.sha256()
    for start in range(0, len(array), CHUNK):
        sha.update(np.ascontiguousarray(array[start : start + CHUNK]).data)
    return sha.hexdigest()


def _path(cache: Path, kind: str, identity: dict[str, Any]) -> Path:
    return cache / kind / f"{digest(identity)}.npy"
