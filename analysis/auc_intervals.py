"""AUCs of checked predictions, group-clustered: the cvAUC interval over folds, DeLong's and its test on one split."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from analysis.errors import AnalysisError
from analysis.predictions import FoldPredictions
from analysis.statistics.cross_validated_auc import RankedFold, cross_validated_auc
from analysis.statistics.delong import DelongTest, delong_interval, delong_test
from analysis.statistics.intervals import Interval


def cvauc_interval(
    repeats: Mapping[int, Sequence[FoldPredictions]], target: str, number: int | None = None
) -> Interval | None:
    """Return the cvAUC interval of the mean of fold AUCs.

    Args:
        repeats: the folds of each repeat.
        target: whose classes.
        number: one class against the rest; None: the macro average over all.

    Returns:
        None where a fold lacks a class, or a fold plan splits groups.
    """
    folds = [[_ranked(part, target, number) for part in parts] for parts in repeats.values()]
    try:
        return cross_validated_auc(folds)
    except AnalysisError:
        return None


def single_split_interval(parts: Iterable[FoldPredictions], target: str, number: int) -> Interval | None:
    """Return DeLong's interval (logit scale) of one class; None of several folds, or with too few groups."""
    found = list(parts)
    if len(found) != 1:
        return None
    labels, scores = found[0].labels[target], found[0].probabilities[target][:, number]
    try:
        return delong_interval(labels == number, scores, groups=found[0].groups)
    except AnalysisError:
        return None


def single_split_test(
    reference: Iterable[FoldPredictions], other: Iterable[FoldPredictions], target: str, number: int
) -> DelongTest | None:
    """Return DeLong's paired test of one class, other minus reference; None where `single_split_interval` is.

    Raises:
        AnalysisError: the two did not evaluate the same samples.
    """
    ours, theirs = list(other), list(reference)
    if len(ours) != 1 or len(theirs) != 1:
        return None
    (part,), (paired,) = ours, theirs
    if set(part.samples) != set(paired.samples):
        raise AnalysisError("unpaired: the two configurations were not evaluated on the same samples")
    order, other_order = np.argsort(part.samples), np.argsort(paired.samples)
    first, second = (
        one.probabilities[target][places, number] for one, places in ((paired, other_order), (part, order))
    )
    try:
        return delong_test(part.labels[target][order] == number, first, second, groups=part.groups[order])
    except AnalysisError:
        return None


def _ranked(part: FoldPredictions, target: str, number: int | None) -> RankedFold:
    labels, probabilities = part.labels[target], part.probabilities[target]
    if number is None:
        return RankedFold(labels, probabilities, part.groups)
    scores = probabilities[:, number]
    return RankedFold((labels == number).astype(int), np.column_stack([1 - scores, scores]), part.groups)
