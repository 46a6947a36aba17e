"""ISIC 2019: 25,331 dermoscopy images in eight diagnoses, with age, sex and body site; groups are lesions.

Tschandl et al. 2018 (HAM10000), Codella et al. 2018 (MSK), Combalia et al. 2019 (BCN20000). An image without a lesion
id is a lesion of its own. 2,074 images are copies named `<id>_downsampled` (Cassidy et al., MedIA 2022): copy and
original are one group where both are there. HAM10000 is part of this data set: neither tests the other.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pandas as pd

from trainables.cohorts.base import COHORTS, Cohort, Field, Opening, Target
from trainables.cohorts.checks import Fault
from trainables.cohorts.csvfile import shown
from trainables.cohorts.duplicates import plain_id
from trainables.cohorts.finding import ImageFinder, find_table, image_folders
from trainables.cohorts.folder import open_folder
from trainables.cohorts.layout import MISSING, FolderSettings, Layout, is_missing, read_samples, same_columns
from trainables.cohorts.one_hot import read_one_hot

CLASSES = ("AK", "BCC", "BKL", "DF", "MEL", "NV", "SCC", "VASC")
SITES = (
    "anterior torso",
    "head/neck",
    "lateral torso",
    "lower extremity",
    "oral/genital",
    "palms/soles",
    "posterior torso",
    "upper extremity",
)
FIELDS = {
    "sex": Field("sex", "category", categories=("female", "male")),
    "anatom_site_general": Field("site", "category", categories=SITES),
    "age_approx": Field("age", "number", minimum=0.0, maximum=120.0, scale=85.0),
}
COPY = "_downsampled"

_METADATA = "ISIC_2019_Training_Metadata.csv"
_TRUTH = "ISIC_2019_Training_GroundTruth.csv"


class Isic2019Settings(FolderSettings):
    """How ISIC 2019 is opened; `duplicates: merge` also joins an image and its `_downsampled` copy."""

    name: Literal["isic2019"] = "isic2019"


@COHORTS.register("isic2019")
def open_isic2019(settings: Isic2019Settings, opening: Opening) -> Cohort:
    """Open ISIC 2019's training part: the metadata and ground-truth files and the folder of images.

    The folder is `data` or `data/isic2019`. InputError: what is wrong with the folder, the files or the samples.
    """
    root, path = find_table("ISIC 2019", settings.name, opening.data, [_METADATA], ["isic2019"])
    _, truth = find_table("ISIC 2019", settings.name, opening.data, [_TRUTH], ["isic2019"])
    table, layout = read_samples(
        path,
        Layout(
            cohort=settings.name,
            id_column="image",
            image_columns={"dermoscopy": "image"},
            targets={},  # in the other file
            fields=FIELDS,
            missing={field.name: MISSING for field in FIELDS.values()},
            aliases=same_columns("image", "lesion_id", *FIELDS),
            group_column="lesion_id",
            group_name="lesion",
            refused_fields=(("lesion_id", "it names the group"), ("diagnosis", "it is the target")),
        ),
        opening.allow_outcomes,
    )
    table, notes = _with_labels(table, truth, path)
    ids = [plain_id(name) for name in table["image"]]
    known = tuple((name, name.removesuffix(COPY)) for name in ids if name.endswith(COPY))
    layout = layout.with_target("label", Target("diagnosis", CLASSES), known if settings.duplicates == "merge" else ())
    layout = replace(layout, notes=(*layout.notes, *notes))
    finder = ImageFinder(root, image_folders(root, ("images", "ISIC_2019_Training_Input", "train")))
    return open_folder(table, layout, finder, path, skip_bad=opening.skip_bad, settings=settings)


def _with_labels(table: pd.DataFrame, truth: Path, metadata: Path) -> tuple[pd.DataFrame, list[str]]:
    """The metadata with the label of each image, a `Fault` where the other file has not one, and every lesion named.

    An image that only the ground truth names is not a sample: without a row it has no group. A note counts them.
    """
    rows = read_one_hot(truth, "image", CLASSES, optional=["UNK"])
    keys = [plain_id(image) for image in rows["image"]]
    labels = dict(zip(keys, rows["label"], strict=True))
    for key, times in Counter(keys).items():
        if times > 1:
            labels[key] = Fault(f"{truth.name} has {times} rows of this image")
    absent = Fault(f"{truth.name} has no row of this image")
    found = [labels.get(plain_id(image), absent) for image in table["image"]]
    lesions = [
        image if is_missing(lesion) else lesion
        for image, lesion in zip(table["image"], table["lesion_id"], strict=True)
    ]
    label = pd.Series(found, index=table.index, dtype=object)
    known = {plain_id(image) for image in table["image"]}
    alone = sorted(image for image in rows["image"] if plain_id(image) not in known)
    return table.assign(label=label, lesion_id=lesions), _unused(alone, truth, metadata)


def _unused(images: list[str], truth: Path, metadata: Path) -> list[str]:
    if not images:
        return []
    count = f"{len(images):,} images have no row in {metadata.name} and are no samples"
    return [f"{truth.name}: {count}, the first is {shown(images[0])}"]
