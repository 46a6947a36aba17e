"""All images of a cohort, decoded and prepared once per node: uint8 (sample, image, height, width, 3)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from analysis.errors import StorageError
from models.errors import InputError
from trainables.cohorts import Cohort
from trainables.cohorts.files import reads_afar
from trainables.faults import NodeFault
from trainables.images.preparation import PREPARATION_VERSION, ImageSettings, prepare
from trainables.node_cache import cached_array

AFAR = 16
"""Threads at least where images come over the network: they wait more than they compute."""
Tick = Callable[[int, int], None]
"""Called with (done, total) while images are prepared or encoded."""


def pixels_identity(cohort: Cohort, settings: ImageSettings) -> dict[str, Any]:
    """Return what decides the cached pixels."""
    return {"cohort": cohort.fingerprint, "image": settings.canonical(), "preparation": PREPARATION_VERSION}


def open_pixels(
    cohort: Cohort, settings: ImageSettings, cache: Path, *, workers: int, tick: Tick | None = None
) -> np.ndarray:
    """Return the prepared images, mapped read-only; the first process on a node decodes them with `workers` threads.

    Raises:
        InputError: an image cannot be read any more; names the sample.
        StorageError: the URI that the images come from is out of reach.
    """
    shape = (len(cohort.samples), len(cohort.image_names), *settings.size, 3)

    def fill(array: np.ndarray) -> None:
        def decode(row: int) -> None:
            array[row] = prepared(cohort, settings, row)

        with ThreadPoolExecutor(max(workers, AFAR) if reads_afar(cohort.images) else workers) as pool:
            for done, _ in enumerate(pool.map(decode, range(shape[0])), 1):
                if tick:
                    tick(done, shape[0])

    return cached_array(cache, "pixels", pixels_identity(cohort, settings), lambda: shape, "uint8", fill)


def prepared(cohort: Cohort, settings: ImageSettings, row: int) -> np.ndarray:
    """Return the prepared images of one sample, uint8 (image, height, width, 3), straight from its files.

    Raises:
        InputError: an image cannot be read; names the sample.
    """
    return np.stack([prepare(_read(cohort, row, image), settings) for image in cohort.image_names])


def _read(cohort: Cohort, row: int, image: str) -> np.ndarray:
    try:
        return cohort.images.read(row, image)
    except StorageError as error:  # out of reach: no image is to blame
        raise StorageError(f"sample {cohort.samples.index[row]!r}: {error}") from error
    except NodeFault:  # nor here
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"sample {cohort.samples.index[row]!r}: its {image} image cannot be read: {error}") from error
