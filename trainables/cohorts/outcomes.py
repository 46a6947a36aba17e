"""Columns that follow from the diagnosis: known by name in every table, refused as inputs unless a study insists.

A model that is given one of them is told the answer: HAM10000's `follow_up` is always a nevus, and all of PAD-UFES-20's
cancers were biopsied against a quarter of its actinic keratoses.
"""

from __future__ import annotations

import re
from typing import Final

from trainables.cohorts.terms import plain

_METHOD: Final = "how the diagnosis was made follows from the diagnosis, so it would give the answer away"
_BIOPSY: Final = "a biopsy is taken of what looks malignant, so it follows from the diagnosis"
_HISTOLOGY: Final = "it is what was found under the microscope, which is the diagnosis or leads to it"
_MANAGEMENT: Final = "what was done with the lesion was decided by the diagnosis"
_DIFFICULTY: Final = "how hard the case was is judged once the diagnosis is known"
_DIAGNOSIS: Final = "it is the diagnosis, or the answer follows from it"
_SCORE: Final = "it is a sum of the seven criteria, which are targets, and was used to diagnose melanoma"
_THICKNESS: Final = "thickness is measured in excised melanomas only"
_CLASS: Final = "the class of a melanoma is known of melanomas only"

OUTCOMES: Final[dict[str, str]] = {
    "dx": _DIAGNOSIS,
    "dx_type": _METHOD,
    "iddx": _DIAGNOSIS,
    "diagnosis": _DIAGNOSIS,
    "diagnosis_full": _DIAGNOSIS,
    "diagnostic": _DIAGNOSIS,
    "final_diagnosis": _DIAGNOSIS,
    "clinical_diagnosis": _DIAGNOSIS,
    "diagnosis_confirm_type": _METHOD,
    "diagnosis_type": _METHOD,
    "diagnosis_method": _METHOD,
    "benign_malignant": _DIAGNOSIS,
    "benign": _DIAGNOSIS,
    "malignant": _DIAGNOSIS,
    "malignancy": _DIAGNOSIS,
    "melanoma": _DIAGNOSIS,
    "nevus": _DIAGNOSIS,
    "nevus_type": _DIAGNOSIS,
    "target": _DIAGNOSIS,
    "label": _DIAGNOSIS,
    "ground_truth": _DIAGNOSIS,
    "melanocytic": _DIAGNOSIS,
    "mel_thick_mm": _THICKNESS,
    "breslow": _THICKNESS,
    "breslow_thickness": _THICKNESS,
    "mel_class": _CLASS,
    "mel_type": _CLASS,
    "mel_mitotic_index": "mitoses are counted in excised melanomas only",
    "mel_ulcer": "ulceration is recorded of melanomas only",
    "biopsed": _BIOPSY,
    "management": _MANAGEMENT,
    "excised": _MANAGEMENT,
    "excision": _MANAGEMENT,
    "difficulty": _DIFFICULTY,
    "difficulty_level": _DIFFICULTY,
    "level_of_difficulty": _DIFFICULTY,
    "diagnostic_difficulty": _DIFFICULTY,
    "level_of_diagnostic_difficulty": _DIFFICULTY,
    "seven_point_score": _SCORE,
    "7_point_score": _SCORE,
}
"""Why a column is an outcome, by its name in small letters (ISIC archive, HAM10000, PAD-UFES-20, derm7pt)."""

_PARTS: Final = (("biops", _BIOPSY), ("histopath", _HISTOLOGY), ("histolog", _HISTOLOGY))
"""Of whatever else a column's name consists: `is_biopsied`, `concomitant_biopsy`, `histopathology_result`."""

_BY_NAME: Final = {plain(name): reason for name, reason in OUTCOMES.items()}


def outcome_reason(column: str) -> str:
    """Why the column of that name follows from the diagnosis; empty when it is not known to.

    Letter case, blanks, hyphens, underscores and other marks do not count, nor does a number at the end or an `is` at
    the beginning: `Dx Type`, `biopsied?`, `diagnosis_1`, `is-malignant`. Otherwise the whole name must be known, or
    hold a word of `_PARTS` or begin with ISIC's `iddx`: `family_history_melanoma` is none.

    >>> outcome_reason(" Biopsed ")[:8]
    'a biopsy'
    >>> outcome_reason("age")
    ''
    """
    name = plain(re.sub(r"[^\w\s-]+", " ", column))
    part = next((reason for word, reason in _PARTS if word in name), "")
    if part or name.split(" ")[0] == "iddx":
        return part or _DIAGNOSIS
    without_number = re.sub(r"(?<=[^\W\d])\s?\d+$", "", name)
    return _BY_NAME.get(name) or _BY_NAME.get(without_number) or _BY_NAME.get(without_number.removeprefix("is "), "")
