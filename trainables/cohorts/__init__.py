"""Cohorts: data sets opened for use. A new one is one file here, with its settings beside it, and one registration."""

from pathlib import Path
from typing import Annotated

from pydantic import Field as Setting

from trainables.cohorts.base import COHORTS, Cohort, Field, ImageSource, Opening, Problem, Target
from trainables.cohorts.derm7pt import Derm7ptSettings
from trainables.cohorts.ham10000 import Ham10000Settings
from trainables.cohorts.isic2018_test import Isic2018TestSettings
from trainables.cohorts.isic2019 import Isic2019Settings
from trainables.cohorts.isic2020 import Isic2020Settings
from trainables.cohorts.layout import FolderSettings
from trainables.cohorts.pad_ufes_20 import PadUfes20Settings
from trainables.cohorts.phantom import PhantomSettings
from trainables.cohorts.table import TableSettings

AnyCohortSettings = (
    Derm7ptSettings
    | Ham10000Settings
    | Isic2018TestSettings
    | Isic2019Settings
    | Isic2020Settings
    | PadUfes20Settings
    | PhantomSettings
    | TableSettings
)
CohortSettings = Annotated[AnyCohortSettings, Setting(discriminator="name")]
"""What a study file says of its cohort; `name` decides which settings it takes."""


def open_cohort(
    settings: AnyCohortSettings,
    data: Path | None = None,
    skip_bad: bool = False,
    allow_outcomes: bool = False,
) -> Cohort:
    """Open a cohort, check every row and image file, and fingerprint it, once; workers are sent the result.

    `data` is the user's data folder. With `skip_bad` faulty samples are left out and recorded in `left_out`, otherwise
    they are an InputError of several lines: count and file, the first ten problems, what to do. Fields that follow from
    the diagnosis are refused as inputs (`refused_fields`) unless `allow_outcomes`.
    """
    return COHORTS.get(settings.name)(settings, Opening(data, skip_bad, allow_outcomes))


__all__ = [
    "COHORTS",
    "AnyCohortSettings",
    "Cohort",
    "CohortSettings",
    "Derm7ptSettings",
    "Field",
    "FolderSettings",
    "Ham10000Settings",
    "ImageSource",
    "Isic2018TestSettings",
    "Isic2019Settings",
    "Isic2020Settings",
    "Opening",
    "PadUfes20Settings",
    "PhantomSettings",
    "Problem",
    "TableSettings",
    "Target",
    "open_cohort",
]
