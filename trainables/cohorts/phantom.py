"""Phantom: generated lesions whose metadata has a known effect, for tests, demonstrations and a check of the method.

By construction age and site depend on the class and, given the class, on nothing in the picture, so each adds to what
the picture tells; sex depends on nothing. A study that finds otherwise is wrong. Nothing here was a patient.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field as Setting

from trainables.cohorts.base import COHORTS, Cohort, Field, Opening, Target, fingerprint
from trainables.cohorts.pictures import Appearance, draw
from trainables.settings import Settings

VERSION = 1
"""Raised by hand when the same settings give other pixels or rows; a golden test catches a forgotten one."""

CLASSES = ("dark", "plain", "ragged", "rosy")
SHARES = (0.2, 0.4, 0.25, 0.15)
LOOKS = np.array(
    [  # size, irregularity, darkness, redness, texture: mean of each class in standard deviations within a class
        [0.4, 0.2, 1.4, -0.5, 0.5],
        [-0.5, -0.9, -0.7, -0.2, -0.7],
        [1.0, 1.4, 0.2, 0.0, 0.7],
        [-0.7, 0.2, -0.4, 1.6, 0.0],
    ]
)
AGES = np.array([68.0, 28.0, 36.0, 60.0])
AGE_SD = 7.0
SITES = ("arm", "back", "chest", "face", "leg", "scalp")
SITE_LOGITS = np.array(
    [
        [0.0, 0.0, 0.0, 3.4, 0.0, 2.4],
        [0.0, 3.4, 1.6, 0.0, 0.0, 0.0],
        [2.2, 0.0, 0.0, 0.0, 3.4, 0.0],
        [0.8, 0.0, 3.4, 0.0, 0.0, 0.8],
    ]
)
FIELDS = (
    Field("sex", "category", categories=("female", "male")),
    Field("site", "category", categories=SITES),
    Field("age", "number", minimum=0.0, maximum=100.0, scale=100.0),
)
VIEW_SHARES = (0.6, 0.25, 0.1, 0.05)
"""Shares of lesions with one, two, three and four pictures."""


class PhantomSettings(Settings):
    """How many phantom lesions, how large, and how much each source tells; a strength of 0 makes a source worthless."""

    name: Literal["phantom"] = "phantom"
    lesions: int = Setting(default=520, ge=20, le=100_000)
    seed: int = Setting(default=0, ge=0)
    size: int = Setting(default=64, ge=16, le=1024)
    """Height and width of a picture in pixels."""
    image_strength: float = Setting(default=1.0, ge=0.0, le=10.0)
    age_strength: float = Setting(default=1.0, ge=0.0, le=10.0)
    site_strength: float = Setting(default=1.0, ge=0.0, le=10.0)
    missing_rate: float = Setting(default=0.02, ge=0.0, lt=1.0)
    """Chance of each field to be missing, per lesion, whatever its value."""


@dataclass(frozen=True, eq=False)
class PhantomImages:
    """Pictures made on demand: each is a pure function of the settings, the lesion's number and class, and the view."""

    settings: PhantomSettings
    lesion: np.ndarray
    """Lesion number of every row."""
    label: np.ndarray
    """Class number of every row."""
    view: np.ndarray
    """Number of the view within its lesion, of every row."""

    def read(self, row: int, image: str) -> np.ndarray:
        """Pixels as uint8 of shape (size, size, 3)."""
        del image  # there is only one
        lesion, view = int(self.lesion[row]), int(self.view[row])
        of_lesion = _generator(self.settings, 1, lesion)
        look = self.settings.image_strength * LOOKS[self.label[row]] + of_lesion.normal(size=LOOKS.shape[1])
        return draw(Appearance(*look), of_lesion, _generator(self.settings, 2, lesion, view), self.settings.size)

    def digest(self, row: int, image: str) -> str:
        """Sha256 of the picture's recipe: drawing all pictures only to hash them would double the cost of use."""
        del image
        recipe = (
            VERSION,
            self.settings.seed,
            self.settings.size,
            self.settings.image_strength,
            *(int(values[row]) for values in (self.lesion, self.label, self.view)),
        )
        return hashlib.sha256(repr(recipe).encode()).hexdigest()


@COHORTS.register("phantom", version=VERSION)
def open_phantom(settings: PhantomSettings, opening: Opening) -> Cohort:
    """Make the phantom; no data folder is needed, and one that is given is not looked at."""
    del opening
    rng = _generator(settings, 0)
    lesions = _lesions(settings, rng)
    views = rng.choice(len(VIEW_SHARES), size=settings.lesions, p=VIEW_SHARES) + 1
    lesion = np.repeat(np.arange(settings.lesions), views)
    view = np.concatenate([np.arange(count) for count in views])
    samples = lesions.iloc[lesion]
    samples.index = pd.Index(
        [f"{group}-{number + 1}" for group, number in zip(samples["group"], view, strict=True)], name="sample"
    )
    target = Target("kind", CLASSES)
    label = np.array([CLASSES.index(name) for name in samples["target:kind"]])
    images = PhantomImages(settings, lesion, label, view)
    digests = [[images.digest(row, "dermoscopy")] for row in range(len(samples))]
    return Cohort(
        name=settings.name,
        group_name="lesion",
        samples=samples,
        fields=FIELDS,
        targets=(target,),
        image_names=("dermoscopy",),
        images=images,
        fingerprint=fingerprint(samples, FIELDS, (target,), digests),
    )


def _lesions(settings: PhantomSettings, rng: np.random.Generator) -> pd.DataFrame:
    """One row per lesion: group, class and metadata. Class counts follow SHARES exactly, up to rounding."""
    count = settings.lesions
    label = rng.permutation(np.searchsorted(np.cumsum(SHARES), (np.arange(count) + 0.5) / count))
    mean_age = AGES.mean() + settings.age_strength * (AGES - AGES.mean())
    age = np.clip(np.round(rng.normal(mean_age[label], AGE_SD)), 0, 100)
    chances = np.exp(settings.site_strength * SITE_LOGITS)
    steps = np.cumsum(chances / chances.sum(axis=1, keepdims=True), axis=1)[label]
    site = np.minimum((rng.uniform(size=(count, 1)) > steps).sum(axis=1), len(SITES) - 1)
    sex = rng.integers(2, size=count)
    missing = rng.uniform(size=(count, len(FIELDS))) < settings.missing_rate
    columns = {
        "group": [f"L{number:06d}" for number in range(count)],
        "target:kind": np.array(CLASSES)[label],
        "field:sex": [
            None if gone else FIELDS[0].categories[code] for gone, code in zip(missing[:, 0], sex, strict=True)
        ],
        "field:site": [None if gone else SITES[code] for gone, code in zip(missing[:, 1], site, strict=True)],
        "field:age": np.where(missing[:, 2], np.nan, age),
    }
    return pd.DataFrame(columns)


def _generator(settings: PhantomSettings, *stream: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, *stream])
