"""ISIC 2018 task 3, official test part: 1,511 dermoscopy images in HAM10000's seven classes, from other clinics too.

Tschandl et al., Nature Medicine 2020. Opens Dataverse's table (age, sex and site as HAM10000 has them) or the
challenge's one-hot file, which has no metadata and no lesion ids: each image is then a lesion of its own.
"""

from __future__ import annotations

from typing import Literal

from trainables.cohorts.base import COHORTS, Cohort, Opening, Target
from trainables.cohorts.finding import ImageFinder, find_table, image_folders
from trainables.cohorts.folder import open_folder
from trainables.cohorts.ham10000 import CLASSES, DX_TYPE, FIELDS, REFUSED
from trainables.cohorts.layout import MISSING, FolderSettings, Layout, read_samples, same_columns
from trainables.cohorts.one_hot import is_one_hot, read_one_hot

_STEM = "ISIC2018_Task3_Test_GroundTruth"
_NAMES = tuple(f"{folder}{_STEM}{end}" for end in (".csv", ".tab") for folder in ("", f"{_STEM}/"))
_FOLDERS = ("images", "ISIC2018_Task3_Test_Images", "ISIC2018_Task3_Test_Input")


class Isic2018TestSettings(FolderSettings):
    """How the official test part of ISIC 2018 is opened."""

    name: Literal["isic2018-test"] = "isic2018-test"


@COHORTS.register("isic2018-test")
def open_isic2018_test(settings: Isic2018TestSettings, opening: Opening) -> Cohort:
    """Open the test part; classes, fields and scales are those of `ham10000`.

    The folder is `data` or `data/isic2018-test`. InputError: what is wrong with the folder, the file or the samples.
    """
    root, path = find_table("the ISIC 2018 test set", settings.name, opening.data, _NAMES, ["isic2018-test"])
    one_hot = is_one_hot(path, CLASSES, instead="dx")
    id_column = "image" if one_hot else "image_id"
    fields = dict(zip(("sex", "localization", "age", "dx_type"), (*FIELDS, DX_TYPE), strict=True))
    table, layout = read_samples(
        path,
        Layout(
            cohort=settings.name,
            id_column=id_column,
            image_columns={"dermoscopy": id_column},
            targets={} if one_hot else {"dx": Target("diagnosis", CLASSES)},
            fields=fields,
            missing={field.name: MISSING for field in FIELDS},
            aliases=same_columns(id_column, "lesion_id", "dx", *fields),
            group_column=None if one_hot else "lesion_id",
            group_name="lesion",
            refused_fields=REFUSED,
        ),
        opening.allow_outcomes,
    )
    if one_hot:
        table = table.assign(label=read_one_hot(path, "image", CLASSES)["label"])
        layout = layout.with_target("label", Target("diagnosis", CLASSES))
    finder = ImageFinder(root, image_folders(root, _FOLDERS))
    return open_folder(table, layout, finder, path, skip_bad=opening.skip_bad, settings=settings)
