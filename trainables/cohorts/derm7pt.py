"""derm7pt: 1,011 cases, each a clinical and a dermoscopy image, with a diagnosis and the seven-point checklist.

Kawahara et al., IEEE JBHI 2019; the layout is that of the download, release_v0. Eight targets, grouped as in the
authors' code (`GroupInfrequent`); the official split of 413, 203 and 395 cases is in `Cohort.official_split`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from models.errors import InputError
from trainables.cohorts.base import COHORTS, Cohort, Field, Opening, Target
from trainables.cohorts.csvfile import read_csv
from trainables.cohorts.finding import ImageFinder, find_table, image_folders, spelled
from trainables.cohorts.folder import open_folder
from trainables.cohorts.layout import MISSING, FolderSettings, Layout, outcome_field, read_samples, same_columns

TARGETS = {
    "diagnosis": Target("DIAG", ("BCC", "NEV", "MEL", "MISC", "SK")),
    "pigment_network": Target("PN", ("absent", "typical", "atypical")),
    "blue_whitish_veil": Target("BWV", ("absent", "present")),
    "vascular_structures": Target("VS", ("absent", "regular", "irregular")),
    "pigmentation": Target("PIG", ("absent", "regular", "irregular")),
    "streaks": Target("STR", ("absent", "regular", "irregular")),
    "dots_and_globules": Target("DaG", ("absent", "regular", "irregular")),
    "regression_structures": Target("RS", ("absent", "present")),
}
GROUPED: dict[str, dict[str, tuple[str, ...]]] = {
    "DIAG": {
        "BCC": ("basal cell carcinoma",),
        "NEV": (
            "nevus",
            "blue nevus",
            "clark nevus",
            "combined nevus",
            "congenital nevus",
            "dermal nevus",
            "recurrent nevus",
            "reed or spitz nevus",
        ),
        "MEL": (
            "melanoma",
            "melanoma (in situ)",
            "melanoma (less than 0.76 mm)",
            "melanoma (0.76 to 1.5 mm)",
            "melanoma (more than 1.5 mm)",
            "melanoma metastasis",
        ),
        "MISC": ("DF/LT/MLS/MISC", "dermatofibroma", "lentigo", "melanosis", "miscellaneous", "vascular lesion"),
        "SK": ("seborrheic keratosis",),
    },
    "VS": {
        "regular": ("arborizing", "comma", "hairpin", "within regression", "wreath"),
        "irregular": ("dotted/irregular", "dotted", "linear irregular"),
    },
    "PIG": {
        "regular": ("diffuse regular", "localized regular"),
        "irregular": ("diffuse irregular", "localized irregular"),
    },
    "RS": {"present": ("blue areas", "white areas", "combinations")},
}
"""Per target, the labels of the file that each class gathers."""

LOCATIONS = (
    "abdomen",
    "acral",
    "back",
    "buttocks",
    "chest",
    "genital areas",
    "head neck",
    "lower limbs",
    "upper limbs",
)
FIELDS = {
    "elevation": Field("elevation", "category", categories=("flat", "nodular", "palpable")),
    "location": Field("location", "category", categories=LOCATIONS),
    "sex": Field("sex", "category", categories=("female", "male")),
    "level_of_diagnostic_difficulty": outcome_field(
        "difficulty", "level_of_diagnostic_difficulty", "category", categories=("low", "medium", "high")
    ),
    "management": outcome_field(
        "management",
        "management",
        "category",
        categories=("clinical follow up", "excision", "no further examination"),
    ),
    "seven_point_score": outcome_field(
        "seven_point_score", "seven_point_score", "number", minimum=0.0, maximum=10.0, scale=10.0
    ),
}
PARTS = ("train", "valid", "test")

_SYNONYMS = {
    target: {label: name for name, labels in groups.items() for label in labels} for target, groups in GROUPED.items()
}


class Derm7ptSettings(FolderSettings):
    """How derm7pt is opened."""

    name: Literal["derm7pt"] = "derm7pt"


@COHORTS.register("derm7pt")
def open_derm7pt(settings: Derm7ptSettings, opening: Opening) -> Cohort:
    """Open derm7pt: `meta/meta.csv`, the three index files beside it, and `images/`.

    The folder is `data`, `data/release_v0` or `data/derm7pt`. A case is a sample and a group; cases that share a
    picture are one group. InputError: what is wrong with the folder, the files or the samples.
    """
    names = ("meta/meta.csv", "meta.csv")
    folders = ("release_v0", "derm7pt", "derm7pt/release_v0")
    root, path = find_table("derm7pt", settings.name, opening.data, names, folders)
    table, layout = read_samples(
        path,
        Layout(
            cohort=settings.name,
            id_column="case_num",
            image_columns={"clinical": "clinic", "dermoscopy": "derm"},
            targets=TARGETS,
            fields=FIELDS,
            missing={field.name: MISSING for field in FIELDS.values()},
            aliases=same_columns("case_num", "clinic", "derm", *TARGETS, *FIELDS),
            synonyms=_SYNONYMS,
            group_column="case_num",
            group_name="case",
            shares_images=True,
            refused_fields=tuple((column, "it is a target") for column in TARGETS),
        ),
        opening.allow_outcomes,
    )
    layout = layout.with_split(*read_split(path.parent, table["case_num"].tolist()))
    finder = ImageFinder(root, image_folders(root, ("images",)))
    return open_folder(table, layout, finder, path, skip_bad=opening.skip_bad, settings=settings)


def read_split(folder: Path, cases: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The part of every case ("train", "valid", "test") from the index files in `folder`, and notes.

    The files hold 0-based positions in the metadata file. Without them there is no official split, and a note says so.
    InputError: some of the files only, a position that is none, or one that is listed twice.
    """
    names = {part: f"{part}_indexes.csv" for part in PARTS}
    found = {part: spelled(folder, name) for part, name in names.items()}
    absent = [names[part] for part in PARTS if found[part] is None]
    if len(absent) == len(PARTS):
        return {}, (f"no official split: {folder.name} has no {', '.join(absent)}",)
    if absent:
        raise InputError(f"{folder}: no {', '.join(absent)} beside the other index files; copy it from the download")
    part_of: dict[int, str] = {}
    for part, name in found.items():
        path = folder / str(name)
        for line, cell in read_csv(path, ["indexes"], aliases={})["indexes"].items():
            position = int(cell) if cell.isdecimal() else -1
            if not 0 <= position < len(cases):
                last = len(cases) - 1
                raise InputError(f"{path}: line {line}: {cell!r} is no row of the metadata file, which has 0 to {last}")
            if position in part_of:
                raise InputError(f"{path}: line {line}: row {position} is in the {part_of[position]} part already")
            part_of[position] = part
    return {cases[position]: part for position, part in part_of.items()}, ()
