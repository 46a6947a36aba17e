"""The dimensions of a search space, as a study writes them under `search`, by dotted setting:

    training.learning_rate: {low: 0.0001, high: 0.1, log: true}
    fusion.name: [none, concat, multiply]
    metadata.fields: {subsets: [age, sex, site], when: {fusion.name: {not: [none]}}}
    fusion.depth: {values: [1, 2, 3], when: {fusion.name: [multiply]}}

`when` makes a dimension conditional on ones above it: it exists only where each of those exists and has one of the
values listed (or, with `not`, none of them).
"""

import itertools
import typing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import optuna
from pydantic import BaseModel, Field, ValidationError, model_validator

from analysis.ledger import canonical_json
from models.errors import InputError
from models.registry import did_you_mean
from trainables.configuration import Configuration
from trainables.settings import Settings
from trainables.validation import explain

PLAIN = (type(None), bool, int, float, str)
"""What Optuna stores as it is; any other choice is stored as JSON text."""


class Choices(Settings):
    """One of a list of values, without order."""

    values: tuple[Any, ...] = Field(min_length=1)
    when: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _stored_values_differ(self) -> "Choices":
        stored = [encode(value) for value in self.values]
        for number, value in enumerate(stored):
            if value in stored[:number]:
                raise ValueError(f"the value {self.values[number]!r} stands twice")
        return self

    def contains(self, value: Any) -> bool:
        """Say whether a value can be suggested."""
        return value in self.values

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        """Let Optuna choose, and return the value as the study wrote it."""
        stored = [encode(value) for value in self.values]
        return self.values[stored.index(trial.suggest_categorical(name, stored))]


class SubsetChoices(Settings):
    """One of all subsets of a list of names, the empty one included."""

    subsets: tuple[str, ...] = Field(min_length=1, max_length=12)
    when: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_differ(self) -> "SubsetChoices":
        if len(set(self.subsets)) < len(self.subsets):
            raise ValueError(f"subsets={list(self.subsets)} names one twice")
        return self

    @property
    def values(self) -> tuple[list[str], ...]:
        """The subsets, small ones first."""
        sizes = range(len(self.subsets) + 1)
        return tuple(list(chosen) for size in sizes for chosen in itertools.combinations(self.subsets, size))

    def contains(self, value: Any) -> bool:
        """Say whether a value can be suggested."""
        return value in self.values

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        """Let Optuna choose, and return the subset as a list."""
        return Choices(values=self.values).suggest(trial, name)


class Range(Settings):
    """A number from `low` to `high`, both included; `log` draws its logarithm, `step` makes it a grid from `low`.

    It is whole when the setting takes whole numbers only, or, where that is not known, when both ends are whole.
    """

    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = Field(default=None, gt=0)
    when: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_a_range(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low={self.low:g} must be below high={self.high:g}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log=true needs a low above 0 and takes no step")
        width = Decimal(str(self.high)) - Decimal(str(self.low))
        if self.step is not None and width % Decimal(str(self.step)):
            raise ValueError(f"step={self.step:g} does not lead from low={self.low:g} to high={self.high:g}")
        return self

    def contains(self, value: Any) -> bool:
        """Say whether a value lies within the ends."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def suggest(self, trial: optuna.Trial, name: str) -> int | float:
        """Let Optuna draw a number."""
        whole = not takes_fractions(name) and isinstance(self.low, int) and isinstance(self.high, int)
        if whole and (self.step is None or isinstance(self.step, int)):
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log, step=int(self.step or 1))
        return trial.suggest_float(name, float(self.low), float(self.high), log=self.log, step=self.step)


Dimension = Choices | SubsetChoices | Range
_FORMS: dict[str, type[Choices] | type[SubsetChoices] | type[Range]] = {
    "values": Choices,
    "subsets": SubsetChoices,
    "low": Range,
    "high": Range,
}


@dataclass(frozen=True)
class Condition:
    """The dimension `parent` has one of `values`, or none of them when `negated`."""

    parent: str
    values: tuple[Any, ...]
    negated: bool

    def holds(self, point: dict[str, Any]) -> bool:
        """Say whether it holds at a point; never where the parent itself does not exist."""
        return self.parent in point and (point[self.parent] in self.values) != self.negated


def read_dimensions(search: dict[str, Any]) -> dict[str, tuple[Dimension, tuple[Condition, ...]]]:
    """Return each dimension with its conditions, in the order of the study.

    Raises:
        InputError: one line that names the dimension.
    """
    dimensions = {str(name): _read(str(name), given) for name, given in search.items()}
    return {name: (dimension, _conditions(name, dimension, dimensions)) for name, dimension in dimensions.items()}


def encode(value: Any) -> Any:
    """Return a categorical choice in the form that Optuna can store."""
    try:
        return value if isinstance(value, PLAIN) else canonical_json(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the value {value!r} is no plain JSON") from error


def takes_fractions(name: str) -> bool:
    """Say whether the dotted setting of a configuration is a number with fractions, like a learning rate."""
    current: Any = Configuration
    for part in name.split("."):
        field = current.model_fields.get(part) if isinstance(current, type) and issubclass(current, BaseModel) else None
        current = field.annotation if field else None
    return float in (current, *typing.get_args(current))


def _read(name: str, given: Any) -> Dimension:
    if not all(part for part in name.split(".")) or "." not in name:
        raise InputError(f"search.{name}: name a setting inside a section, for example training.learning_rate")
    document = {"values": given} if isinstance(given, list) else given
    form = next((_FORMS[key] for key in document if key in _FORMS), None) if isinstance(document, dict) else None
    if form is None:
        raise InputError(
            f"search.{name}={given!r}: give a list of values, or a mapping with values, subsets, or low and high"
        )
    try:
        return form.model_validate(document)
    except ValidationError as error:
        raise InputError(f"search.{name}: {explain(error, form)}") from error


def _conditions(name: str, dimension: Dimension, dimensions: dict[str, Dimension]) -> tuple[Condition, ...]:
    above = list(dimensions)[: list(dimensions).index(name)]
    found = []
    for parent, given in dimension.when.items():
        if parent not in above:
            place = "which stands below it" if parent in dimensions else f"which is not searched{_close(parent, above)}"
            raise InputError(f"search.{name}.when names {parent}, {place}; name a dimension above it")
        negated = isinstance(given, dict) and set(given) == {"not"}
        values = given["not"] if negated else given
        if not isinstance(values, list) or not values:
            raise InputError(f"search.{name}.when.{parent}={given!r}: give a list of values, or {{not: [values]}}")
        for value in values:
            if not dimensions[parent].contains(value):
                raise InputError(f"search.{name}.when.{parent}: {value!r} is no value of {parent}")
        found.append(Condition(parent, tuple(values), negated))
    return tuple(found)


def _close(name: str, known: list[str]) -> str:
    return did_you_mean(name, known).removesuffix("?")
