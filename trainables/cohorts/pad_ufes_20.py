"""PAD-UFES-20: 2,298 smartphone images of 1,641 lesions of 1,373 patients, six diagnoses, 21 fields of metadata.

Pacheco et al., Data in Brief 2020. Groups are patients: images of one patient share their skin, camera and history, and
lesion ids are shared between patients. Blank cells and UNK are missing values; the categories are those of the file
(BRASIL and BRAZIL are two, as in the peers' work), so that all 21 fields make 73 columns (Pundhir's count) and 81 with
the eight UNK columns of MetaBlock.
"""

from __future__ import annotations

from typing import Literal

from trainables.cohorts.base import COHORTS, Cohort, Field, Opening, Target
from trainables.cohorts.finding import ImageFinder, find_table, image_folders
from trainables.cohorts.folder import open_folder
from trainables.cohorts.layout import MISSING, FolderSettings, Layout, outcome_field, read_samples, same_columns

CLASSES = ("ACK", "BCC", "MEL", "NEV", "SCC", "SEK")
YES_NO = ("false", "true")
SKIN_TYPES = ("1", "2", "3", "4", "5", "6")
FATHERS = (
    "austria",
    "brasil",
    "brazil",
    "czech",
    "germany",
    "israel",
    "italy",
    "netherlands",
    "poland",
    "pomerania",
    "portugal",
    "spain",
)
MOTHERS = (
    "brazil",
    "france",
    "germany",
    "italy",
    "netherlands",
    "norway",
    "poland",
    "pomerania",
    "portugal",
    "spain",
)
REGIONS = (
    "abdomen",
    "arm",
    "back",
    "chest",
    "ear",
    "face",
    "foot",
    "forearm",
    "hand",
    "lip",
    "neck",
    "nose",
    "scalp",
    "thigh",
)


def _question(name: str) -> Field:
    return Field(name, "category", categories=YES_NO)


def _diameter(name: str) -> Field:
    return Field(name, "number", minimum=0.0, maximum=1000.0, scale=100.0)


_FIELDS = (
    _question("smoke"),
    _question("drink"),
    Field("background_father", "category", categories=FATHERS),
    Field("background_mother", "category", categories=MOTHERS),
    Field("age", "number", minimum=0.0, maximum=120.0, scale=100.0),
    _question("pesticide"),
    Field("sex", "category", categories=("female", "male")),
    *(_question(name) for name in ("skin_cancer_history", "cancer_history", "has_piped_water", "has_sewage_system")),
    Field("fitzpatrick", "category", categories=SKIN_TYPES),
    Field("region", "category", categories=REGIONS),
    _diameter("diameter_1"),  # millimetres
    _diameter("diameter_2"),
    *(_question(name) for name in ("itch", "grew", "hurt", "changed", "bleed", "elevation")),
    outcome_field("biopsed", "biopsed", "category", categories=YES_NO),
)
COLUMNS = {"sex": "gender", "fitzpatrick": "fitspatrick"}
"""Columns of the file that are not called as the field is."""

FIELDS = {COLUMNS.get(field.name, field.name): field for field in _FIELDS}

_ANSWERS = {"1": "true", "1.0": "true", "yes": "true", "0": "false", "0.0": "false", "no": "false"}
_SYNONYMS = {field.name: _ANSWERS for field in _FIELDS if field.categories == YES_NO}
_ALIASES = {
    "img_id": ("image_id", "image", "image_name"),
    "fitspatrick": ("fitzpatrick",),
    "region": ("site", "location", "localization"),
}
_FOLDERS = ("images", "imgs", "imgs_part_1", "imgs_part_2", "imgs_part_3")


class PadUfes20Settings(FolderSettings):
    """How PAD-UFES-20 is opened."""

    name: Literal["pad-ufes-20"] = "pad-ufes-20"


@COHORTS.register("pad-ufes-20")
def open_pad_ufes_20(settings: PadUfes20Settings, opening: Opening) -> Cohort:
    """Open PAD-UFES-20: `metadata.csv` with the images in `images/` or in `imgs_part_1/` to `imgs_part_3/`.

    The folder is `data` or `data/pad-ufes-20`. InputError: what is wrong with the folder, the file or the samples.
    """
    root, path = find_table("PAD-UFES-20", settings.name, opening.data, ["metadata.csv"], ["pad-ufes-20"])
    table, layout = read_samples(
        path,
        Layout(
            cohort=settings.name,
            id_column="img_id",
            image_columns={"clinical": "img_id"},
            targets={"diagnostic": Target("diagnosis", CLASSES)},
            fields=FIELDS,
            missing={field.name: MISSING for field in _FIELDS},
            aliases=same_columns("diagnostic", "patient_id", *FIELDS) | _ALIASES,
            synonyms=_SYNONYMS | {"fitzpatrick": {f"{skin_type}.0": skin_type for skin_type in SKIN_TYPES}},
            group_column="patient_id",
            group_name="patient",
            refused_fields=(
                ("diagnostic", "it is the target"),
                ("patient_id", "it names the group"),
                ("lesion_id", "it names a lesion"),
            ),
        ),
        opening.allow_outcomes,
    )
    finder = ImageFinder(root, image_folders(root, (*_FOLDERS, *(f"images/{name}" for name in _FOLDERS))))
    return open_folder(table, layout, finder, path, skip_bad=opening.skip_bad, settings=settings)
