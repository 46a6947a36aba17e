"""ISIC 2020: 33,126 dermoscopy images of 2,056 patients, 584 melanomas, with age, sex and body site.

Rotemberg et al., Scientific Data 2021. Opens Kaggle's `train.csv` and the archive's ground-truth files alike. Groups
are patients; the list of 425 duplicate pairs and the lesion ids of the archive's second version join patients who show
the same.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pandas as pd

from trainables.cohorts.base import COHORTS, Cohort, Field, Opening, Target
from trainables.cohorts.checks import Fault, Vocabulary
from trainables.cohorts.csvfile import read_csv, shown
from trainables.cohorts.duplicates import pairs_there
from trainables.cohorts.finding import ImageFinder, find_table, image_folders, inside, spelled
from trainables.cohorts.folder import open_folder
from trainables.cohorts.layout import (
    MISSING,
    FolderSettings,
    Layout,
    is_missing,
    outcome_field,
    read_samples,
    same_columns,
)

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

_NUMBERS = {"0": "benign", "0.0": "benign", "1": "malignant", "1.0": "malignant"}
_SECOND_VERSION = "ISIC_2020_Training_GroundTruth_v2.csv"
_NAMES = ("train.csv", _SECOND_VERSION, "ISIC_2020_Training_GroundTruth.csv")
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
    when there is one, the list of duplicates. Of several CSV files Kaggle's is read, and for lesion ids the second
    version too. InputError: what is wrong with the folder, the files or the samples.
    """
    root, path = find_table("ISIC 2020", settings.name, opening.data, _NAMES, ["isic2020"])
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
            synonyms={"melanoma": _NUMBERS},
            group_column="patient_id",
            group_name="patient",
            refused_fields=(("target", "it is the target"), ("patient_id", "it names the group")),
        ),
        opening.allow_outcomes,
    )
    table = table.assign(target=_agreeing(table, path))
    if settings.duplicates == "merge":
        pairs, notes = _known_pairs(root, path, table["image_name"].tolist())
        layout = replace(layout, known_duplicates=tuple(pairs), notes=(*layout.notes, *notes))
    finder = ImageFinder(root, image_folders(root, _FOLDERS))
    return open_folder(table, layout, finder, path, skip_bad=opening.skip_bad, settings=settings)


def _agreeing(table: pd.DataFrame, path: Path) -> pd.Series:
    """The labels, a `Fault` where the file's two columns of them disagree."""
    both = read_csv(path, ["target", "benign_malignant"], aliases={}, optional=["target", "benign_malignant"])
    if len(both.columns) < 2:
        return table["target"]
    names = Vocabulary(TARGET.classes, _NUMBERS)
    labels = []
    for number, word in zip(both["target"], both["benign_malignant"], strict=True):
        read = names.find(number), names.find(word)
        clash = f"target is {shown(number)} and benign_malignant {shown(word)}"
        labels.append(number if None in read or read[0] == read[1] else Fault(clash))
    return pd.Series(labels, index=table.index, dtype=object)


def _known_pairs(root: Path, path: Path, images: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs of images that bear one lesion id or that the list of duplicates names, and notes of what was read."""
    pairs, notes = _of_one_lesion(path), []
    second = spelled(root, _SECOND_VERSION)
    if second is not None and root / second != path:
        pairs += _of_one_lesion(inside(root, second, "the metadata file"))
        notes.append(f"the samples are those of {path.name}; {second} is read for lesion ids only")
    listed = spelled(root, _DUPLICATES)
    if listed is not None:
        table = read_csv(inside(root, listed, "the list of duplicates"), ["image_name_1", "image_name_2"], aliases={})
        known = list(table.itertuples(index=False, name=None))
        both, either = pairs_there(images, known)
        odd = "" if either else ", and no other id is one either; are these the ids of other images?"
        notes.append(f"{listed}: {both:,} of {len(known):,} pairs are images of this cohort{odd}")
        pairs += known
    return pairs, notes


def _of_one_lesion(path: Path) -> list[tuple[str, str]]:
    columns = ["image_name", "lesion_id"]
    table = read_csv(path, columns, aliases=same_columns("image_name"), optional=columns)
    images: dict[str, list[str]] = {}
    for image, lesion in table.itertuples(index=False, name=None) if len(table.columns) == 2 else ():
        if not is_missing(lesion):
            images.setdefault(lesion, []).append(image)
    return [pair for names in images.values() for pair in pairwise(names)]
