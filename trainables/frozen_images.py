"""The images behind frozen features, for the few samples that get activation maps.

A head on pooled features never saw a map, so the last feature map of those samples is computed again. Both are cached
on the node, apart from the whole cohort's: that would be checked whole for a handful of samples.
"""

from dataclasses import dataclass
from functools import cache as cache_once
from pathlib import Path

import numpy as np

from trainables.features import FeatureSource, encode
from trainables.images.pixels import pixels_identity, prepared
from trainables.node_cache import cached_array


@dataclass(frozen=True, eq=False)
class FrozenImages:
    """The images of `source`; its backbone is built only when a node has not seen the asked-for samples yet.

    `workers` threads decode and encode, `device` is where the backbone runs.

    Raises:
        InputError: from both methods, as `FeatureSource.open`.
    """

    source: FeatureSource
    cache: Path
    workers: int
    device: str

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """Return the prepared images of rows of the cohort, uint8 (row, image, height, width, 3)."""
        cohort, image = self.source.cohort, self.source.image

        def fill(array: np.ndarray) -> None:
            for place, row in enumerate(rows.tolist()):
                array[place] = prepared(cohort, image, row)

        shape = (len(rows), len(cohort.image_names), *image.size, 3)
        identity = pixels_identity(cohort, image) | {"rows": rows.tolist()}
        return cached_array(self.cache, "pictures", identity, lambda: shape, "uint8", fill)

    def maps(self, rows: np.ndarray) -> np.ndarray:
        """Return the last feature maps of rows of the cohort, float32 (row, image x channel, height, width)."""
        backbone = cache_once(self.source.build_backbone)
        images = len(self.source.cohort.image_names)

        def shape() -> tuple[int, ...]:
            return (len(rows), images * backbone().channels, *backbone().map_size)

        def fill(array: np.ndarray) -> None:
            encode(backbone().to(self.device), self.pictures(rows), array, self.workers, None)

        identity = self.source.identity | {"kind": "map", "rows": rows.tolist()}
        return cached_array(self.cache, "last-maps", identity, shape, "float32", fill)
