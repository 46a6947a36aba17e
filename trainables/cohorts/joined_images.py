"""The images of two cohorts as one source, each read where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.errors import InputError
from trainables.cohorts.base import Cohort, ImageSource


@dataclass(frozen=True, eq=False)
class JoinedImages:
    """Images of several sources; small and picklable when they are, as it is sent to every worker."""

    sources: tuple[ImageSource, ...]
    names: tuple[Mapping[str, str], ...]
    """Per source, what it calls each image."""
    source_of: np.ndarray
    """Source number of every row."""
    row_of: np.ndarray
    """Row number within its source of every row."""

    def read(self, row: int, image: str) -> np.ndarray:
        """Pixels as uint8 of shape (height, width, 3), RGB."""
        source = int(self.source_of[row])
        return self.sources[source].read(int(self.row_of[row]), self.names[source][image])

    def digest(self, row: int, image: str) -> str:
        """Hexadecimal sha256 that changes whenever the pixels do."""
        source = int(self.source_of[row])
        return self.sources[source].digest(int(self.row_of[row]), self.names[source][image])


def shared_image_names(cohort: Cohort, other: Cohort) -> dict[str, str]:
    """What `other` calls each image of `cohort`: the same name, or its only image for the only one.

    InputError when `other` lacks an image that a model of `cohort` needs.
    """
    if set(cohort.image_names) <= set(other.image_names):
        return {name: name for name in cohort.image_names}
    if len(cohort.image_names) == len(other.image_names) == 1:
        return {cohort.image_names[0]: other.image_names[0]}
    raise InputError(
        f"external.cohort {other.name!r} has the images {', '.join(other.image_names)}; models of {cohort.name!r} need "
        f"{', '.join(cohort.image_names)}: choose a cohort that has them"
    )
