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

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from trainables.cohorts.base import Cohort, Field

FOLDS = 5
MARGIN = 0.02
"""Least mean class recall above chance that is worth a warning; what is significant in a large cohort may be small."""
STANDARD_ERRORS = 3.0
"""Least mean class recall above chance in standard errors; by chance about one cohort in 700 reaches it."""
LEAST_EXPECTED = 5.0
"""Groups of a class expected where a field is blank before their absence is worth a warning."""
CHANCE = 0.01
"""Chance of naming any absent class at all when cells are blank at random (by the Poisson law, over all that is
looked at)."""


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
    a warning when it exceeds chance (1 / classes) by both `MARGIN` and `STANDARD_ERRORS`, groups counted as the
    independent units. A class that never occurs where a field is blank is named when more than `LEAST_EXPECTED` groups
    were expected and chance would hardly do it (`CHANCE`).
    """
    own = ~cohort.samples.index.isin(cohort.external)
    chosen = [field for field in cohort.fields if fields is None or field.name in fields]
    blanks = _blanks(cohort, chosen, own)
    if len(blanks.patterns) < 2:
        return ()
    groups = np.unique(cohort.samples["group"].to_numpy()[own].astype(str), return_inverse=True)[1]
    findings: list[str] = []
    for target in cohort.targets:
        labels, n_classes = cohort.labels(target.name)[own], len(target.classes)
        recall = _recall(blanks, labels, groups, n_classes)
        if recall is not None:
            findings.append(
                f"leak probe: which metadata cells are blank predicts {target.name} with a mean class recall of "
                f"{100 * recall[0]:.1f} % (chance {100 * recall[1]:.1f} %, no value read); compare with models "
                "without these fields"
            )
        findings += _absent_classes(blanks, labels, groups, target.name, target.classes)
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


def _recall(blanks: _Blanks, labels: np.ndarray, groups: np.ndarray, n_classes: int) -> tuple[float, float] | None:
    """The probe's mean class recall and chance, when the first is clearly above the second."""
    present = np.bincount(labels, minlength=n_classes) > 0
    fold_of = _fold_of(labels, groups)
    counts = np.zeros((FOLDS, len(blanks.patterns), n_classes))
    np.add.at(counts, (fold_of, blanks.pattern_of, labels), 1)
    hits = np.zeros(n_classes)
    for held in counts:
        predicted = _predict(blanks.patterns, counts.sum(axis=0) - held)
        np.add.at(hits, predicted, held[np.arange(len(predicted)), predicted])
    recalls = (hits / np.maximum(counts.sum(axis=(0, 1)), 1))[present]
    units = np.array([len(np.unique(groups[labels == code])) for code in np.flatnonzero(present)])
    smoothed = (recalls * units + 1) / (units + 2)  # a recall of 0 or 1 has a spread too
    error = math.sqrt(float((smoothed * (1 - smoothed) / units).sum())) / len(recalls)
    mean, chance = float(recalls.mean()), 1 / len(recalls)
    return (mean, chance) if mean - chance > max(MARGIN, STANDARD_ERRORS * error) else None


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


def _absent_classes(
    blanks: _Blanks, labels: np.ndarray, groups: np.ndarray, target: str, classes: tuple[str, ...]
) -> list[str]:
    """A warning per set of fields that are blank in the same samples, where some class never is."""
    sets: dict[bytes, list[str]] = {}
    for name, blank in zip(blanks.fields, blanks.patterns.T, strict=True):
        sets.setdefault(blank.tobytes(), []).append(name)
    share = _units(labels, groups, len(classes)) / len(np.unique(groups))
    samples = np.bincount(labels, minlength=len(classes)) / len(labels)
    found = []
    for key, names in sets.items():
        rows = np.frombuffer(key, dtype=bool)[blanks.pattern_of]
        expected = share * len(np.unique(groups[rows]))
        absent = (np.bincount(labels[rows], minlength=len(classes)) == 0) & (expected > LEAST_EXPECTED)
        absent &= np.exp(-expected) * len(sets) * len(classes) < CHANCE
        if absent.any():
            never = (f"{classes[code]} ({rows.sum() * samples[code]:.0f} expected)" for code in np.flatnonzero(absent))
            found.append(
                f"leak probe: of {target}, {', '.join(never)} never occurs in the {rows.sum():,} samples without "
                f"{', '.join(names)}"
            )
    return found


def _units(labels: np.ndarray, groups: np.ndarray, n_classes: int) -> np.ndarray:
    """Groups of every class, float (class,); a group with two classes counts for both."""
    pairs = np.unique(np.stack([groups, labels], axis=1), axis=0)
    return np.bincount(pairs[:, 1], minlength=n_classes).astype(float)
