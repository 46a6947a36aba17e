"""The word for a comparison (statistics.md section 2), asked in this order:

supported   corrected t and max-SE are both below alpha after Holm
suggested   only max-SE is; with a single split, which has no corrected t, nothing stands above this word
equivalent  more than 0.95 of the ROPE posterior lies within the region
unsure      none of these

The first two say which way: "supported better", "supported worse". A small difference that is certain can be supported
and lie within the ROPE; it is then called supported, and its ROPE probabilities stand beside it.

A ranking, whose best was picked on the same folds, claims nothing of the kind: it says by the ROPE posterior alone
whether a configuration is better, equivalent or worse than that best, or unsure.
"""

from dataclasses import dataclass
from typing import Literal

from analysis.statistics.comparisons import RopeProbabilities

Word = Literal["supported", "suggested", "equivalent", "unsure"]

Standing = Literal["better", "equivalent", "worse", "unsure"]

EQUIVALENCE = 0.95
MARKS: dict[Word, str] = {"supported": "†", "suggested": "‡", "equivalent": "", "unsure": ""}


@dataclass(frozen=True)
class Verdict:
    """A word, and for a difference its direction relative to the reference."""

    word: Word
    direction: Literal["better", "worse", ""] = ""

    @property
    def phrase(self) -> str:
        """The word with its direction, as `supported worse`."""
        return f"{self.word} {self.direction}".strip()

    @property
    def mark(self) -> str:
        """The sign that stands beside the number in a table: dagger, double dagger or nothing."""
        return MARKS[self.word]


def verdict(
    *, estimate: float, nb_p: float | None, max_se_p: float, equivalent: float | None, alpha: float = 0.05
) -> Verdict:
    """Return the verdict of one comparison.

    Args:
        estimate: the mean difference, other minus reference; its negative for a metric where lower is better.
        nb_p: adjusted p of the corrected t; None with a single split.
        max_se_p: adjusted p of the max-SE test.
        equivalent: ROPE mass within the region; None with a single split.
        alpha: level of the family.
    """
    if max_se_p < alpha:
        word: Word = "supported" if nb_p is not None and nb_p < alpha else "suggested"
        return Verdict(word, "better" if estimate > 0 else "worse")
    if equivalent is not None and equivalent > EQUIVALENCE:
        return Verdict("equivalent")
    return Verdict("unsure")


def standing(probabilities: RopeProbabilities) -> Standing:
    """Return which of worse, equivalent and better has more than 0.95 of the ROPE posterior, else unsure."""
    words: tuple[Standing, ...] = ("worse", "equivalent", "better")
    masses = (probabilities.worse, probabilities.equivalent, probabilities.better)
    return next((word for word, mass in zip(words, masses, strict=True) if mass > EQUIVALENCE), "unsure")
