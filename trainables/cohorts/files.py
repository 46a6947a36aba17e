"""Image files of a cohort: inspected once, read by row number.

Measured on all of HAM10000 at 200x150, two cores: digest and reduced decode 0.9 s (digest alone 0.3 s, full decode
1.3 s). A reduced JPEG decode (1/8) still reads every byte of the entropy-coded data, so a truncated file is found.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from models.errors import InputError

_DEPTH_8 = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"})
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # of an object in memory: another one in every process
_THREADS = 8  # more than the cores of a laptop: a network folder waits rather than computes


@dataclass(frozen=True, eq=False)
class FolderImages:
    """Image files under one root; `digests` is uint8 of shape (rows, images, 32), the sha256 of each file's bytes."""

    root: Path
    names: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    digests: np.ndarray

    def read(self, row: int, image: str) -> np.ndarray:
        """Pixels as uint8 (height, width, 3), upright by their EXIF tag.

        InputError when the file is no longer there or no longer the one that was opened (its digest is compared, so
        another copy of the data on another node cannot be read by mistake).
        """
        path = self.root / self.paths[row][self.names.index(image)]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"image {path} cannot be read on this machine ({error.strerror})") from None
        if hashlib.sha256(content).hexdigest() != self.digest(row, image):
            raise InputError(f"image {path} is not the file that the cohort was opened with; open the cohort again")
        with Image.open(io.BytesIO(content)) as picture:
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))

    def digest(self, row: int, image: str) -> str:
        """Hexadecimal sha256 of the file's bytes as they were when the cohort was opened."""
        return bytes(self.digests[row, self.names.index(image)]).hex()


def inspect(root: Path, paths: Sequence[str]) -> list[bytes | str]:
    """Sha256 of each file (32 bytes), or what is wrong with it (text); every file is decoded, in a thread pool."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda path: _inspect(root / path, path), paths))


def _inspect(path: Path, name: str) -> bytes | str:
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"image {name!r} cannot be read ({error.strerror})"
    try:
        with Image.open(io.BytesIO(content)) as picture:
            if picture.mode not in _DEPTH_8:
                return f"image {name!r} has pixels of mode {picture.mode}; 8 bits per channel are needed"
            picture.draft(None, (max(1, picture.width // 8), max(1, picture.height // 8)))
            picture.load()
    except UnidentifiedImageError:
        return f"image {name!r} is cut short or broken (it begins like no known image format)"
    except Exception as error:  # a broken file makes decoders raise almost anything
        return f"image {name!r} is cut short or broken ({_ADDRESS.sub('', str(error)).replace(str(path), name)})"
    return hashlib.sha256(content).digest()
