"""Image files of a cohort: inspected once, read by row number, from the folder or from the URI that it is a copy of.

Measured on all of HAM10000 at 200x150, two cores: digest and reduced decode 0.9 s (digest alone 0.3 s, full decode
1.3 s). A reduced JPEG decode (1/8) still reads every byte of the entropy-coded data, so a truncated file is found.
"""

from __future__ import annotations

import hashlib
import io
import platform
import re
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from analysis.errors import StorageError
from analysis.ledger.storage import Storage
from analysis.plain_files import read_file
from models.errors import InputError
from trainables.cohorts.base import Cohort, ImageSource
from trainables.cohorts.joined_images import JoinedImages
from trainables.faults import NodeFault, patiently

_DEPTH_8 = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"})
_FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")  # no EPS: it would run a program
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of an object in memory: another one in every process
_THREADS = 8  # more than the cores of a laptop: a network folder waits rather than computes


warnings.filterwarnings("ignore", module="PIL")  # what cannot be used is told in words, with the sample
_storage = cache(Storage)  # opened once per process


@dataclass(frozen=True, eq=False)
class FolderImages:
    """Image files under one root; `digests` is uint8 of shape (rows, images, 32), the sha256 of each file's bytes.

    `origin` is the URI that the root is a copy of: a machine that has no copy, or another one, reads from there.
    """

    root: Path
    names: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    digests: np.ndarray
    origin: str | None = None

    def read(self, row: int, image: str) -> np.ndarray:
        """Pixels as uint8 (height, width, 3), upright by their EXIF tag.

        InputError when the file is no longer there or no longer the one that was opened (its digest is compared, so
        another copy of the data on another node cannot be read by mistake). StorageError when the URI is out of reach.
        NodeFault when this machine has no such folder at all.
        """
        content = self._content(self.paths[row][self.names.index(image)], self.digest(row, image))
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))

    def _content(self, name: str, digest: str) -> bytes:
        path = self.root / name
        try:
            content = read_file(path)
            fault = "is not the file that the cohort was opened with"
            advice = "; open the cohort again"
        except OSError as error:
            content, fault, advice = b"", f"cannot be read on this machine ({error.strerror})", ""
        if hashlib.sha256(content).hexdigest() == digest:
            return content
        if self.origin is None and not self.root.is_dir():
            raise NodeFault(
                f"the data folder {self.root} is not on machine {platform.node()}; "
                "put it on a path that all machines see, or give --data a URI such as s3://bucket/folder"
            )
        if self.origin is None:
            raise InputError(f"image {path} {fault}{advice}")
        return self._from_origin(name, digest, f"image {path} {fault}")

    def _from_origin(self, name: str, digest: str, fault: str) -> bytes:
        """Read a file from the URI; `fault` says why the local one is not used."""
        assert self.origin is not None
        fault = f"{fault}, nor can it be read from {self.origin.partition('?')[0]}"
        storage = _storage(self.origin)
        try:
            content = patiently(lambda: storage.read(name))
        except StorageError as error:
            raise StorageError(f"{fault}: {error}") from error
        if content is None:
            raise InputError(f"{fault}: it is not there")
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(f"{fault}: it has changed since the cohort was opened; open the cohort again")
        return content

    def digest(self, row: int, image: str) -> str:
        """Hexadecimal sha256 of the file's bytes as they were when the cohort was opened."""
        return bytes(self.digests[row, self.names.index(image)]).hex()


def with_origin(cohort: Cohort, copy: Path, origin: str) -> Cohort:
    """Return a cohort that was opened in `copy`, the copy of the URI `origin`, so that it is read on any machine."""
    images = cohort.images
    if not isinstance(images, FolderImages):
        return cohort
    inside = images.root.relative_to(copy.resolve()).as_posix()
    place = origin if inside == "." else Storage(origin).folder(inside).location
    return replace(cohort, images=replace(images, origin=place))


def reads_afar(images: ImageSource) -> bool:
    """Tell whether the files have to come from a URI, because this machine has no copy."""
    if isinstance(images, JoinedImages):
        return any(map(reads_afar, images.sources))
    return isinstance(images, FolderImages) and images.origin is not None and not images.root.is_dir()


def inspect(root: Path, paths: Sequence[str]) -> list[bytes | str]:
    """Sha256 of each file (32 bytes), or what is wrong with it (text); every file is decoded, in a thread pool."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda path: _inspect(root / path, path), paths))


def _inspect(path: Path, name: str) -> bytes | str:
    try:
        content = read_file(path)
    except OSError as error:
        return f"image {name!r} cannot be read ({error.strerror})"
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            if picture.mode not in _DEPTH_8:
                return f"image {name!r} has pixels of mode {picture.mode}; 8 bits per channel are needed"
            picture.draft(None, (max(1, picture.width // 8), max(1, picture.height // 8)))
            picture.load()
    except UnidentifiedImageError:
        return f"image {name!r} is cut short or broken (it begins like no known image format)"
    except Exception as error:  # a broken file makes decoders raise almost anything
        return f"image {name!r} is cut short or broken ({_ADDRESS.sub('', str(error)).replace(str(path), name)})"
    return hashlib.sha256(content).digest()
