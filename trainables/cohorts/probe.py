"""A leak probe: does it give the class away which metadata cells are blank?

Whoever fills in a form knows something: PAD-UFES-20's 804 rows with blank clinical fields are never malignant, because
those fields were asked of patients who went on to a biopsy. A model fed with such fields learns the form, not the skin.
The probe is a logistic regression on missing-indicators alone, in grouped folds, beside the classes that never occur
where a field is blank. Rows are counted by pattern first, so 33,126 rows take a fraction of a second.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from trainables.cohorts.base import Cohort, Field, Target

FOLDS = 5
MARGIN = 0.02
"""Least mean class recall above chance that is worth a warning; what is significant in a large cohort may be small."""
RECALL_CHANCE = 0.001
"""Chance of a warning about the recall of any target when cells are blank at random, by the normal law and over all
that a probe can pick up: every class but one of every target, by every set of fields. A yes-no target and one field
need 3.1 standard errors, derm7pt's eight targets and three fields 4.1. Simulated: 1 random cohort in 100 warns at most.
"""
LEAST_EXPECTED = 5.0
"""Groups with a class expected where a field is blank before their absence is worth a warning."""
CHANCE = 0.01
"""Chance of naming any absent class at all when cells are blank at random (by the Poisson law, over all that is
looked at, all targets)."""


@dataclass(frozen=True)
class _Blanks:
    """Which fields are blank: distinct patterns bool (pattern, field), and the pattern of every sample."""

    fields: tuple[str, ...]
    patterns: np.ndarray
    pattern_of: np.ndarray


def probe_missingness(cohort: Cohort, fields: Collection[str] | None = None) -> tuple[str, ...]:
    """Warnings, one per finding and target, when blank cells predict the class; none when they do not.

    Args:
        cohort: opened; samples of an external cohort are not looked at.
        fields: the fields that models are fed; all when not given.

    The mean class recall of the probe is out-of-fold: folds are grouped and stratified, classes weighted equally. It is
    a warning when it exceeds chance (1 / classes) by both `MARGIN` and what `RECALL_CHANCE` allows, groups counted as
    the independent units. A class that never occurs where a field is blank is named when more than `LEAST_EXPECTED`
    groups with it were expected and chance would hardly do it (`CHANCE`).
    """
    own = ~cohort.samples.index.isin(cohort.external)
    chosen = [field for field in cohort.fields if fields is None or field.name in fields]
    blanks = _blanks(cohort, chosen, own)
    if len(blanks.patterns) < 2:
        return ()
    groups = np.unique(cohort.samples["group"].to_numpy()[own].astype(str), return_inverse=True)[1]
    looks = len(_sets(blanks)) * sum(len(target.classes) for target in cohort.targets)
    directions = len(_sets(blanks)) * sum(max(1, len(target.classes) - 1) for target in cohort.targets)
    errors = NormalDist().inv_cdf(1 - RECALL_CHANCE / directions)
    findings: list[str] = []
    for target in cohort.targets:
        labels, n_classes = cohort.labels(target.name)[own], len(target.classes)
        recall = _recall(blanks, labels, groups, n_classes, errors)
        if recall is not None:
            findings.append(
                f"leak probe: which metadata cells are blank predicts {target.name} with a mean class recall of "
                f"{100 * recall[0]:.1f} % (chance {100 * recall[1]:.1f} %, no value read); compare with models "
                "without these fields"
            )
        findings += _absent_classes(blanks, labels, groups, target, looks)
    return tuple(findings)


def _blanks(cohort: Cohort, fields: list[Field], own: np.ndarray) -> _Blanks:
    of_field = {field.name: cohort.samples[f"field:{field.name}"].isna().to_numpy()[own] for field in fields}
    varying = {name: blank for name, blank in of_field.items() if blank.any() and not blank.all()}
    if not varying:
        return _Blanks((), np.zeros((1, 0), dtype=bool), np.zeros(int(own.sum()), dtype=int))
    blank = np.stack(list(varying.values()), axis=1)  # (sample, field)
    packed = np.packbits(blank, axis=1)  # bytes are sorted faster than columns of truth values
    _, first, pattern_of = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return _Blanks(tuple(varying), blank[first], pattern_of.reshape(-1))


def _sets(blanks: _Blanks) -> dict[bytes, list[str]]:
    """Fields that are blank in the same samples, by the patterns (truth values as bytes) in which they are."""
    sets: dict[bytes, list[str]] = {}
    for name, blank in zip(blanks.fields, blanks.patterns.T, strict=True):
        sets.setdefault(blank.tobytes(), []).append(name)
    return sets


def _recall(
    blanks: _Blanks, labels: np.ndarray, groups: np.ndarray, n_classes: int, errors: float
) -> tuple[float, float] | None:
    """The probe's mean class recall and chance, when the first is above the second by `errors` standard errors."""
    fold_of = _fold_of(labels, groups)
    counts = np.zeros((FOLDS, len(blanks.patterns), n_classes))
    np.add.at(counts, (fold_of, blanks.pattern_of, labels), 1)
    predicted = np.stack([_predict(blanks.patterns, counts.sum(axis=0) - held) for held in counts])
    hit = predicted[fold_of, blanks.pattern_of] == labels
    of_class = np.bincount(labels, minlength=n_classes)
    recalls = np.bincount(labels, weights=hit, minlength=n_classes) / np.maximum(of_class, 1)
    n_present = int((of_class > 0).sum())
    mean, chance = float(recalls.sum()) / n_present, 1 / n_present
    of_all = np.bincount(predicted[fold_of, blanks.pattern_of], minlength=n_classes) / len(labels)
    shares = (recalls, of_all)  # the second: what the recalls are when blanks say nothing
    error = max(*(_error_of_classes(share, labels, groups) for share in shares), _error_of_groups(hit, labels, groups))
    error /= n_present
    return (mean, chance) if mean - chance > max(MARGIN, errors * error) else None


