"""Cohorts: data sets opened for use. A new one is one file here, with its settings beside it, and one registration."""

from pathlib import Path
from typing import Annotated

from pydantic import Field as Setting

from trainables.cohorts.base import COHORTS, Cohort, Field, ImageSource, Opening, Problem, Target
from trainables.cohorts.ham10000 import Ham10000Settings
from trainables.cohorts.phantom import PhantomSettings
from trainables.cohorts.table import TableSettings

CohortSettings = Annotated[Ham10000Settings | PhantomSettings | TableSettings, Setting(discriminator="name")]
"""What a study file says of its cohort; `name` decides which settings it takes."""


def open_cohort(
    settings: Ham10000Settings | PhantomSettings | TableSettings,
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
    "Cohort",
    "CohortSettings",
    "Field",
    "Ham10000Settings",
    "ImageSource",
    "Opening",
    "PhantomSettings",
    "Problem",
    "TableSettings",
    "Target",
    "open_cohort",
]
