"""The splits of a study: rows for training, the inner validation part and evaluation, with the measured leak."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold

from analysis.ledger import digest
from models.errors import InputError
from trainables.cohorts import Cohort
from trainables.folds.from_file import repeats_in_file
from trainables.folds.plan import FOLD_PLANS, LEFT_OUT, WATCHED, FoldSettings, Plan
from trainables.folds.plans import as_parts
from trainables.seeds import derive


@dataclass(frozen=True)
class Split:
    """The rows of one fold of one repeat. `inner` is cut from the training folds and is empty unless asked for."""

    repeat: int
    fold: int
    train: np.ndarray
    inner: np.ndarray
    test: np.ndarray
    leak_share: float

    def assignment(self, cohort: Cohort) -> str:
        """Return the hash of who is where, by sample id."""
        ids = cohort.samples.index
        return digest({part: ids[getattr(self, part)].tolist() for part in ("train", "inner", "test")})


def make_splits(cohort: Cohort, settings: FoldSettings, inner_share: float = 0.0) -> tuple[Split, ...]:
    """Return the splits of all repeats and folds, in order.

    Samples of an external cohort take no part, but for the plan `external`.

    Args:
        cohort: the samples; the first target stratifies.
        settings: the plan.
        inner_share: share of the training groups kept aside as the inner validation part; 0 cuts none. A plan that
            brings a validation part of its own (official) keeps that one aside, whatever the share.

    Raises:
        InputError: the plan is unknown, its file is wrong, or a class has fewer groups than folds.
    """
    plan = FOLD_PLANS.get(settings.plan)
    repeats = repeats_in_file(settings) if settings.plan == "from-file" else settings.repeats
    splits: list[Split] = []
    for repeat in range(repeats):
        folds = plan(cohort, settings, repeat) if settings.plan == "external" else _own(plan, cohort, settings, repeat)
        splits += _splits_of(cohort, settings, folds, repeat, inner_share)
    return tuple(splits)


def _own(plan: Plan, cohort: Cohort, settings: FoldSettings, repeat: int) -> np.ndarray:
    """Return the fold numbers of a plan that knows no external samples: the folds are those of the cohort alone."""
    own = ~cohort.samples.index.isin(cohort.external)
    folds = np.full(len(own), LEFT_OUT)
    folds[own] = plan(replace(cohort, samples=cohort.samples[own], external=frozenset()), settings, repeat)
    return folds


def describe(settings: FoldSettings, splits: tuple[Split, ...]) -> dict[str, Any]:
    """Return what a record says of the plan; not the repeats, which may grow without touching a fold fit."""
    return {"plan": settings.plan, "folds": len({split.fold for split in splits}), "seed": settings.seed}


def _splits_of(
    cohort: Cohort, settings: FoldSettings, folds: np.ndarray, repeat: int, inner_share: float
) -> list[Split]:
    splits = []
    for fold in sorted(set(folds[folds >= 0].tolist())):
        test = np.flatnonzero(folds == fold)
        training = np.flatnonzero((folds != fold) & (folds != LEFT_OUT))
        if not len(training):
            raise InputError(f"folds.plan={settings.plan}: fold {fold} of repeat {repeat} leaves no training samples")
        inner = np.flatnonzero(folds == WATCHED) if inner_share else np.zeros(0, dtype=int)
        if not len(inner):
            inner = _inner_part(cohort, training, inner_share, derive(settings.seed, "inner", repeat, fold))
        train = np.setdiff1d(training, inner)
        splits.append(Split(repeat, fold, train, inner, test, _leak_share(cohort, train, test)))
    return splits


def _inner_part(cohort: Cohort, training: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Cut whole groups, stratified by class, whatever the plan: what is watched must not be beside its siblings."""
    if not share:
        return np.zeros(0, dtype=int)
    taken, parts = as_parts(share)
    groups, first, group_of = np.unique(
        cohort.samples["group"].to_numpy()[training], return_index=True, return_inverse=True
    )
    labels = cohort.labels(cohort.targets[0].name)[training][first]
    if len(groups) < parts:
        raise InputError(
            f"training.inner_share={share:g}: a fold trains on {len(groups)} groups, too few to cut {parts} parts"
        )
    chosen = np.zeros(len(groups), dtype=bool)
    rare = np.bincount(labels)[labels] < parts
    labels = np.where(rare, labels.max() + 1, labels)  # classes too small to be in every part are spread together
    if rare.any() and rare.sum() < parts:
        labels[rare] = np.bincount(labels[~rare]).argmax() if (~rare).any() else labels[rare]
    cutter = StratifiedKFold(parts, shuffle=True, random_state=seed % 2**32)
    for number, (_, held) in enumerate(cutter.split(labels, labels)):
        chosen[held] |= number < taken
    return training[chosen[group_of]]


def _leak_share(cohort: Cohort, training: np.ndarray, test: np.ndarray) -> float:
    groups = cohort.samples["group"].to_numpy()
    return float(np.isin(groups[test], groups[training]).mean())