def _error_of_classes(shares: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of the sum of the recalls if these were `shares` (class,) and every group of a class one draw."""
    units = _effective_units(labels, groups, len(shares))
    smoothed = (shares * units + 1) / (units + 2)  # a recall of 0 or 1 has a spread too
    return math.sqrt(float((smoothed * (1 - smoothed) / np.maximum(units, 1))[units > 0].sum()))


def _error_of_groups(hit: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Standard error of the sum of the recalls, clustered by group, so that one with many samples counts as it does."""
    times = np.maximum(np.bincount(labels), 1)
    residual = (hit - (np.bincount(labels, weights=hit) / times)[labels]) / times[labels]
    return math.sqrt(float((np.bincount(groups, weights=residual) ** 2).sum()))


def _fold_of(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Fold of every sample: groups dealt out in turn, those of one class after another (the first sample's class)."""
    _, first = np.unique(groups, return_index=True)
    shuffled = np.random.default_rng(0).permutation(len(first))
    dealt = shuffled[np.argsort(labels[first][shuffled], kind="stable")]
    fold = np.empty(len(first), dtype=int)
    fold[dealt] = np.arange(len(first)) % FOLDS
    return fold[groups]


def _predict(patterns: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Class number of every pattern by a logistic regression on `counts` (pattern, class), classes weighted equally."""
    pattern, label = np.nonzero(counts)
    if len(np.unique(label)) < 2:
        return np.full(len(patterns), label[0] if len(label) else 0)
    weight = counts[pattern, label] * counts.sum() / counts.sum(axis=0)[label]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=200).fit(patterns[pattern], label, sample_weight=weight)
    return np.asarray(model.predict(patterns))


def _absent_classes(blanks: _Blanks, labels: np.ndarray, groups: np.ndarray, target: Target, looks: int) -> list[str]:
    """A warning per set of fields, where some class never is; `looks` is how many classes of sets are looked at."""
    found = []
    for key, names in _sets(blanks).items():
        rows = np.frombuffer(key, dtype=bool)[blanks.pattern_of]
        expected = _expected(rows, labels, groups, len(target.classes))
        absent = (np.bincount(labels[rows], minlength=len(target.classes)) == 0) & (expected > LEAST_EXPECTED)
        absent &= np.exp(-expected) * looks < CHANCE
        if absent.any():
            never = (f"{target.classes[code]} ({expected[code]:.0f} expected)" for code in np.flatnonzero(absent))
            found.append(
                f"leak probe: of {target.name}, {', '.join(never)} never occurs in the {rows.sum():,} samples without "
                f"{', '.join(names)}"
            )
    return found


def _expected(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray, n_classes: int) -> np.ndarray:
    """Groups expected to show each class in `rows` if it were not for the blanks, float (class,).

    Of a group, as many as its rows times the share of samples of the class, and no more than the share of groups that
    hold the class: few blanks of a patient with hundreds of images say little, and so do hundreds of one patient.
    """
    of_samples = np.bincount(labels, minlength=n_classes) / len(labels)
    of_groups = _units(labels, groups, n_classes) / len(np.unique(groups))
    times = np.bincount(groups[rows])
    return np.minimum(times[times > 0, None] * of_samples, of_groups).sum(axis=0)


def _effective_units(labels: np.ndarray, groups: np.ndarray, n_classes: int) -> np.ndarray:
    """Groups of every class as if all were of one size (Kish: squared sum by sum of squares), float (class,)."""
    pairs, sizes = np.unique(np.stack([labels, groups]), axis=1, return_counts=True)
    squares = np.bincount(pairs[0], weights=sizes.astype(float) ** 2, minlength=n_classes)
    return np.bincount(labels, minlength=n_classes) ** 2 / np.maximum(squares, 1)


def _units(labels: np.ndarray, groups: np.ndarray, n_classes: int) -> np.ndarray:
    """Groups of every class, float (class,); a group with two classes counts for both."""
    pairs = np.unique(np.stack([groups, labels], axis=1), axis=0)
    return np.bincount(pairs[:, 1], minlength=n_classes).astype(float)
