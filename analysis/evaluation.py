"""From the fold fits of one configuration to its scores: `evaluate` checks, scores, and keeps what comparisons need.

A configuration of which a planned fold is missing, diverged or failed is incomplete: it shows k of n folds, has no
scores and takes part in no comparison (no table mixes partial and full evaluations). A search may drop a configuration
before its last fold; that is incomplete by intent, and tables count it instead of asking for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from analysis.auc_intervals import cvauc_interval
from analysis.errors import AnalysisError
from analysis.ledger.schema import FitRecord
from analysis.metrics import FoldMetrics, fold_metrics
from analysis.predictions import FoldPredictions, check_coverage, check_repeat, fold_predictions
from analysis.procedure import Procedure, procedure_of
from analysis.scores import Fold, MetricScores
from analysis.scoring import score
from analysis.statistics.intervals import Interval


@dataclass(frozen=True)
class Failure:
    """A planned fold without a result: `diverged` or `failed` as recorded, or `missing`."""

    repeat: int
    fold: int
    state: str
    reason: str


@dataclass(frozen=True)
class ClassCount:
    """How much evidence a class has: samples and groups (lesions or patients) that were evaluated."""

    name: str
    n_samples: int
    n_groups: int


@dataclass(frozen=True)
class ConfigurationResult:
    """What one configuration scored, in fractions. `scores` goes by (metric, target); None: mean over targets.

    `dropped` names the rule by which a search gave the configuration up, None where it did not; `procedure` is how its
    fold fits were trained. `reported` are the metrics that each fold fit recorded itself, as thresholds and the scores
    of single heads, `costs` what it cost. `predictions` and `histories` (one entry per epoch) are of the
    folds done; of one that diverged too, as far as it came.
    """

    identifier: str
    label: str
    configuration: Mapping[str, Any]
    planned: tuple[Fold, ...]
    failures: tuple[Failure, ...]
    targets: Mapping[str, tuple[str, ...]]
    metrics: Mapping[Fold, Mapping[str, FoldMetrics]]
    n_test: Mapping[Fold, int]
    n_train: Mapping[Fold, int]
    counts: Mapping[str, tuple[ClassCount, ...]]
    scores: Mapping[tuple[str, str | None], MetricScores]
    dropped: str | None = None
    procedure: Procedure = field(default_factory=Procedure)
    reported: Mapping[Fold, Mapping[str, float | None]] = field(default_factory=dict)
    costs: Mapping[Fold, Mapping[str, Any]] = field(default_factory=dict)
    predictions: Mapping[Fold, FoldPredictions] = field(default_factory=dict)
    histories: Mapping[Fold, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every planned fold is done."""
        return not self.failures

    @property
    def unfinished(self) -> bool:
        """Whether a planned fold has no result although nothing dropped the configuration."""
        return not self.complete and self.dropped is None

    @property
    def progress(self) -> str:
        """Folds done of folds planned, as `3/5`."""
        return f"{len(self.planned) - len(self.failures)}/{len(self.planned)}"

    @cached_property
    def repeats(self) -> dict[int, list[FoldPredictions]]:
        """The predictions of each repeat, in the order of its folds; groups are numbers, which are quick to count."""
        parts = [self.predictions[fold] for fold in sorted(self.predictions)]
        numbers = pd.factorize(np.concatenate([part.groups for part in parts]))[0] if parts else np.array([])
        ends = np.cumsum([len(part.groups) for part in parts])
        found: dict[int, list[FoldPredictions]] = {}
        for part, groups in zip(parts, np.split(numbers, ends[:-1]), strict=True):
            found.setdefault(part.repeat, []).append(replace(part, groups=groups))
        return found

    @cached_property
    def cross_validated_aucs(self) -> dict[str, Interval | None]:
        """The cvAUC interval of the macro AUC of each target; None where a fold lacks a class."""
        return {target: cvauc_interval(self.repeats, target) for target in self.targets}

    def scores_of(self, metric: str, target: str | None = None) -> MetricScores:
        """Return the scores of one metric.

        Raises:
            AnalysisError: the configuration is incomplete, or metric or target is unknown.
        """
        if not self.complete:
            raise AnalysisError(f"configuration {self.label!r} is incomplete ({self.progress} folds) and has no scores")
        if (metric, target) not in self.scores:
            known = ", ".join(sorted({name for name, _ in self.scores}))
            raise AnalysisError(
                f"no metric {metric!r} of target {target!r} (metrics: {known}; targets: {', '.join(self.targets)})"
            )
        return self.scores[metric, target]

    def fold_recalls(self, target: str) -> np.ndarray:
        """Return the recalls (J, C) of all done folds in order; NaN where a fold has no sample of the class."""
        return np.array([self.metrics[fold][target].recalls for fold in sorted(self.metrics)])

    def fold_f1s(self, target: str) -> np.ndarray:
        """Return the F1 scores (J, C) of all done folds in order; NaN where a fold has no sample of the class."""
        return np.array([self.metrics[fold][target].f1s for fold in sorted(self.metrics)])


