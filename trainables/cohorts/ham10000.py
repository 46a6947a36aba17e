"""HAM10000: 10,015 dermoscopy images of 7,470 lesions, seven diagnoses, with age, sex and body site.

Tschandl, Rosendahl, Kittler, Scientific Data 2018. Field order, the 14 sites and age / 85 are MetaNet's (Li et al.,
ISBI 2020, released fold files). `unknown` and blank cells are missing values, not categories.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from models.errors import InputError
from trainables.cohorts.base import COHORTS, Cohort, Field, Opening, Target
from trainables.cohorts.csvfile import read_csv
from trainables.cohorts.files import ImageFinder, data_folder, inside
from trainables.cohorts.folder import Layout, open_folder
from trainables.settings import Settings

SITES = (
    "abdomen",
    "acral",
    "back",
    "chest",
    "ear",
    "face",
    "foot",
    "genital",
    "hand",
    "lower extremity",
    "neck",
    "scalp",
    "trunk",
    "upper extremity",
)
CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
FIELDS = (
    Field("sex", "category", categories=("female", "male")),
    Field("site", "category", categories=SITES),
    Field("age", "number", minimum=0.0, maximum=120.0, scale=85.0),
)
LOOKALIKES = (
    ("33481", "33421"),
    ("33556", "32634"),
    ("29152", "33173"),
    ("29036", "27027"),
    ("27820", "28209"),
    ("27689", "32647"),
    ("30906", "24879"),
    ("33391", "34186"),
    ("25226", "30074"),
    ("26087", "25664"),
    ("24736", "29748"),
    ("24770", "27811"),
    ("27162", "29061"),
    ("24602", "32283"),
    ("29625", "24629"),
    ("30000", "31392"),
    ("24437", "31299"),
    ("33374", "33417"),
)
"""Images (ISIC_00 before each number) that look the same under two lesion ids: Abhishek et al., Sci. Data 2025."""

_REFUSED = (
    ("dx_type", "how the diagnosis was made follows from the diagnosis, so it would give the answer away"),
    ("dataset", "where the image came from is an artefact of collection that gives the diagnosis away"),
    ("dx", "it is the target"),
    ("lesion_id", "it names the group that folds keep together"),
    ("localization", "the field is called 'site' here"),
)
_CSV_NAMES = ("HAM10000_metadata.csv", "HAM10000_metadata")
_FOLDERS = ("images", "ham10000_images_part_1", "ham10000_images_part_2")


class Ham10000Settings(Settings):
    """How HAM10000 is opened."""

    name: Literal["ham10000"] = "ham10000"
    lookalikes: Literal["keep", "merge"] = "keep"
    """merge: the 18 pairs of lesions known to look the same become one group each."""


@COHORTS.register("ham10000")
def open_ham10000(settings: Ham10000Settings, opening: Opening) -> Cohort:
    """Open HAM10000 from a folder with its metadata file and its images.

    The folder is `data` or `data/ham10000`. The images lie in `images/`, in `HAM10000_images_part_1/` and `_2/`, or
    beside the metadata file. InputError: what is wrong with the folder, the file or the samples.
    """
    given = data_folder(settings.name, opening.data)
    path = _metadata_file(given)
    layout = Layout(
        cohort=settings.name,
        id_column="image_id",
        image_columns={"dermoscopy": "image_id"},
        targets={"dx": Target("diagnosis", CLASSES)},
        fields=dict(zip(("sex", "localization", "age"), FIELDS, strict=True)),
        missing={field.name: ("unknown",) for field in FIELDS},
        group_column="lesion_id",
        group_name="lesion",
        refused_fields=_REFUSED,
    )
    table = read_csv(path, ["image_id", "lesion_id", "dx", "age", "sex", "localization"])
    if settings.lookalikes == "merge":
        table["lesion_id"] = _merged(table["image_id"].tolist(), table["lesion_id"].tolist())
    finder = ImageFinder(path.parent, _image_folders(path.parent), extensions=(".jpg", ".jpeg", ".png"))
    return open_folder(table, layout, finder, path, opening.skip_bad)


def _metadata_file(data: Path) -> Path:
    for folder in (data, data / "ham10000"):
        for name in _CSV_NAMES:
            if (folder / name).is_file():
                inside(data, str((folder / name).relative_to(data)), "the metadata file")
                return folder.resolve() / name
    raise InputError(f"data folder {str(data)!r} holds no {_CSV_NAMES[0]}; give HAM10000's own folder with --data")


def _image_folders(root: Path) -> list[str]:
    present = {entry.name.casefold(): entry.name for entry in root.iterdir() if entry.is_dir()}
    return [present[name] for name in _FOLDERS if name in present] + ["."]


def _merged(images: list[str], lesions: list[str]) -> list[str]:
    """Lesion ids in which both lesions of a look-alike pair bear the id that sorts first."""
    lesion_of = dict(zip(images, lesions, strict=True))
    merged = list(lesions)
    for pair in LOOKALIKES:
        first, second = (lesion_of.get(f"ISIC_00{number}") for number in pair)
        if first and second:
            kept = min(first, second)
            merged = [kept if lesion in (first, second) else lesion for lesion in merged]
    return merged
