"""What differs between the configurations of a table beside the factors of its study, as what `adjust` changes.

Such settings are in no label and in no dimension of a table, so its notes name them. A setting of a section that holds
a factor (the options of a fusion, where the fusion is the factor) belongs to that factor: it counts only where
configurations with the same levels differ in it, or where the study adjusts it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.evaluation import ConfigurationResult
from analysis.tables.context import StudyContext
from analysis.tables.dimensions import dimension, flat

ABSENT = "not set"
DERIVED = frozenset({"backbone.features"})
"""Settings that follow from a factor unless they are adjusted: a fusion that looks at positions takes maps."""
NAMED = 3
"""Levels or labels that a note names; more labels are counted."""

Levels = Mapping[str, str]
"""What one setting is, as text, by the identifier of each configuration that takes part in the comparison."""


def differing_notes(context: StudyContext, results: Sequence[ConfigurationResult]) -> tuple[str, ...]:
    """Return one note that lists the settings which differ, by the configurations that have them; none if none does."""
    if len(results) < 2 or not (context.factors or context.adjusted):
        return ()
    settings = {result.identifier: flat(result.configuration) for result in results}
    names = dict.fromkeys(name for one in settings.values() for name in one if name not in context.factors)
    said: dict[str, list[str]] = {}
    for name in names:
        levels = _levels(name, settings, context)
        for group, text in _odd(name, levels, settings):
            said.setdefault(_who(group, levels, context, results), []).append(text)
    if not said:
        return ()
    parts = [f"{who}: {', '.join(texts)}" for who, texts in said.items()]
    return (f"Settings that differ beside the factors: {'; '.join(parts)}.",)


def _levels(name: str, settings: Mapping[str, Mapping[str, Any]], context: StudyContext) -> Levels:
    """What the setting is where it can be compared; empty where nothing differs that the factors do not say."""
    section = f"{name.partition('.')[0]}."
    own = [factor for factor in context.factors if factor.startswith(section)]
    levels = {key: _text(one[name]) for key, one in settings.items() if name in one}
    if name in context.adjusted and own:
        return levels if len(set(levels.values())) > 1 or len(levels) < len(settings) else {}
    if name in context.adjusted:  # what is off is left out of a configuration, and all of a network where there is none
        networks = [key for key, one in settings.items() if any(other.startswith("backbone.") for other in one)]
        levels = dict.fromkeys(networks, ABSENT) | levels
        return levels if len(set(levels.values())) > 1 else {}
    alike: dict[tuple[str, ...], set[str]] = {}
    for key, level in levels.items():
        alike.setdefault(tuple(str(settings[key].get(factor)) for factor in own), set()).add(level)
    return levels if name not in DERIVED and any(len(found) > 1 for found in alike.values()) else {}


def _odd(name: str, levels: Levels, settings: Mapping[str, Any]) -> list[tuple[tuple[str, ...], str]]:
    """The groups of configurations to name with what they have: all but those of a level that most have."""
    counts = Counter(levels.values())
    if not counts:
        return []
    common, number = max(counts.items(), key=lambda pair: (pair[1], pair[0] == ABSENT))
    aside = len(counts) > 1 and (len(counts) == 2 or 2 * number > len(levels))
    others = f" ({'others' if len(counts) == 2 else 'most'} {common})" if aside else ""
    return [
        (tuple(key for key in settings if levels.get(key) == level), f"{name} {level}{others}")
        for level in counts
        if not (aside and level == common)
    ]


def _who(group: Sequence[str], levels: Levels, context: StudyContext, results: Sequence[ConfigurationResult]) -> str:
    """Name a group of configurations by the levels of one factor that only they have, else by their labels."""
    compared = [result for result in results if result.identifier in levels]
    for factor in context.factors:
        if not any(factor in flat(result.configuration) for result in compared):
            continue
        of = dimension(factor, compared)
        inside = dict.fromkeys(of.level_of(result) for result in compared if result.identifier in group)
        outside = {of.level_of(result) for result in compared if result.identifier not in group}
        if len(inside) <= NAMED and not outside & set(inside):
            return ", ".join(of.heading(level) for level in inside)
    labels = [f"'{result.label}'" for result in compared if result.identifier in group]
    more = f" and {len(labels) - NAMED} more" if len(labels) > NAMED else ""
    return "; ".join(labels[:NAMED]) + more


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return " + ".join(value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
