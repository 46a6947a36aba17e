"""The fold plans that are drawn, stratified by the first target: grouped (the default), image-level and holdout."""

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from models.errors import InputError
from trainables.cohorts import Cohort
from trainables.folds.plan import FOLD_PLANS, TRAIN_ONLY, FoldSettings
from trainables.seeds import derive


@FOLD_PLANS.register("grouped")
def grouped(cohort: Cohort, settings: FoldSettings, repeat: int) -> np.ndarray:
    """Stratified by class and grouped by lesion or patient: no group is on both sides."""
    _check_enough(cohort, settings, settings.folds, by_image=False)
    return _stratified(cohort, settings.folds, derive(settings.seed, "folds", repeat), by_image=False)


@FOLD_PLANS.register("image-level")
def image_level(cohort: Cohort, settings: FoldSettings, repeat: int) -> np.ndarray:
    """Stratified by class only, as the papers split: siblings of a lesion fall on both sides (the leak is measured)."""
    _check_enough(cohort, settings, settings.folds, by_image=True)
    return _stratified(cohort, settings.folds, derive(settings.seed, "folds", repeat), by_image=True)


@FOLD_PLANS.register("holdout")
def holdout(cohort: Cohort, settings: FoldSettings, repeat: int) -> np.ndarray:
    """Cut one grouped, stratified evaluation part of about `test_share`; the rest trains."""
    _check_enough(cohort, settings, 2, by_image=False)
    taken, parts = as_parts(settings.test_share)
    slices = _stratified(cohort, parts, derive(settings.seed, "folds", repeat), by_image=False)
    return np.where(slices < taken, 0, TRAIN_ONLY)


def as_parts(share: float) -> tuple[int, int]:
    """Return m and n, n at most 20, with m/n nearest to the share: so many of n stratified parts make it up."""
    parts = min(range(2, 21), key=lambda n: (round(abs(max(1, round(share * n)) / n - share), 6), n))
    return min(max(1, round(share * parts)), parts - 1), parts


def _stratified(cohort: Cohort, folds: int, seed: int, *, by_image: bool) -> np.ndarray:
    labels = cohort.labels(cohort.targets[0].name)
    groups = cohort.samples["group"].to_numpy()
    kind = StratifiedKFold if by_image else StratifiedGroupKFold
    assigned = np.zeros(len(labels), dtype=int)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # a holdout's slices may each miss a rare class; folds are checked before
        try:
            for number, (_, held) in enumerate(
                kind(folds, shuffle=True, random_state=seed % 2**32).split(labels, labels, groups)
            ):
                assigned[held] = number
        except ValueError as error:
            raise InputError(
                f"cannot cut {folds} folds from {len(labels)} samples of {len(set(groups))} groups: {error}"
            ) from error
    return assigned


def _check_enough(cohort: Cohort, settings: FoldSettings, folds: int, *, by_image: bool) -> None:
    column = f"target:{cohort.targets[0].name}"
    counted = cohort.samples if by_image else cohort.samples.drop_duplicates(["group", column])
    unit = "image" if by_image else cohort.group_name
    for name, count in counted[column].value_counts().items():
        if count >= folds:
            continue
        fewer = f"set folds.folds to {count} or less, or " if count >= 2 else ""
        setting = "folds.plan=holdout" if settings.plan == "holdout" else f"folds.folds={folds}"
        raise InputError(
            f"{setting}: class {name!r} has only {count} {unit}{'s' if count > 1 else ''}, and {folds} parts need one "
            f"each; {fewer}take the rows of that class out of the cohort's file"
        )
