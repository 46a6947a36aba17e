"""Cohorts for tests, made of arrays: no files, no random numbers that a test does not name."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trainables.cohorts import Cohort, Field, Target
from trainables.cohorts.base import fingerprint


@dataclass(frozen=True)
class ArrayImages:
    """Pictures of one colour per sample."""

    colours: np.ndarray
    size: int = 32

    def read(self, row: int, image: str) -> np.ndarray:
        return np.full((self.size, self.size, 3), self.colours[row], np.uint8)

    def digest(self, row: int, image: str) -> str:
        return hashlib.sha256(self.read(row, image).tobytes()).hexdigest()


FIELDS = (Field("sex", "category", ("female", "male")), Field("age", "number", minimum=0.0, maximum=120.0, scale=85.0))


def cohort_of(
    labels: list[str], groups: list[str] | None = None, *, images: tuple[str, ...] = ("dermoscopy",)
) -> Cohort:
    """A cohort of these labels and groups; age is 80 for class `b` and 20 otherwise, the picture's grey is the row."""
    ids = [f"s{number:04d}" for number in range(len(labels))]
    groups = groups or [f"g{number:04d}" for number in range(len(labels))]
    samples = pd.DataFrame(
        {
            "group": groups,
            "target:diagnosis": labels,
            "field:sex": ["female" if number % 2 else "male" for number in range(len(labels))],
            "field:age": [80.0 if label == "b" else 20.0 for label in labels],
        },
        index=pd.Index(ids, name="sample"),
    )
    targets = (Target("diagnosis", tuple(sorted(set(labels)))),)
    source = ArrayImages(np.arange(len(labels))[:, None] % 256 * np.ones((1, 3)))
    digests = [[source.digest(row, image) for image in images] for row in range(len(labels))]
    return Cohort(
        "array", "lesion", samples, FIELDS, targets, images, source, fingerprint(samples, FIELDS, targets, digests)
    )


def grouped_cohort(n_groups: int = 60, seed: int = 0) -> Cohort:
    """Three classes (shares .5 .3 .2) in groups of one to three samples."""
    rng = np.random.default_rng(seed)
    labels, groups = [], []
    for number in range(n_groups):
        label = "abc"[int(np.searchsorted([0.5, 0.8, 1.0], (number + 0.5) / n_groups))]
        for _ in range(int(rng.integers(1, 4))):
            labels.append(label)
            groups.append(f"g{number:04d}")
    return cohort_of(labels, groups)
