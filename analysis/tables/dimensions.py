"""Dotted settings of a configuration as the rows and columns of a table: `fusion.name`, `metadata.fields`, `loss.name`.

A canonical configuration drops settings without effect, so a setting may be absent (its level is None), as the depth of
a fusion without metadata branch. A list of names, as metadata fields, is a subset: in any order, absent is empty.
"""

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult

MOST_VALUES = 8
"""Values of a setting that a message lists."""
Level = Any
"""A hashable value of a dimension: a number, text, None, or a tuple of names for a subset."""


@dataclass(frozen=True)
class Dimension:
    """One dotted setting over a set of configurations; `lists` are the values of one that holds lists of no names."""

    name: str
    is_subset: bool
    members: tuple[str, ...] = ()
    lists: tuple[tuple[Any, ...], ...] = ()

    @property
    def title(self) -> str:
        """The setting as a heading: `fusion`, `fusion depth`; of training without that word, `learning rate`."""
        return self.name.removeprefix("training.").removesuffix(".name").replace(".", " ").replace("_", " ")

    def level(self, value: Any) -> Level:
        """Return a value of this dimension in hashable form; a list may be given as it prints, `age+sex`.

        Raises:
            AnalysisError: a mapping or a set, which is no value of any setting, or of a subset no names.
        """
        try:
            found = self._hashable(value)
            hash(found)
        except TypeError as error:
            raise AnalysisError(f"{self.name}: {value!r} is none of its values; give one, or a list of some") from error
        return found

    def _hashable(self, value: Any) -> Level:
        if isinstance(value, float) and math.isnan(value):  # how pandas shows what is absent
            value = None
        if self.is_subset:
            chosen = set(self._names(value) if isinstance(value, str) else value or ())
            return tuple(name for name in self.members if name in chosen) + tuple(sorted(chosen - set(self.members)))
        if isinstance(value, str):
            printed = "".join(value.split())
            return next((one for one in self.lists if "+".join(map(str, one)) == printed), value)
        return tuple(value) if isinstance(value, list) else value

    def _names(self, printed: str) -> list[str]:
        if printed in self.members:
            return [printed]
        names = [name.strip() for name in printed.split("+")]
        return [] if names in ([""], ["none"]) else names

    def accepted(self, value: Any) -> set[Level]:
        """Return the levels that a wanted value stands for: itself, and where it is a list of values any of them."""
        several = [self.level(one) for one in value] if isinstance(value, list) and self._holds_levels(value) else []
        return {self.level(value)} if not several else set(several)

    def _holds_levels(self, values: list[Any]) -> bool:
        """A list of names is one subset of fields; a list of lists, or of values of another setting, is several."""
        if not self.is_subset:
            return tuple(values) not in self.lists
        printed = any(isinstance(one, str) and one not in self.members and "+" in one for one in values)
        return printed or (bool(values) and all(isinstance(one, list) for one in values))

    def level_of(self, result: ConfigurationResult) -> Level:
        """Return the level of a configuration."""
        return self.level(flat(result.configuration).get(self.name))

    def heading(self, level: Level) -> str:
        """Return what stands over the column of a level: `multiply`, or with its setting `depth 2`."""
        return self.text(level) if self.name.endswith(".name") else f"{self.title} {self.text(level)}"

    def text(self, level: Level) -> str:
        """Return a level as people read it."""
        if self.is_subset:
            return " + ".join(level) or "none"
        return (
            {True: "yes", False: "no", None: "none"}[level] if level is None or isinstance(level, bool) else str(level)
        )


def dimension(name: str, results: Sequence[ConfigurationResult]) -> Dimension:
    """Look a dotted setting up.

    Raises:
        AnalysisError: no configuration has it; the message offers the nearest name.
    """
    settings = [flat(result.configuration) for result in results]
    known = {key: None for one in settings for key in one}
    if name not in known:
        inside = [key for key in known if key.startswith(f"{name}.")]
        hint = f"; it is a section, choose one of {', '.join(inside)}" if inside else did_you_mean(name, known)
        raise AnalysisError(f"no configuration has a setting {name!r}{hint}")
    values = [one.get(name) for one in settings]
    is_subset = any(isinstance(value, list | tuple) for value in values) and all(
        value is None or (isinstance(value, list | tuple) and all(isinstance(one, str) for one in value))
        for value in values
    )
    fullest = sorted((value or () for value in values), key=len, reverse=True) if is_subset else ()
    members = {one: None for value in fullest for one in value}  # the order that the study declares them in
    lists = () if is_subset else tuple(tuple(value) for value in values if isinstance(value, list | tuple))
    return Dimension(name, is_subset, tuple(members), lists)


def matching(results: Sequence[ConfigurationResult], wanted: Mapping[str, Any]) -> tuple[ConfigurationResult, ...]:
    """Return the configurations that have all these settings; a list of values accepts any of them.

    Raises:
        AnalysisError: a setting that no configuration has.
    """
    accepted = [(of, of.accepted(value)) for of, value in ((dimension(name, results), v) for name, v in wanted.items())]
    return tuple(result for result in results if all(of.level_of(result) in levels for of, levels in accepted))


def values_there(results: Sequence[ConfigurationResult], wanted: Mapping[str, Any]) -> str:
    """Return what a message says after `no configuration matches`: the values of the settings that have none of these.

    Raises:
        AnalysisError: a setting that no configuration has.
    """
    told = []
    for name, value in wanted.items():
        of = dimension(name, results)
        levels = list(dict.fromkeys(of.level_of(result) for result in results))
        if not of.accepted(value) & set(levels):
            more = [f"{len(levels) - MOST_VALUES} more"] if len(levels) > MOST_VALUES else []
            told.append(f"{name}: {', '.join([*map(of.text, levels[:MOST_VALUES]), *more])}")
    return f"; there are {'; '.join(told)}" if told else "; each of these values is there, but not together"


def ordered(found: Iterable[Level], order: Sequence[Any], of: Dimension) -> tuple[Level, ...]:
    """Return the distinct levels: those of `order` first, then the others as they appear.

    Raises:
        AnalysisError: `order` names a level that no configuration has.
    """
    levels = list(dict.fromkeys(found))
    first = [of.level(value) for value in order]
    for level in first:
        if level not in levels:
            names = [of.text(one) for one in levels]
            text = of.text(level)
            raise AnalysisError(
                f"no configuration has {of.name} {text!r}{did_you_mean(text, names)} (there are: {', '.join(names)})"
            )
    return tuple(dict.fromkeys(first + levels))


def differing(one: ConfigurationResult, other: ConfigurationResult) -> tuple[str, ...]:
    """Return the dotted settings in which two configurations differ."""
    a, b = flat(one.configuration), flat(other.configuration)
    return tuple(key for key in dict.fromkeys([*a, *b]) if a.get(key) != b.get(key))


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Return `; did you mean 'fusion.name'?`, or nothing when no choice is near."""
    near = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings by dotted name."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
