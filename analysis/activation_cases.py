"""Which stored activation maps are shown: one fused configuration beside image only, for cases chosen by rule.

cases = chosen_cases(pair, maps, GAINED)     # image only wrong, fused right; LOST is the mirror of it
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from analysis.activation_maps import MAPS, ActivationMaps, read_maps
from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.ledger import FitRecord, Ledger
from analysis.scores import Fold

Rule = Literal["gained", "lost"]
GAINED: Rule = "gained"
LOST: Rule = "lost"
"""Image only wrong and fused right, and the mirror case, so that what is shown argues for neither."""
MOST_CASES = 6

Stored = Mapping[tuple[str, Fold], ActivationMaps]
"""Maps by configuration and (repeat, fold)."""


@dataclass(frozen=True)
class Pair:
    """A fused configuration and the image-only one that differs from it in fusion and metadata alone."""

    image_only: ConfigurationResult
    fused: ConfigurationResult


@dataclass(frozen=True)
class Look:
    """What one configuration made of a case: its map of the true class (I, h, w), its decision and p(true class)."""

    activation: np.ndarray
    decision: str
    probability: float
    right: bool


@dataclass(frozen=True)
class Case:
    """A sample with its pictures (I, H, W, 3), uint8, seen by both configurations of a pair."""

    sample: str
    repeat: int
    fold: int
    label: str
    pictures: np.ndarray
    image_only: Look
    fused: Look

    @property
    def gain(self) -> float:
        """By how much metadata raised the probability of the true class."""
        return self.fused.probability - self.image_only.probability

    def follows(self, rule: Rule) -> bool:
        """Tell whether the case is one that the rule asks for."""
        right, wrong = (self.fused, self.image_only) if rule == GAINED else (self.image_only, self.fused)
        return right.right and not wrong.right


def read_stored(ledger: Ledger, records: Iterable[FitRecord]) -> dict[tuple[str, Fold], ActivationMaps]:
    """Return the maps of done fold fits; those that are not stored, or damaged, are left out."""
    there, found = set(ledger.storage.names(MAPS, ".npz")), {}
    for record in records:
        if record.state != "done" or record.key not in there:
            continue
        try:
            maps = read_maps(ledger.storage, record.key)
        except AnalysisError:
            continue
        if maps is not None:
            found[record.configuration_id, (record.repeat, record.fold)] = maps
    return found


def best_pair(results: Sequence[ConfigurationResult], stored: Stored) -> Pair | None:
    """Return the complete fused configuration of the highest MCR that has an image-only counterpart.

    Counterparts are equal in everything but fusion and metadata; both have maps of a common fold. None without any.
    """
    complete = [result for result in results if result.complete and result.configuration.get("backbone")]
    image_only = [result for result in complete if _fusion(result) == "none"]
    fused = [result for result in complete if _fusion(result) != "none" and result.configuration.get("metadata")]
    for best in sorted(fused, key=lambda result: -result.scores_of("mcr").merit):
        for other in image_only:
            if _rest(best) == _rest(other) and _common(Pair(other, best), stored):
                return Pair(other, best)
    return None


def all_cases(pair: Pair, stored: Stored) -> tuple[Case, ...]:
    """Return every sample of which both configurations have maps and the image is stored."""
    found = []
    for fold in _common(pair, stored):
        one, other = (stored[result.identifier, fold] for result in (pair.image_only, pair.fused))
        places = {sample: place for place, sample in enumerate(one.samples.tolist())}
        for place, sample in enumerate(other.samples.tolist()):
            if sample in places and other.pictures is not None:
                looks = _look(one, places[sample]), _look(other, place)
                label = other.classes[other.labels[place]]
                found.append(Case(sample, *fold, label, other.pictures[place], *looks))
    return tuple(found)


def chosen_cases(cases: Iterable[Case], rule: Rule) -> tuple[Case, ...]:
    """Return what a figure shows: at most one case per class and six in all, the largest change of p(true class) first.

    Args:
        cases: all that are stored.
        rule: which configuration is right and which is wrong.
    """
    sign = -1.0 if rule == GAINED else 1.0
    found = sorted(
        (case for case in cases if case.follows(rule)), key=lambda case: (sign * case.gain, case.sample, case.repeat)
    )
    of_class: dict[str, Case] = {}
    for case in found:
        of_class.setdefault(case.label, case)
    return tuple(of_class.values())[:MOST_CASES]


def _look(maps: ActivationMaps, place: int) -> Look:
    label, decision = int(maps.labels[place]), int(maps.decisions[place])
    probability = float(maps.probabilities[place, label])
    return Look(maps.maps[place, 0], maps.classes[decision], probability, label == decision)


def _common(pair: Pair, stored: Stored) -> list[Fold]:
    folds = [fold for identifier, fold in stored if identifier == pair.fused.identifier]
    return sorted(fold for fold in folds if (pair.image_only.identifier, fold) in stored)


def _fusion(result: ConfigurationResult) -> str:
    return str(result.configuration.get("fusion", {}).get("name", ""))


def _rest(result: ConfigurationResult) -> dict[str, Any]:
    """Return what counterparts share; which frozen features a head sees follows from its fusion."""
    rest = {name: value for name, value in result.configuration.items() if name not in ("fusion", "metadata")}
    backbone = {name: value for name, value in rest["backbone"].items() if name != "features"}
    return rest | {"backbone": backbone}
