"""The fold plan `from-file`: a published split, as MetaNet's fold files or derm7pt's official one."""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.plain_files import read_file
from models.errors import InputError
from trainables.cohorts import Cohort
from trainables.folds.plan import FOLD_PLANS, LEFT_OUT, TRAIN_ONLY, FoldSettings


@FOLD_PLANS.register("from-file")
def from_file(cohort: Cohort, settings: FoldSettings, repeat: int) -> np.ndarray:
    """Read a CSV with the columns id, repeat, fold; fold `train` is never evaluated, an unlisted id is left out."""
    table = _read_fold_file(settings)
    table = table[table["repeat"] == table["repeat"].unique()[repeat]]
    unknown = table.loc[~table["id"].isin(cohort.samples.index), "id"]
    if len(unknown):
        raise InputError(
            f"folds.file={settings.file}: {len(unknown)} ids are not in the cohort, the first is {unknown.iloc[0]!r}"
        )
    twice = table.loc[table["id"].duplicated(), "id"]
    if len(twice):
        raise InputError(f"folds.file={settings.file}: id {twice.iloc[0]!r} is in two folds of one repeat")
    folds = pd.Series(LEFT_OUT, index=cohort.samples.index)
    folds[table["id"]] = table["fold"].to_numpy()
    return folds.to_numpy()


def repeats_in_file(settings: FoldSettings) -> int:
    """Return how many repeats the file of a from-file plan holds."""
    return int(_read_fold_file(settings)["repeat"].nunique())


def _read_fold_file(settings: FoldSettings) -> pd.DataFrame:
    if settings.file is None:
        raise InputError("folds.plan=from-file needs folds.file, a CSV with the columns id, repeat, fold")
    path = Path(settings.file)
    try:
        table = pd.read_csv(io.BytesIO(read_file(path)), dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"folds.file={path}: cannot be read: {str(error).splitlines()[0]}") from error
    missing = {"id", "repeat", "fold"} - set(table.columns)
    if missing:
        raise InputError(
            f"folds.file={path}: column {', '.join(sorted(missing))} is missing; it needs id, repeat, fold"
        )
    if table.empty:
        raise InputError(f"folds.file={path}: no rows")
    bad = table.loc[~table["fold"].str.fullmatch(r"\d{1,3}|train"), "fold"]
    if len(bad):
        raise InputError(f"folds.file={path}: fold {bad.iloc[0]!r} is neither a number nor 'train'")
    table["fold"] = table["fold"].replace("train", str(TRAIN_ONLY)).astype(int)
    if (table["fold"] < 0).all():
        raise InputError(f"folds.file={path}: every row says 'train', nothing would be evaluated")
    return table
