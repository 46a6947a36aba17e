"""What stands beside the tests of a comparison for contrast, in the long CSV: no verdict rests on any of it.

Sign flips and exact Wilcoxon with the smallest p that so many folds allow, McNemar's test of accuracy, the adjustment
of Benjamini and Hochberg, and the probability of being better.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.predictions import FoldPredictions
from analysis.statistics.comparisons import Comparison, share_better
from analysis.statistics.mcnemar import McNemarTest, clustered_mcnemar, mcnemar
from analysis.statistics.signed_tests import sign_flip, smallest_p, wilcoxon_signed_rank
from analysis.tables.contrasts import Contrast

FIELDS = (
    *("p_naive_t", "p_nb_bh", "p_max_se_bh", "probability_better", "share_of_folds_better"),
    *("p_sign_flip", "p_sign_flip_smallest", "p_wilcoxon", "p_wilcoxon_smallest"),
    *("mcnemar_only_reference", "mcnemar_only_other", "p_mcnemar", "p_mcnemar_clustered"),
)


def further_fields(
    result: ConfigurationResult, contrast: Contrast | None, metric: str, target: str | None
) -> dict[str, Any]:
    """Return these fields of one configuration for the long CSV; what does not apply is None."""
    empty: dict[str, Any] = dict.fromkeys(FIELDS)
    if contrast is None:
        return empty
    comparison = contrast.comparison
    return (
        empty
        | {
            "p_naive_t": comparison.naive_t.p if comparison.naive_t else None,
            "p_nb_bh": contrast.nb_p_bh,
            "p_max_se_bh": contrast.max_se_p_bh,
            "probability_better": comparison.probability_better,
        }
        | _of_signs(comparison)
        | (_of_decisions(contrast.reference, result, target) if metric == "accuracy" else {})
    )


def further_note(family: Mapping[str, Contrast], metric: str) -> tuple[str, ...]:
    """Say what the long CSV holds for contrast; nothing where no comparison has several folds."""
    several = [contrast.comparison for contrast in family.values() if contrast.comparison.corrected_t is not None]
    if not several:
        return ()
    folds = len(several[0].differences)
    of_decisions = (
        " McNemar's test on the decisions of all folds, plain and group-clustered, which is blind to retraining noise;"
        if metric == "accuracy"
        else ""
    )
    return (
        "For contrast the long CSV has what no verdict uses: the SD over folds; the naive paired t, which takes folds "
        f"as independent; sign flips and exact Wilcoxon, whose p with {folds} differences cannot be below "
        f"{smallest_p(folds):.3g};{of_decisions} the probability of being better; and p values after Benjamini and "
        "Hochberg, which hold the false discovery rate and are for exploring only.",
    )


def _of_signs(comparison: Comparison) -> dict[str, float]:
    """Of several folds only: one difference has no signs to flip."""
    if comparison.corrected_t is None:
        return {}
    flips = sign_flip(comparison.differences, rng=np.random.default_rng(0))
    ranks = wilcoxon_signed_rank(comparison.differences)
    return {
        "share_of_folds_better": share_better(comparison.differences, higher_is_better=comparison.higher_is_better),
        "p_sign_flip": flips.p,
        "p_sign_flip_smallest": flips.smallest_p,
        "p_wilcoxon": ranks.p,
        "p_wilcoxon_smallest": ranks.smallest_p,
    }


def _of_decisions(reference: ConfigurationResult, other: ConfigurationResult, target: str | None) -> dict[str, Any]:
    """The plain test takes one decision per sample, so it needs a single repeat; of several targets it needs one."""
    name = target if target is not None or len(other.targets) > 1 else next(iter(other.targets), None)
    if name is None:
        return {}
    plain, clustered = mcnemar_tests(reference, other, name)
    return {
        "mcnemar_only_reference": clustered.only_reference,
        "mcnemar_only_other": clustered.only_other,
        "p_mcnemar": plain.p if plain else None,
        "p_mcnemar_clustered": clustered.p,
    }


def mcnemar_tests(
    reference: ConfigurationResult, other: ConfigurationResult, target: str
) -> tuple[McNemarTest | None, McNemarTest]:
    """Return McNemar's test on the out-of-fold decisions of all folds, plain and clustered by group.

    The plain one is None where samples were evaluated in several repeats: their decisions are not independent.

    Raises:
        AnalysisError: the two were not evaluated on the same folds of the same samples.
    """
    right, groups = _right(other, target), _groups(other)
    theirs = _right(reference, target)
    if odd := set(theirs.index) ^ set(right.index):
        raise AnalysisError(f"unpaired: {len(odd)} decisions are of one configuration only, as {min(odd)}")
    theirs = theirs.reindex(right.index)
    clustered = clustered_mcnemar(theirs.to_numpy(), right.to_numpy(), groups=groups)
    once = not right.index.get_level_values("sample").duplicated().any()
    return mcnemar(theirs.to_numpy(), right.to_numpy()) if once else None, clustered


def _right(result: ConfigurationResult, target: str) -> pd.Series:
    """Whether each decision is right, by (repeat, fold, sample)."""
    parts = _parts(result)
    index = pd.MultiIndex.from_arrays(
        [
            np.concatenate([np.full(len(part.samples), part.repeat) for part in parts]),
            np.concatenate([np.full(len(part.samples), part.fold) for part in parts]),
            np.concatenate([part.samples for part in parts]),
        ],
        names=("repeat", "fold", "sample"),
    )
    return pd.Series(np.concatenate([part.decisions(target) == part.labels[target] for part in parts]), index)


def _groups(result: ConfigurationResult) -> np.ndarray:
    return np.concatenate([part.groups for part in _parts(result)])


def _parts(result: ConfigurationResult) -> Sequence[FoldPredictions]:
    return [result.predictions[fold] for fold in sorted(result.predictions)]
