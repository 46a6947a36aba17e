"""HAM10000: 10,015 dermoscopy images of 7,470 lesions, seven diagnoses, with age, sex and body site.

Eighteen pairs of lesions show the same picture under two ids and are one group each: 7,452 groups.

Tschandl, Rosendahl, Kittler, Scientific Data 2018. Field order, the 14 sites and age / 85 are MetaNet's (Li et al.,
ISBI 2020, released fold files). Blank cells, `unknown`, `nan` and the like are missing values, not categories.
"""

from __future__ import annotations

from typing import Literal

from trainables.cohorts.base import COHORTS, Cohort, Field, Opening, Target
from trainables.cohorts.finding import ImageFinder, find_table, image_folders
from trainables.cohorts.folder import open_folder
from trainables.cohorts.layout import MISSING, FolderSettings, Layout, outcome_field, read_samples, same_columns

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
DX_TYPE = outcome_field("dx_type", "dx_type", "category", categories=("confocal", "consensus", "follow_up", "histo"))
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

REFUSED = (
    ("dataset", "where the image came from is an artefact of collection that gives the diagnosis away"),
    ("dx", "it is the target"),
    ("lesion_id", "it names the group that folds keep together"),
)


class Ham10000Settings(FolderSettings):
    """How HAM10000 is opened."""

    name: Literal["ham10000"] = "ham10000"
    lookalikes: Literal["merge", "keep"] = "merge"
    """merge: the 18 published pairs of lesions that look the same become one group each."""


@COHORTS.register("ham10000")
def open_ham10000(settings: Ham10000Settings, opening: Opening) -> Cohort:
    """Open HAM10000 from a folder with its metadata file and its images.

    The folder is `data` or `data/ham10000`. The images lie in `images/`, in `HAM10000_images_part_1/` and `_2/`, or
    beside the metadata file. InputError: what is wrong with the folder, the file or the samples.
    """
    names = ("HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")
    root, path = find_table("HAM10000", settings.name, opening.data, names, ["ham10000"])
    pairs = tuple((f"ISIC_00{first}", f"ISIC_00{second}") for first, second in LOOKALIKES)
    table, layout = read_samples(
        path,
        Layout(
            cohort=settings.name,
            id_column="image_id",
            image_columns={"dermoscopy": "image_id"},
            targets={"dx": Target("diagnosis", CLASSES)},
            fields=dict(zip(("sex", "localization", "age", "dx_type"), (*FIELDS, DX_TYPE), strict=True)),
            missing={field.name: MISSING for field in (*FIELDS, DX_TYPE)},
            aliases=same_columns("image_id", "lesion_id", "dx", "sex", "localization", "age", "dx_type"),
            group_column="lesion_id",
            group_name="lesion",
            known_duplicates=pairs if settings.lookalikes == "merge" else (),
            refused_fields=REFUSED,
        ),
        opening.allow_outcomes,
    )
    folders = image_folders(root, ("images", "HAM10000_images_part_1", "HAM10000_images_part_2"))
    finder = ImageFinder(root, folders, extensions=(".jpg", ".jpeg", ".png"))
    return open_folder(table, layout, finder, path, skip_bad=opening.skip_bad, settings=settings)