def evaluate(
    identifier: str,
    configuration: Mapping[str, Any],
    label: str,
    planned: Sequence[Fold],
    records: Sequence[FitRecord],
    predictions: Mapping[str, pd.DataFrame],
    *,
    dropped: str | None = None,
) -> ConfigurationResult:
    """Score one configuration.

    Args:
        identifier: the configuration's id, as in its records.
        configuration: canonical, nested plain JSON; tables look their rows and columns up in it.
        label: what a reader calls it.
        planned: the (repeat, fold) pairs that a complete evaluation has.
        records: its fold fits so far, at most one per pair.
        predictions: by `FitRecord.key`, one table for every done record.
        dropped: the rule by which a search dropped it, as `racing`; no matter where every planned fold is done.

    Raises:
        AnalysisError: a record that was not planned, or folds that do not fit each other. A fold whose own predictions
            fail a check of `analysis.predictions` counts as failed instead, with the reason.
    """
    by_fold = _by_fold(identifier, planned, records)
    parts, unusable = _parts(by_fold, predictions)
    done = {fold: by_fold[fold] for fold in parts}
    failures = tuple(
        _failure(fold, by_fold.get(fold), unusable.get(fold)) for fold in sorted(planned) if fold not in parts
    )
    plan = next((str(record.folds["plan"]) for record in records), "")
    repeats = {
        repeat: [part for (r, _), part in parts.items() if r == repeat] for repeat in sorted({r for r, _ in parts})
    }
    for folds in repeats.values():
        check_repeat(folds, plan=plan)
    if parts and not failures:
        check_coverage(repeats, plan=plan)
    targets = dict(records[0].cohort.targets) if records else {}
    metrics = {
        fold: {
            target: fold_metrics(part.labels[target], part.probabilities[target], part.thresholds.get(target))
            for target in targets
        }
        for fold, part in parts.items()
    }
    n_test, n_train = (
        {fold: getattr(record, name) for fold, record in sorted(done.items())} for name in ("n_test", "n_train")
    )
    return ConfigurationResult(
        identifier=identifier,
        label=label,
        configuration=configuration,
        planned=tuple(sorted(planned)),
        failures=failures,
        targets=targets,
        metrics=metrics,
        n_test=n_test,
        n_train=n_train,
        counts={target: _class_counts(parts, target, classes) for target, classes in targets.items()},
        scores=(
            score(targets, metrics, repeats, n_test, n_train, _class_weights(configuration))
            if parts and not failures
            else {}
        ),
        dropped=dropped if failures else None,
        procedure=procedure_of(done.values()),
        reported={fold: record.metrics for fold, record in sorted(done.items())},
        costs={fold: record.cost for fold, record in sorted(done.items())},
        predictions=parts,
        histories={fold: record.history for fold, record in sorted(by_fold.items())},
    )


def _class_weights(configuration: Mapping[str, Any]) -> str:
    """Return how the loss weighs the classes, as the configuration says it."""
    loss = configuration.get("loss")
    return str(loss.get("class_weights", "none")) if isinstance(loss, Mapping) else "none"


def _by_fold(identifier: str, planned: Sequence[Fold], records: Sequence[FitRecord]) -> dict[Fold, FitRecord]:
    if not planned:
        raise AnalysisError(f"configuration {identifier}: no folds are planned")
    by_fold: dict[Fold, FitRecord] = {}
    for record in records:
        fold = (record.repeat, record.fold)
        where = f"configuration {identifier}, repeat {fold[0]}, fold {fold[1]}"
        if record.configuration_id != identifier:
            raise AnalysisError(f"{where}: the record belongs to configuration {record.configuration_id}")
        if fold not in planned or fold in by_fold:
            raise AnalysisError(
                f"{where}: {'there are two records' if fold in by_fold else 'this fold was not planned'}"
            )
        if record.cohort.fingerprint != records[0].cohort.fingerprint:
            raise AnalysisError(f"{where}: the cohort is not that of the configuration's other fold fits")
        by_fold[fold] = record
    return by_fold


def _parts(
    by_fold: Mapping[Fold, FitRecord], predictions: Mapping[str, pd.DataFrame]
) -> tuple[dict[Fold, FoldPredictions], dict[Fold, str]]:
    """Return the predictions of the done folds, and why those of others cannot be used."""
    parts, unusable = {}, {}
    for fold, record in sorted(by_fold.items()):
        if record.state != "done":
            continue
        table = _table(record, predictions)
        try:
            parts[fold] = fold_predictions(record, table)
        except AnalysisError as error:
            unusable[fold] = f"its predictions cannot be used: {error}; delete fits/{record.key}.json to train it again"
    return parts, unusable


def _table(record: FitRecord, predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    if record.key not in predictions:
        where = f"configuration {record.configuration_id}, repeat {record.repeat}, fold {record.fold}"
        raise AnalysisError(f"{where}: no predictions were given")
    return predictions[record.key]


def _failure(fold: Fold, record: FitRecord | None, unusable: str | None) -> Failure:
    if record is None:
        return Failure(*fold, state="missing", reason="not run")
    if unusable is not None:
        return Failure(*fold, state="failed", reason=unusable)
    return Failure(*fold, state=record.state, reason=record.reason or "no reason recorded")


def _class_counts(parts: Mapping[Fold, FoldPredictions], target: str, classes: Sequence[str]) -> tuple[ClassCount, ...]:
    rows = [pd.DataFrame({"sample": p.samples, "group": p.groups, "label": p.labels[target]}) for p in parts.values()]
    table = pd.concat(rows) if rows else pd.DataFrame({"sample": [], "group": [], "label": []})
    of_class = [table[table["label"] == number] for number in range(len(classes))]
    return tuple(
        ClassCount(name, t["sample"].nunique(), t["group"].nunique()) for name, t in zip(classes, of_class, strict=True)
    )
