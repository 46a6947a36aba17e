"""Arrays that are computed once per node and shared by every process of it through the page cache.

An array lives under `<cache>/<kind>/<digest of its identity>.npy`. One process builds it behind a lock, into a partial
file that is renamed when complete; the others wait, then map it read-only. A killed builder leaves only the partial
file, which the next one overwrites. The folder can be deleted whenever no run uses it.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from analysis.ledger import digest
from models.errors import InputError


def default_cache() -> Path:
    """Return `$FUSESEARCH_CACHE`, else `fusesearch` in the user's cache folder."""
    chosen = os.environ.get("FUSESEARCH_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fusesearch"


def is_cached(cache: Path, kind: str, identity: dict[str, Any]) -> bool:
    """Tell whether the array is complete on this node."""
    return _path(cache, kind, identity).exists()


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
        InputError: the cache folder cannot be written.
    """
    path = _path(cache, kind, identity)
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock"):
                if not path.exists():
                    _build(path, identity, shape(), dtype, fill)
        except OSError as error:
            raise InputError(
                f"cannot write the cache {cache}: {error.strerror or error}; set FUSESEARCH_CACHE to another folder"
            ) from error
    return np.load(path, mmap_mode="r")


def _build(
    path: Path, identity: dict[str, Any], shape: tuple[int, ...], dtype: str, fill: Callable[[np.ndarray], None]
) -> None:
    partial = path.with_suffix(".partial")
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=shape)
    try:
        fill(array)
        array.flush()
    except BaseException:
        del array
        partial.unlink(missing_ok=True)
        raise
    path.with_suffix(".json").write_text(json.dumps(identity, indent=1, sort_keys=True))
    os.replace(partial, path)


def _path(cache: Path, kind: str, identity: dict[str, Any]) -> Path:
    return cache / kind / f"{digest(identity)}.npy"
