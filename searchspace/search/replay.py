"""Check that the suggestions of a search follow from its record.

A search whose trials run at the same time depends on the order in which they end, which no seed decides. Its record
holds that order, so its suggestions can still be verified; `Proposer(replay=...)` runs them again elsewhere.
"""

from collections.abc import Sequence
from typing import Any

import optuna

from analysis.search_record import Entry
from searchspace.search.backend import add_to_study, ask_study, open_study, tell_study
from searchspace.search.order import as_asked, moments
from searchspace.search.settings import RandomSearch, TreeParzenSearch
from searchspace.search.space import AbstractSpace


def verify(entries: Sequence[Entry], space: AbstractSpace, settings: TreeParzenSearch | RandomSearch) -> list[str]:
    """Ask again in the recorded order of asks and tells, and return one line for each suggestion that differs.

    Each suggestion is checked against the recorded ones before it, also after one that differs. What follows a damaged
    entry cannot be verified; then the last line says so.
    """
    differences: list[str] = []
    study = open_study("verify", None, [])
    skipped = 0
    for place, (_, kind, entry) in enumerate(moments(entries)):
        if kind == "tell":
            tell_study(study, entry)
            skipped = 0 if entry.handed_out else skipped
            continue
        asked = len(study.get_trials(deepcopy=False))
        if entry.number != asked:
            return [*differences, f"trial {asked}: its entry is damaged; it and what follows cannot be verified"]
        trial, _ = ask_study(study, space, settings, skipped)
        if trial.params != entry.parameters:
            differences.append(f"trial {entry.number}: {_differing(trial.params, entry.parameters)}")
            study = _study_after(entries, place)
        skipped = 0 if entry.handed_out else skipped + 1
    return differences


def _study_after(entries: Sequence[Entry], place: int) -> optuna.Study:
    """Return the study as it was after the moment at `place`, by the record and not by what was sampled again."""
    study = open_study("verify", None, [])
    for _, kind, entry in moments(entries)[: place + 1]:
        if kind == "ask":
            add_to_study(study, as_asked(entry))
        else:
            tell_study(study, entry)
    return study


def _differing(found: dict[str, Any], recorded: dict[str, Any]) -> str:
    names = sorted(name for name in {*found, *recorded} if found.get(name) != recorded.get(name))
    return ", ".join(f"{name} is {recorded.get(name)!r}, asked again {found.get(name)!r}" for name in names)
