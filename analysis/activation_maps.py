"""Class activation maps of a few evaluated samples, beside a ledger: their schema, writing and reading.

`maps/<key of the fold fit>.npz` holds the maps; `pictures/<checksum>.npz` the images under them, once for all
configurations that saw the same ones. A record is complete without either, and a folder `pictures/` that is deleted
takes every image of the data set with it.
"""

import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.errors import AnalysisError
from analysis.ledger.storage import Storage

MAPS, PICTURES = "maps", "pictures"
"""The folders beside the ledger's `fits` and `predictions`."""
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError, ValueError, NotImplementedError)


@dataclass(frozen=True)
class ActivationMaps:
    """What one fold fit looked at, for n samples of its evaluation fold.

    Attributes:
        target: whose classes the maps are of.
        classes: their names, C of them in declared order.
        images: names of the I images of a sample.
        samples: ids, str (n,).
        labels: true classes, int (n,).
        decisions: classes decided on, int (n,).
        probabilities: float (n, C).
        maps: float32 (n, 2, I, h, w), of the true class and of the class decided on; evidence against is negative.
        pictures: what the network saw, made smaller, uint8 (n, I, H, W, 3); None where the images are not stored.
    """

    target: str
    classes: tuple[str, ...]
    images: tuple[str, ...]
    samples: np.ndarray
    labels: np.ndarray
    decisions: np.ndarray
    probabilities: np.ndarray
    maps: np.ndarray
    pictures: np.ndarray | None = None


@dataclass(frozen=True)
class MapFaults:
    """What is wrong with stored maps: damaged files with the reason, and fold fits whose pictures were removed."""

    damaged: Mapping[str, str]
    without_pictures: int


def write_maps(storage: Storage, key: str, found: ActivationMaps) -> None:
    """Store the maps of a fold fit, and their pictures unless they are there already; the same maps, the same bytes.

    Maps are kept as float16 shares of the largest absolute value of each.

    Raises:
        AnalysisError: a file cannot be written.
    """
    peaks = np.abs(found.maps).max(axis=(2, 3, 4), initial=0.0)  # (n, 2)
    shares = found.maps / np.where(peaks > 0, peaks, 1.0)[:, :, None, None, None]
    arrays = {
        "target": np.array(found.target),
        "classes": np.array(found.classes),
        "images": np.array(found.images),
        "samples": found.samples.astype(str),
        "labels": found.labels.astype(np.int16),
        "decisions": found.decisions.astype(np.int16),
        "probabilities": found.probabilities.astype(np.float32),
        "peaks": peaks.astype(np.float32),
        "maps": shares.astype(np.float16),
        "pictures": np.array(""),
    }
    if found.pictures is not None:
        pictures = {"pictures": found.pictures}
        name = _checksum(pictures)
        arrays["pictures"] = np.array(name)
        if storage.read(f"{PICTURES}/{name}.npz") is None:
            storage.write(f"{PICTURES}/{name}.npz", _packed(pictures))
    storage.write(f"{MAPS}/{key}.npz", _packed(arrays))


def read_maps(storage: Storage, key: str) -> ActivationMaps | None:
    """Return the maps of a fold fit, None when none are stored; without pictures when those are gone or damaged.

    Raises:
        AnalysisError: the file is damaged or cannot be read.
    """
    content = storage.read(f"{MAPS}/{key}.npz")
    if content is None:
        return None
    arrays = _unpacked(content, f"activation maps of fold fit {key[:12]}")
    try:
        found = ActivationMaps(
            target=str(arrays["target"]),
            classes=tuple(map(str, arrays["classes"])),
            images=tuple(map(str, arrays["images"])),
            samples=arrays["samples"],
            labels=arrays["labels"].astype(int),
            decisions=arrays["decisions"].astype(int),
            probabilities=arrays["probabilities"],
            maps=arrays["maps"].astype(np.float32) * arrays["peaks"][:, :, None, None, None],
        )
        return replace(found, pictures=_read_pictures(storage, str(arrays["pictures"])))
    except (KeyError, IndexError) as error:
        raise AnalysisError(
            f"activation maps of fold fit {key[:12]} lack {error}; delete {MAPS}/{key}.npz to do without"
        ) from error


def map_faults(storage: Storage, keys: Iterable[str]) -> MapFaults:
    """Read stored maps and the pictures under them, and return what cannot be used.

    Args:
        storage: of the ledger.
        keys: of the fold fits whose maps are looked at; those without any are passed over.
    """
    damaged: dict[str, str] = {}
    wanted: list[str] = []
    for key in keys:
        arrays = _looked_at(storage, f"{MAPS}/{key}.npz", f"activation maps of fold fit {key[:12]}", damaged)
        wanted.append(str(arrays.get("pictures", "")))
    gone = set()
    for name in sorted(set(wanted) - {""}):
        file = f"{PICTURES}/{name}.npz"
        if not _looked_at(storage, file, f"pictures {name[:12]}", damaged) and file not in damaged:
            gone.add(name)
    return MapFaults(damaged, sum(name in gone for name in wanted))


def _looked_at(storage: Storage, name: str, what: str, damaged: dict[str, str]) -> dict[str, np.ndarray]:
    """Return the arrays of a file, none where it is gone or, noted in `damaged`, cannot be used."""
    try:
        content = storage.read(name)
        return {} if content is None else _unpacked(content, what)
    except AnalysisError as error:
        damaged[name] = str(error)
        return {}


def _read_pictures(storage: Storage, name: str) -> np.ndarray | None:
    content = storage.read(f"{PICTURES}/{name}.npz") if name else None
    if content is None:
        return None
    try:
        return _unpacked(content, f"pictures {name[:12]}")["pictures"]
    except AnalysisError:
        return None


def _packed(arrays: dict[str, np.ndarray]) -> bytes:
    content = io.BytesIO()
    named: dict[str, Any] = {**arrays, "sha256": np.array(_checksum(arrays))}
    np.savez_compressed(content, **named)
    return content.getvalue()


def _unpacked(content: bytes, what: str) -> dict[str, np.ndarray]:
    """Return the arrays by name; no pickled object is ever read."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        expected = str(arrays.pop("sha256"))
    except UNREADABLE as error:
        raise AnalysisError(f"{what} cannot be read ({error}); delete the file to do without") from error
    if _checksum(arrays) != expected:
        raise AnalysisError(f"{what} do not match their checksum; delete the file to do without")
    return arrays


def _checksum(arrays: dict[str, np.ndarray]) -> str:
    sha = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        sha.update(f"{name} {array.dtype.str} {array.shape};".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()
