"""A study: a question, the cohort it is asked of, the search space, and the tables it must fill. Read from YAML.

A study file opens with question, source, expected result and cost. `recipe` names a paper's settings, `fixed` holds
configuration sections that every trial shares, `adjust` settings that go with others. `scientific` names the factors
that an ablation table is about, by dotted setting, each with its values in table order; `search` the dimensions that a
sampler explores instead.
"""

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from analysis.tables import TableSpecification
from models.errors import InputError
from models.registry import did_you_mean
from searchspace.overrides import apply_override
from searchspace.search.settings import RandomSearch, TreeParzenSearch
from trainables.cohorts import CohortSettings
from trainables.folds import FoldSettings
from trainables.recipes import Adjustment, find_recipe
from trainables.settings import Settings
from trainables.validation import explain


class UniqueKeys(yaml.SafeLoader):
    """Plain YAML in which a key that stands twice is an error: the last one would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, refusing a repeated key."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a plain word", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class Subsets(Settings):
    """All subsets of a list of metadata fields, the empty one first."""

    subsets: tuple[str, ...] = Field(min_length=1)


Values = Subsets | Annotated[list[Any], Field(min_length=1)]
Factors = dict[str, Values]


class Grid(Settings):
    """The strategy `grid`: every combination of the scientific factors once, as an ablation table needs it."""

    name: Literal["grid"] = "grid"


Strategy = Annotated[Grid | TreeParzenSearch | RandomSearch, Field(discriminator="name")]


class Resources(Settings):
    """What training takes: torch threads (one CPU each) and a share of a GPU (0 trains on the CPU), per process.

    `ranks_per_fit` processes train one fold fit of a fine-tuned backbone together (data-parallel, executor train). A
    fine-tuned fold fit in progress is saved every `checkpoint_every` epochs, 0: never.
    """

    threads: int = Field(default=1, ge=1, le=256)
    gpu: float = Field(default=0.0, ge=0.0, le=1.0)
    ranks_per_fit: int = Field(default=1, ge=1, le=64)
    checkpoint_every: int = Field(default=1, ge=0, le=10_000)


class Study(Settings):
    """A validated study file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    question: str
    source: str = ""
    expected: str = ""
    cost: str = ""
    cohort: CohortSettings
    folds: FoldSettings = FoldSettings()
    recipe: str | None = None
    fixed: dict[str, Any] = Field(default_factory=dict)
    adjust: tuple[Adjustment, ...] = ()
    scientific: Factors | list[Factors] | None = Field(default=None, min_length=1)
    search: dict[str, Any] | None = Field(default=None, min_length=1)
    strategy: Strategy = Grid()
    resources: Resources = Resources()
    tables: tuple[TableSpecification, ...] = Field(min_length=1)

    @field_validator("recipe")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            find_recipe(name)
        return name

    @model_validator(mode="after")
    def _space_fits_the_strategy(self) -> "Study":
        wanted, other = ("scientific", "search") if isinstance(self.strategy, Grid) else ("search", "scientific")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(
                f"strategy.name={self.strategy.name} walks the space under {wanted}; there must be one, and none "
                f"under {other}"
            )
        return self

    @property
    def grids(self) -> list[Factors]:
        """The factors as a list of grids; the space is their union."""
        if self.scientific is None:
            return []
        return self.scientific if isinstance(self.scientific, list) else [self.scientific]

    @property
    def factors(self) -> list[str]:
        """The dotted settings that a grid varies, in the order in which the study names them."""
        return list(dict.fromkeys(factor for grid in self.grids for factor in grid))

    @property
    def starting_points(self) -> tuple[dict[str, Any], ...]:
        """The points at which a search starts, dotted settings; one may leave dimensions out."""
        return () if isinstance(self.strategy, Grid) else self.strategy.start


def built_in_studies() -> dict[str, str]:
    """Return the YAML text of every built-in study by name."""
    files = resources.files("searchspace").joinpath("studies").iterdir()
    found = {
        entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8")
        for entry in files
        if entry.name.endswith(".yaml")
    }
    return dict(sorted(found.items()))


def read_study(name: str, overrides: tuple[str, ...], working_directory: Path) -> Study:
    """Return a built-in study by name, or the study in a YAML file, with `key=value` overrides applied.

    Raises:
        InputError: no such study or file, broken YAML, or a setting that cannot be used; one line.
    """
    text, folder = _find(name, working_directory)
    document = _parse(text, name)
    _make_absolute(document, folder)
    for override in overrides:
        apply_override(document, override)
    _make_absolute(document, working_directory)
    return validate_study(document)


def validate_study(document: dict[str, Any]) -> Study:
    """Validate a study given as plain nested settings.

    Raises:
        InputError: one line that names the field, the value and the choices.
    """
    try:
        return Study.model_validate(document)
    except ValidationError as error:
        raise InputError(f"study {document.get('name', '?')}: {explain(error, Study)}") from error


def _find(name: str, working_directory: Path) -> tuple[str, Path]:
    studies = built_in_studies()
    path = working_directory / name
    if name in studies:
        return studies[name], working_directory
    if path.suffix in (".yaml", ".yml"):
        try:
            return path.read_text(encoding="utf-8"), path.parent
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"study file {name}: cannot be read: {getattr(error, 'strerror', None) or error}"
            ) from error
    raise InputError(
        f"study {name!r} is not known{did_you_mean(name, studies)} "
        f"(built in: {', '.join(studies)}; or give a file ending in .yaml)"
    )


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, Loader=UniqueKeys)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InputError(f"study file {name}{where}: {getattr(error, 'problem', None) or 'is not YAML'}") from error
    except RecursionError as error:
        raise InputError(f"study file {name}: nested too deeply") from error
    if not isinstance(document, dict):
        raise InputError(
            f"study file {name}: must be a mapping of settings such as name, question, cohort, scientific, tables"
        )
    return document


def _make_absolute(document: dict[str, Any], folder: Path) -> None:
    folds = document.get("folds")
    if isinstance(folds, dict) and isinstance(folds.get("file"), str):
        folds["file"] = str(folder / folds["file"])
