"""ISIC 2020: 33,126 dermoscopy images of 2,056 patients, 584 melanomas, with age, sex and body site.

Rotemberg et al., Scientific Data 2021. Opens Kaggle's `train.csv` and the archive's ground-truth files alike. Groups
are patients; the list of 425 duplicate pairs and, in the archive's second version, the lesion ids join patients who
show the same.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Literal

import pandas as pd

from trainables.cohorts.base import COHORTS, Cohort, Field, Opening, Target
from trainables.cohorts.csvfile import read_csv
from trainables.cohorts.finding import ImageFinder, find_table, image_folders, spelled
from trainables.cohorts.folder import open_folder
from trainables.cohorts.layout import MISSING, FolderSettings, Layout, outcome_field, read_samples, same_columns

SITES = ("head/neck", "lower extremity", "oral/genital", "palms/soles", "torso", "upper extremity")
DIAGNOSES = (
    "atypical melanocytic proliferation",
    "cafe-au-lait macule",
    "lentigo NOS",
    "lichenoid keratosis",
    "melanoma",
    "nevus",
    "seborrheic keratosis",
    "solar lentigo",
)
FIELDS = {
    "sex": Field("sex", "category", categories=("female", "male")),
    "anatom_site_general_challenge": Field("site", "category", categories=SITES),
    "age_approx": Field("age", "number", minimum=0.0, maximum=120.0, scale=90.0),
    "diagnosis": outcome_field("diagnosis", "diagnosis", "category", categories=DIAGNOSES),
    "benign_malignant": outcome_field(
        "benign_malignant", "benign_malignant", "category", categories=("benign", "malignant")
    ),
}
TARGET = Target("melanoma", ("benign", "malignant"))

_NAMES = ("train.csv", "ISIC_2020_Training_GroundTruth_v2.csv", "ISIC_2020_Training_GroundTruth.csv")
_FOLDERS = (
    "images",
    "train",
    "jpeg/train",
    "train/jpeg",
    "jpeg",
    "ISIC_2020_Training_JPEG/train",
    "ISIC_2020_Training_JPEG",
    "ISIC_2020_Training_Input",
)
_DUPLICATES = "ISIC_2020_Training_Duplicates.csv"


class Isic2020Settings(FolderSettings):
    """How ISIC 2020 is opened; `duplicates: merge` also joins patients by the list of duplicates and by lesion ids."""

    name: Literal["isic2020"] = "isic2020"


@COHORTS.register("isic2020")
def open_isic2020(settings: Isic2020Settings, opening: Opening) -> Cohort:
    """Open ISIC 2020's training part; the binary target is `melanoma` (benign, malignant), groups are patients.

    The folder is `data` or `data/isic2020`, with the CSV file, the images (`images/`, `train/`, `jpeg/train/` ...) and,
    when there is one, the list of duplicates. InputError: what is wrong with the folder, the files or the samples.
    """
    root, path = find_table("ISIC 2020", settings.name, opening.data, _NAMES, ["isic2020"])
    pairs = _known_pairs(root, path) if settings.duplicates == "merge" else ()
    table, layout = read_samples(
        path,
        Layout(
            cohort=settings.name,
            id_column="image_name",
            image_columns={"dermoscopy": "image_name"},
            targets={"target": TARGET},
            fields=FIELDS,
            missing={field.name: MISSING for field in FIELDS.values()},
            aliases=same_columns("image_name", "patient_id", *FIELDS) | {"target": ("benign_malignant",)},
            synonyms={"melanoma": {"0": "benign", "0.0": "benign", "1": "malignant", "1.0": "malignant"}},
            group_column="patient_id",
            group_name="patient",
            known_duplicates=pairs,
            refused_fields=(("target", "it is the target"), ("patient_id", "it names the group")),
        ),
        opening.allow_outcomes,
    )
    finder = ImageFinder(root, image_folders(root, _FOLDERS))
    return open_folder(table, layout, finder, path, skip_bad=opening.skip_bad, settings=settings)


def _known_pairs(root: Path, path: Path) -> tuple[tuple[str, str], ...]:
    """Pairs of images that the list of duplicates names, or that bear the same lesion id."""
    ids = read_csv(path, ["image_name", "lesion_id"], aliases=same_columns("image_name"), optional=["lesion_id"])
    pairs = _of_one_lesion(ids) if "lesion_id" in ids else []
    listed = spelled(root, _DUPLICATES)
    if listed is not None:
        table = read_csv(root / listed, ["image_name_1", "image_name_2"], aliases={})
        pairs += [(_bare(first), _bare(second)) for first, second in table.itertuples(index=False, name=None)]
    return tuple(pairs)


def _of_one_lesion(table: pd.DataFrame) -> list[tuple[str, str]]:
    images: dict[str, list[str]] = {}
    for image, lesion in zip(table["image_name"], table["lesion_id"], strict=True):
        if lesion and lesion.casefold() not in MISSING:
            images.setdefault(lesion, []).append(image)
    return [pair for names in images.values() for pair in pairwise(names)]


def _bare(name: str) -> str:
    """The id of an image that is listed with or without its extension."""
    return name.rsplit(".", 1)[0] if name.casefold().endswith((".jpg", ".jpeg", ".dcm")) else name
