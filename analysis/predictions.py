"""Out-of-fold predictions, checked as they come out of the ledger.

A sample is predicted once per repeat, the class columns are those the record declares, and no group stands in two folds
of a repeat unless the fold plan allows it (as nnU-Net's `accumulate_cv_results`; statistics.md section 0).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.ledger.schema import FitRecord, probability_column, target_column
from analysis.metrics import decide

PLANS_THAT_SPLIT_GROUPS = frozenset({"image-level", "from-file", "official"})
"""Papers' splits, by image or as published, may leave siblings on both sides; captions show the leak."""

PARTIAL_PLANS = frozenset({"holdout", "from-file", "external", "official"})
"""Plans that need not evaluate every sample in every repeat."""


@dataclass(frozen=True)
class FoldPredictions:
    """Predictions of one fold fit: sample and group ids (n,), class numbers (n,) and probabilities (n, C) by target.

    `thresholds`: of two-class targets for which one was chosen inside the training part.
    """

    repeat: int
    fold: int
    samples: np.ndarray
    groups: np.ndarray
    labels: Mapping[str, np.ndarray]
    probabilities: Mapping[str, np.ndarray]
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def decisions(self, target: str) -> np.ndarray:
        """Return the class decided on for each sample (n,), at the threshold of this fold where there is one."""
        return decide(self.probabilities[target], self.thresholds.get(target))


def fold_predictions(record: FitRecord, frame: pd.DataFrame) -> FoldPredictions:
    """Read the prediction table of one done fold fit.

    Raises:
        AnalysisError: a column is missing or not finite, a class is unknown, or the rows are not those of the record.
    """
    where = _where(record)
    _check_rows(record, frame)
    labels, probabilities = {}, {}
    for target, classes in record.cohort.targets.items():
        expected = [probability_column(target, name) for name in classes]
        found = [column for column in frame.columns if column.startswith(probability_column(target, ""))]
        if found != expected or target_column(target) not in frame:
            raise AnalysisError(
                f"{where}: the columns of target {target!r} are {found}, its declared classes are {list(classes)}"
            )
        numbers = pd.Index(classes).get_indexer(pd.Index(frame[target_column(target)]))
        if (numbers < 0).any():
            odd = frame[target_column(target)][numbers < 0].iloc[0]
            raise AnalysisError(
                f"{where}: class {odd!r} of target {target!r} is not declared (known: {', '.join(classes)})"
            )
        try:
            values = frame[expected].to_numpy(dtype=float)
        except (TypeError, ValueError) as error:
            raise AnalysisError(f"{where}: a probability of target {target!r} is no number") from error
        if not np.isfinite(values).all():
            raise AnalysisError(f"{where}: a probability of target {target!r} is not finite")
        labels[target], probabilities[target] = numbers, values
    samples, groups = (frame[name].astype(str).to_numpy(dtype=object) for name in ("sample", "group"))
    return FoldPredictions(record.repeat, record.fold, samples, groups, labels, probabilities, thresholds_of(record))


def thresholds_of(record: FitRecord) -> dict[str, float]:
    """Return the recorded decision thresholds of a fold fit by target, those of two-class targets.

    Raises:
        AnalysisError: a threshold is recorded of a target with other than two classes, or it is no number.
    """
    found = {}
    for target, classes in record.cohort.targets.items():
        threshold = record.metrics.get(f"threshold:{target}")
        if threshold is not None and len(classes) != 2:
            raise AnalysisError(f"{_where(record)}: target {target!r} of {len(classes)} classes has a threshold")
        if threshold is None:
            continue
        if not isinstance(threshold, int | float) or not math.isfinite(threshold):
            raise AnalysisError(f"{_where(record)}: the threshold of target {target!r} is {threshold!r}, no number")
        found[target] = float(threshold)
    return found


def check_repeat(folds: Sequence[FoldPredictions], *, plan: str) -> None:
    """Check the folds of one repeat against each other.

    Raises:
        AnalysisError: a sample is predicted by two folds, or a group spans folds under a plan that keeps groups whole.
    """
    fold_of_sample: dict[str, int] = {}
    folds_of_group: dict[str, int] = {}
    for part in folds:
        for sample in part.samples:
            if sample in fold_of_sample:
                both = f"folds {fold_of_sample[sample]} and {part.fold}"
                raise AnalysisError(f"repeat {part.repeat}: sample {sample!r} is predicted by {both}")
            fold_of_sample[sample] = part.fold
        for group in np.unique(part.groups):
            if folds_of_group.setdefault(group, part.fold) != part.fold and plan not in PLANS_THAT_SPLIT_GROUPS:
                spanned = f"folds {folds_of_group[group]} and {part.fold}"
                raise AnalysisError(
                    f"repeat {part.repeat}: group {group!r} spans {spanned}, but plan {plan!r} keeps groups whole"
                )


def check_coverage(repeats: Mapping[int, Sequence[FoldPredictions]], *, plan: str) -> None:
    """Check that complete repeats evaluate the same samples, for the plans that evaluate every sample.

    Raises:
        AnalysisError: a repeat lacks samples that another one has.
    """
    if plan in PARTIAL_PLANS:
        return
    covered = {repeat: {sample for part in folds for sample in part.samples} for repeat, folds in repeats.items()}
    everything = set().union(*covered.values())
    for repeat, samples in covered.items():
        if missing := everything - samples:
            raise AnalysisError(
                f"repeat {repeat}: {len(missing)} samples are never predicted, the first is {min(missing)!r}"
            )


def _check_rows(record: FitRecord, frame: pd.DataFrame) -> None:
    where = _where(record)
    if missing := [name for name in ("sample", "group", "repeat", "fold") if name not in frame]:
        raise AnalysisError(f"{where}: the prediction table has no column {missing[0]!r}")
    if len(frame) != record.n_test:
        raise AnalysisError(f"{where}: {len(frame)} predictions, the record says {record.n_test}")
    if (frame["repeat"] != record.repeat).any() or (frame["fold"] != record.fold).any():
        raise AnalysisError(f"{where}: the prediction table is of another repeat or fold")
    if frame["sample"].duplicated().any():
        twice = frame["sample"][frame["sample"].duplicated()].iloc[0]
        raise AnalysisError(f"{where}: sample {twice!r} is predicted twice")


def _where(record: FitRecord) -> str:
    return f"configuration {record.configuration_id}, repeat {record.repeat}, fold {record.fold}"
