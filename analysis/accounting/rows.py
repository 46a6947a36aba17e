"""Whether the predictions of a part are those of its folds: every sample exactly once in a repeat, alike for all."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from analysis.accounting.findings import Violation, other_fit
from analysis.errors import AnalysisError
from analysis.ledger import FitRecord
from analysis.manifest import PlannedConfiguration, PlannedPart
from analysis.predictions import PARTIAL_PLANS, FoldPredictions, check_repeat

Read = Callable[[FitRecord], FoldPredictions]
"""From a done record to its predictions; raises AnalysisError where they cannot be used."""
Fold = tuple[int, int]
Parts = dict[Fold, FoldPredictions]


def prediction_violations(part: PlannedPart, records: Mapping[str, FitRecord], read: Read) -> list[Violation]:
    """Return one violation for each fold fit whose predictions are not those of its fold, at most one each."""
    found: list[Violation] = []
    seen: dict[str, dict[Fold, str]] = {}
    for one in part.configurations:
        parts, faults = _read(part, one, records, read)
        found += faults
        if not faults:
            found += _repeats(one, part, records, parts)
        seen[one.identifier] = {fold: _mark(predicted.samples) for fold, predicted in parts.items()}
    return found or _unpaired(part.configurations, seen)


def _read(
    part: PlannedPart, one: PlannedConfiguration, records: Mapping[str, FitRecord], read: Read
) -> tuple[Parts, list[Violation]]:
    parts: Parts = {}
    faults = []
    for fit in one.fits:
        record = records.get(fit.key)
        if record is None or record.state != "done" or other_fit(part, one, fit, record):
            continue
        try:
            parts[fit.repeat, fit.fold] = read(record)
        except AnalysisError as error:
            where = f"{one.label}, repeat {fit.repeat}, fold {fit.fold}"
            faults.append(Violation(kind="predictions", text=f"{where}: {error}"))
    return parts, faults


def _repeats(
    one: PlannedConfiguration, part: PlannedPart, records: Mapping[str, FitRecord], parts: Parts
) -> list[Violation]:
    """Check the folds of each repeat against each other and, where all are done, against the cohort."""
    plan = str(part.folds.get("plan", ""))
    wanted = Counter(fit.repeat for fit in one.fits)
    size = next((records[fit.key].cohort.n_samples for fit in one.fits if fit.key in records), 0)
    found = []
    for repeat, planned in wanted.items():
        folds = [predicted for (number, _), predicted in parts.items() if number == repeat]
        try:
            check_repeat(folds, plan=plan)
            rows = sum(len(predicted.samples) for predicted in folds)
            if len(folds) == planned and plan not in PARTIAL_PLANS and rows != size:
                raise AnalysisError(f"repeat {repeat}: {rows:,} samples are predicted, the cohort has {size:,}")
        except AnalysisError as error:
            found.append(Violation(kind="predictions", text=f"{one.label}: {error}"))
    return found


def _unpaired(
    configurations: Sequence[PlannedConfiguration], seen: Mapping[str, Mapping[Fold, str]]
) -> list[Violation]:
    """Compare the samples of each fold over the configurations; what most have evaluated is taken for the fold."""
    marks: dict[Fold, Counter[str]] = defaultdict(Counter)
    for folds in seen.values():
        for fold, mark in folds.items():
            marks[fold][mark] += 1
    usual = {fold: count.most_common(1)[0][0] for fold, count in marks.items()}
    return [
        Violation(
            kind="predictions",
            text=f"{one.label}, repeat {fold[0]}, fold {fold[1]}: other samples than the other configurations have",
        )
        for one in configurations
        for fold, mark in seen[one.identifier].items()
        if mark != usual[fold]
    ]


def _mark(samples: np.ndarray) -> str:
    return hashlib.sha256("\n".join(sorted(map(str, samples))).encode()).hexdigest()
