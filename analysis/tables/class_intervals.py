"""The intervals of what one class scored, for the long CSV of the tables by class: fractions, group-clustered.

clustered   mean over folds -+ 1.96 clustered standard errors (case sampling alone, as every interval here)
wilson      of a recall: Wilson's, with the samples that would give its clustered standard error if they came alone
cvauc       of an AUC: LeDell's influence-curve interval of the mean of fold AUCs
delong      of an AUC on a single split: DeLong's for clustered data on the logit scale

A class that no fold holds has none; small classes should be read by the second, which is right near 0 and 1 too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.auc_intervals import cvauc_interval, single_split_interval, single_split_test
from analysis.evaluation import ConfigurationResult
from analysis.statistics.clustering import (
    class_auc_influence,
    class_average_precision_influence,
    clustered_se,
)
from analysis.statistics.influences import class_influence
from analysis.statistics.intervals import Interval, clustered_interval
from analysis.statistics.proportions import effective_samples, wilson_interval

DECIDED = {"recall": "recall", "class_precision": "precision", "class_f1": "f1"}
RANKED = {"class_auc": class_auc_influence, "class_average_precision": class_average_precision_influence}


def class_interval_fields(
    result: ConfigurationResult, target: str, metric: str, means: Sequence[float]
) -> list[dict[str, Any]]:
    """Return the fields of one complete configuration, one mapping per class; what does not apply is None.

    Args:
        result: the configuration.
        target: whose classes.
        metric: `recall`, `class_precision`, `class_f1`, `class_auc` or `class_average_precision`.
        means: the mean over folds of each class (C,), NaN where no fold defines it.
    """
    return [_fields(result, target, metric, number, mean) for number, mean in enumerate(means)]


def auc_interval_fields(
    result: ConfigurationResult, target: str | None, reference: ConfigurationResult | None = None
) -> dict[str, float | None]:
    """Return the cvAUC interval of the macro AUC of one target; of two classes on a single split DeLong's too.

    What does not apply is None: where a fold lacks a class, and for the mean over several targets. `p_delong` is of the
    paired test against the reference, not adjusted and blind to retraining noise; no verdict rests on it.
    """
    names = list(result.targets)
    known = target or (names[0] if len(names) == 1 else None)
    cvauc = delong = test = None
    if known is not None and result.predictions:
        cvauc, parts = result.cross_validated_aucs[known], result.predictions.values()
        if len(result.targets[known]) == 2:
            delong = single_split_interval(parts, known, 1)
            test = single_split_test(reference.predictions.values(), parts, known, 1) if reference else None
    return {
        "cvauc_se": cvauc.se if cvauc else None,
        **_bounds("cvauc", cvauc),
        **_bounds("delong", delong),
        "p_delong": test.p if test else None,
    }


def _fields(result: ConfigurationResult, target: str, metric: str, number: int, mean: float) -> dict[str, Any]:
    se = None if np.isnan(mean) else _standard_error(result, target, metric, number)
    found = {
        "clustered_se": se,
        **_bounds("clustered", None if se is None else clustered_interval([mean], clustered_se=se, bounds=(0, 1))),
    }
    if metric == "recall":
        count = result.counts[target][number]
        n = None
        if se is not None:
            n = effective_samples(mean, clustered_se=se, n_samples=count.n_samples, n_groups=count.n_groups)
        found |= {"effective_n": n, **_bounds("wilson", None if n is None else wilson_interval(mean, n=n))}
    if metric == "class_auc":
        cvauc = None if se is None else cvauc_interval(result.repeats, target, number)
        found |= {"cvauc_se": cvauc.se if cvauc else None, **_bounds("cvauc", cvauc)}
        found |= _bounds(
            "delong", None if se is None else single_split_interval(result.predictions.values(), target, number)
        )
    return found


def _standard_error(result: ConfigurationResult, target: str, metric: str, number: int) -> float | None:
    """The clustered standard error of one class; None where fewer than two groups move it."""
    if metric in DECIDED:
        pieces = _of_decisions(result, target, DECIDED[metric], number)
    else:
        pieces = _of_ranks(result, target, metric, number)
    if not pieces:
        return None
    influence, groups = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return clustered_se(influence, groups) if len(np.unique(groups)) > 1 else None


def _of_decisions(
    result: ConfigurationResult, target: str, figure: str, number: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Influences and groups of each repeat, which weighs 1/R; of a recall those of the class alone."""
    repeats = result.repeats
    pieces = []
    for folds in repeats.values():
        labels = np.concatenate([part.labels[target] for part in folds])
        decisions = np.concatenate([part.decisions(target) for part in folds])
        groups = np.concatenate([part.groups for part in folds])
        influence = class_influence(figure, labels, decisions, len(result.targets[target]), number) / len(repeats)
        kept = labels == number if figure == "recall" else np.full(len(labels), True)
        pieces.append((influence[kept], groups[kept]))
    return pieces


def _of_ranks(
    result: ConfigurationResult, target: str, metric: str, number: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Influences and groups of each fold that holds the class and others; each weighs the same."""
    everything = [part for parts in result.repeats.values() for part in parts]
    parts = [part for part in everything if 0 < (part.labels[target] == number).sum() < len(part.groups)]
    return [
        (RANKED[metric](part.labels[target] == number, part.probabilities[target][:, number]) / len(parts), part.groups)
        for part in parts
    ]


def _bounds(name: str, interval: Interval | None) -> dict[str, float | None]:
    return {f"{name}_low": interval.low if interval else None, f"{name}_high": interval.high if interval else None}
