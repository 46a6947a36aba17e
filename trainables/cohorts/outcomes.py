"""Columns that follow from the diagnosis: known by name in every table, refused as inputs unless a study insists.

A model that is given one of them is told the answer: HAM10000's `follow_up` is always a nevus, and all of PAD-UFES-20's
cancers were biopsied against a quarter of its actinic keratoses.
"""

from __future__ import annotations

from typing import Final

_METHOD: Final = "how the diagnosis was made follows from the diagnosis, so it would give the answer away"
_BIOPSY: Final = "a biopsy is taken of what looks malignant, so it follows from the diagnosis"
_MANAGEMENT: Final = "what was done with the lesion was decided by the diagnosis"
_DIFFICULTY: Final = "how hard the case was is judged once the diagnosis is known"
_DIAGNOSIS: Final = "it is the diagnosis, or the answer follows from it"
_SCORE: Final = "it is a sum of the seven criteria, which are targets, and was used to diagnose melanoma"

OUTCOMES: Final[dict[str, str]] = {
    "dx": _DIAGNOSIS,
    "dx_type": _METHOD,
    "diagnosis": _DIAGNOSIS,
    "diagnostic": _DIAGNOSIS,
    "diagnosis_confirm_type": _METHOD,
    "benign_malignant": _DIAGNOSIS,
    "malignant": _DIAGNOSIS,
    "melanoma": _DIAGNOSIS,
    "target": _DIAGNOSIS,
    "melanocytic": _DIAGNOSIS,
    "mel_thick_mm": "thickness is measured in excised melanomas only",
    "mel_class": "the class of a melanoma is known of melanomas only",
    "mel_mitotic_index": "mitoses are counted in excised melanomas only",
    "mel_ulcer": "ulceration is recorded of melanomas only",
    "biopsed": _BIOPSY,
    "biopsied": _BIOPSY,
    "biopsy": _BIOPSY,
    "management": _MANAGEMENT,
    "difficulty": _DIFFICULTY,
    "level_of_diagnostic_difficulty": _DIFFICULTY,
    "seven_point_score": _SCORE,
}
"""Why a column is an outcome, by its name in small letters (ISIC archive, HAM10000, PAD-UFES-20, derm7pt)."""


def outcome_reason(column: str) -> str:
    """Why the column of that name follows from the diagnosis, whatever its letter case; empty when it is not known to.

    >>> outcome_reason(" Biopsed ")[:8]
    'a biopsy'
    >>> outcome_reason("age")
    ''
    """
    return OUTCOMES.get(column.strip().casefold(), "")
