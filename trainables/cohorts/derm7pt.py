"""derm7pt: 1,011 cases, each a clinical and a dermoscopy image, with a diagnosis and the seven-point checklist.

Kawahara et al., IEEE JBHI 2019; the layout is that of the download, release_v0. Eight targets, grouped as in the
authors' code (`GroupInfrequent`); the official split of 413, 203 and 395 cases is in `Cohort.official_split`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from models.errors import InputError
from trainables.cohorts.base import COHORTS, Cohort, Field, Opening, Target
from trainables.cohorts.checks import NO_SPLIT
from trainables.cohorts.csvfile import read_csv, row_positions, shown
from trainables.cohorts.finding import ImageFinder, find_table, image_folders, inside, spelled
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
    position_of = row_positions(path)
    cases = {position_of[line]: case for line, case in zip(table.index.tolist(), table["case_num"], strict=True)}
    layout = layout.with_split(*read_split(root, path.parent, cases))
    finder = ImageFinder(root, image_folders(root, ("images",)))
    cohort = open_folder(table, layout, finder, path, skip_bad=opening.skip_bad, settings=settings)
    return replace(cohort, notes=(*cohort.notes, *_split_notes(cohort)))


def read_split(root: Path, folder: Path, cases: Mapping[int, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The part of every case ("train", "valid", "test") from the index files in `folder`, and notes.

    The files hold positions in the metadata file, from 0, and `cases` the case at each. Without the files there is no
    official split, and a note says so. InputError: some of the files only, one that is a link out of the data folder
    `root`, a position that is none, or one that is listed twice.
    """
    names = {part: f"{part}_indexes.csv" for part in PARTS}
    found = {part: spelled(folder, name) for part, name in names.items()}
    absent = [names[part] for part in PARTS if found[part] is None]
    if len(absent) == len(PARTS):
        return {}, (f"{NO_SPLIT}{folder.name} has no {', '.join(absent)}",)
    if absent:
        raise InputError(f"{folder}: no {', '.join(absent)} beside the other index files; copy it from the download")
    part_of: dict[int, str] = {}
    for part, name in found.items():
        path = inside(root, str((folder / str(name)).relative_to(root)), "the index file")
        for line, cell in read_csv(path, ["indexes"], aliases={})["indexes"].items():
            position = int(cell) if cell.isdecimal() and len(cell) < 10 else -1
            if position not in cases:
                last = max(cases)
                raise InputError(
                    f"{path}: line {line}: {shown(cell)} is no row of the metadata file, which has 0 to {last}"
                )
            if position in part_of:
                raise InputError(f"{path}: line {line}: row {position} is in the {part_of[position]} part already")
            part_of[position] = part
    return {cases[position]: part for position, part in part_of.items()}, ()


def _split_notes(cohort: Cohort) -> list[str]:
    """What is to be said of an official split: cases that it does not list, and merged cases that it parts."""
    if not cohort.official_split:
        return []
    part_of = cohort.samples.index.map(lambda case: cohort.official_split.get(case, ""))
    notes = []
    unlisted = int((part_of == "").sum())
    if unlisted:
        notes.append(f"official split: {unlisted:,} of {len(cohort):,} cases are in no index file and take no part")
    groups = cohort.samples["group"]
    trained = set(groups[part_of.isin(["train", "valid"])])
    both = groups[(part_of == "test") & groups.isin(trained)]
    if len(both):
        notes.append(
            f"official split: it puts merged cases on both sides: {len(both):,} of the test part show the same picture "
            f"as cases that train, the first is {both.index[0]}"
        )
    return notes
