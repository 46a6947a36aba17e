"""The rows of the long CSV: one per configuration and metric, fractions in full precision."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from analysis.evaluation import ConfigurationResult
from analysis.statistics.intervals import Interval
from analysis.tables.class_intervals import auc_interval_fields
from analysis.tables.contrasts import Contrast, scored


def record(
    result: ConfigurationResult, metric: str, target: str | None, contrast: Contrast | None, *, is_reference: bool
) -> dict[str, Any]:
    """Return everything known of one configuration on one metric; what does not apply is None."""
    row: dict[str, Any] = {
        "configuration": result.identifier,
        "label": result.label,
        "metric": metric,
        "target": "mean over targets"
        if target is None and len(result.targets) > 1
        else target or next(iter(result.targets), None),
        "folds_done": len(result.planned) - len(result.failures),
        "folds_planned": len(result.planned),
        "is_reference": is_reference,
    }
    of_auc = auc_interval_fields(result, target, contrast.reference if contrast else None) if metric == "auc" else {}
    return row | _level(result, metric, target) | of_auc | _contrast(contrast)


def class_records(
    result: ConfigurationResult,
    target: str,
    metric: str,
    of_folds: Callable[[ConfigurationResult, str], np.ndarray],
    summary: tuple[Sequence[float], Sequence[float | None]],
) -> list[dict[str, Any]]:
    """Return one row per class of one configuration: mean over folds, fold SD, and each fold's value.

    Args:
        result: the configuration.
        target: whose classes.
        metric: `recall` or `class_f1`.
        of_folds: gives the values (J, C) of a configuration and a target.
        summary: means and SDs (C,) over folds.
    """
    return [
        {
            "configuration": result.identifier,
            "label": result.label,
            "metric": metric,
            "target": target,
            "class": count.name,
            "n_samples": count.n_samples,
            "n_groups": count.n_groups,
            "estimate": mean,
            "fold_sd": sd,
            "fold_scores": _joined(values.tolist()),
        }
        for count, mean, sd, values in zip(result.counts[target], *summary, of_folds(result, target).T, strict=True)
    ]


LEVEL_FIELDS = (
    *("estimate", "fold_sd", "clustered_se", "max_se_error", "max_se_df"),
    *("max_se_low", "max_se_high", "nb_low", "nb_high", "clustered_low", "clustered_high"),
    *("n_folds", "n_repeats", "n_samples", "n_groups", "test_over_train", "fold_scores"),
)


def _level(result: ConfigurationResult, metric: str, target: str | None) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(LEVEL_FIELDS)
    scores = scored(result, metric, target)
    if scores is None:
        return empty
    return empty | {
        "estimate": scores.estimate,
        "fold_sd": scores.fold_sd,
        "clustered_se": scores.clustered_se,
        "max_se_error": None if scores.single_split else scores.max_se.se,
        "max_se_df": None if scores.single_split else _finite(scores.max_se.df),
        **_bounds("max_se", None if scores.single_split else scores.max_se_interval()),
        **_bounds("nb", scores.nadeau_bengio_interval()),
        **_bounds("clustered", scores.clustered_interval()),
        **asdict(scores.size),
        "test_over_train": scores.test_over_train,
        "fold_scores": _joined([scores.by_fold[fold] for fold in sorted(scores.by_fold)]),
    }


def _contrast(contrast: Contrast | None) -> dict[str, Any]:
    comparison = contrast.comparison if contrast else None
    nb = comparison.corrected_t if comparison else None
    rope = comparison.rope if comparison else None
    return {
        "reference": contrast.reference.identifier if contrast else None,
        "difference": comparison.estimate if comparison else None,
        **_bounds("difference_max_se", comparison.max_se.interval if comparison else None),
        "difference_max_se_error": comparison.max_se.interval.se if comparison else None,
        "difference_max_se_df": _finite(comparison.max_se.df) if comparison else None,
        **_bounds("difference_nb", nb.interval if nb else None),
        "p_nb": nb.p if nb else None,
        "p_nb_holm": contrast.nb_p_holm if contrast else None,
        "p_max_se": comparison.max_se.p if comparison else None,
        "p_max_se_holm": contrast.max_se_p_holm if contrast else None,
        "rope": rope.rope if rope else None,
        "p_worse": rope.worse if rope else None,
        "p_equivalent": rope.equivalent if rope else None,
        "p_better": rope.better if rope else None,
        "verdict": contrast.verdict.phrase if contrast else None,
    }


def _finite(value: float) -> float | None:
    """Degrees of freedom are infinite, so absent, where nothing varies or the normal quantile is taken."""
    return value if math.isfinite(value) else None


def _bounds(name: str, interval: Interval | None) -> dict[str, float | None]:
    return {f"{name}_low": interval.low if interval else None, f"{name}_high": interval.high if interval else None}


def _joined(scores: Sequence[float]) -> str:
    """Fold scores in the order of (repeat, fold), as `0.571 0.552`; repr keeps every digit."""
    return " ".join(repr(float(score)) for score in scores)
