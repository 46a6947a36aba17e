"""A study: a question, the cohort it is asked of, the search space, and the tables it must fill. Read from YAML.

A study file opens with question, source, expected result and cost. `recipe` names a paper's settings, `fixed` holds
configuration sections that every trial shares, `adjust` settings that go with others. `scientific` names the factors
that an ablation table is about, by dotted setting, each with its values in table order; `search` the dimensions that a
sampler explores instead. `arms` ask the whole study again under other circumstances (`searchspace/arms.py`).
"""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from analysis.tables import TableSpecification
from models.errors import InputError
from searchspace.arms import Arm, ArmName, arm_document
from searchspace.search.settings import RandomSearch, TreeParzenSearch
from trainables.activation_maps import MapSettings
from trainables.cohorts import CohortSettings
from trainables.folds import FoldSettings
from trainables.recipes import Adjustment, as_configured, find_recipe
from trainables.settings import Settings
from trainables.validation import explain


class Subsets(Settings):
    """All subsets of a list of metadata fields, the empty one first."""

    subsets: tuple[str, ...] = Field(min_length=1, max_length=12)


LONGEST_NAME = 80
"""Characters of a name that a message shows."""
Values = Subsets | Annotated[list[Any], Field(min_length=1)]
Factors = dict[str, Values]


class Grid(Settings):
    """The strategy `grid`: every combination of the scientific factors once, as an ablation table needs it."""

    name: Literal["grid"] = "grid"


Strategy = Annotated[Grid | TreeParzenSearch | RandomSearch, Field(discriminator="name")]


class Resources(Settings):
    """What training takes: torch threads (one CPU each) and a share of a GPU (0 trains on the CPU), per process.

    `ranks_per_fit` processes train one fold fit of a fine-tuned backbone together (data-parallel, executor train). A
    fine-tuned fold fit in progress is saved every `checkpoint_every` epochs (0: only when its machine is about to be
    taken away). `heads: cpu` trains heads on frozen features without a GPU, so that machines without one take them
    while the others fine-tune. A fold fit without progress for `time_limit` minutes (an epoch, the reading of its
    images, its predictions) counts as hung and is recorded as failed; 0: no limit. `memory` (GB) is what a process is
    counted with on a cluster, so that a machine with less takes fewer; 0: not counted.
    """

    threads: int = Field(default=1, ge=1, le=256)
    gpu: float = Field(default=0.0, ge=0.0, le=1.0)
    ranks_per_fit: int = Field(default=1, ge=1, le=64)
    checkpoint_every: int = Field(default=1, ge=0, le=10_000)
    heads: Literal["gpu", "cpu"] = "gpu"
    time_limit: float = Field(default=360.0, ge=0.0, le=100_000.0)
    memory: float = Field(default=1.0, ge=0.0, le=10_000.0)


class External(Settings):
    """Another cohort that is evaluated and never trained on (fold plan `external`); `data`: its folder, else --data."""

    cohort: CohortSettings
    data: str | None = None


class Study(Settings):
    """A validated study file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    question: str
    source: str = ""
    expected: str = ""
    cost: str = ""
    cohort: CohortSettings
    external: External | None = None
    allow_outcome_fields: bool = False
    folds: FoldSettings = FoldSettings()
    recipe: str | None = None
    fixed: dict[str, Any] = Field(default_factory=dict)
    adjust: tuple[Adjustment, ...] = ()
    scientific: Factors | list[Factors] | None = Field(default=None, min_length=1)
    search: dict[str, Any] | None = Field(default=None, min_length=1)
    strategy: Strategy = Grid()
    resources: Resources = Resources()
    maps: MapSettings | None = None
    arms: dict[ArmName, Arm | None] | None = None
    tables: tuple[TableSpecification, ...]
    """At least one; an arm may be left without any when those of its study stand across arms."""

    @field_validator("recipe")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            find_recipe(name)
        return name

    @field_validator("tables")
    @classmethod
    def _by_timm_s_names(cls, tables: tuple[TableSpecification, ...]) -> tuple[TableSpecification, ...]:
        return tuple(with_timm_names(table) for table in tables)

    @model_validator(mode="after")
    def _space_fits_the_strategy(self) -> "Study":
        wanted, other = ("scientific", "search") if isinstance(self.strategy, Grid) else ("search", "scientific")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(
                f"strategy.name={self.strategy.name} walks the space under {wanted}; there must be one, and none "
                f"under {other}"
            )
        return self

    @model_validator(mode="after")
    def _external_samples_are_evaluated(self) -> "Study":
        if self.external is not None and self.folds.plan != "external":
            raise ValueError(f"external has no effect with folds.plan={self.folds.plan}; set folds.plan=external")
        if self.external is None and self.folds.plan == "external":
            raise ValueError("folds.plan=external evaluates another cohort; name it, external: {cohort: {name: ...}}")
        return self

    @model_validator(mode="after")
    def _arms_fit_the_study(self) -> "Study":
        if self.arms is not None and self.search is not None:
            raise ValueError("arms need the strategy grid: a search would come to other configurations in each arm")
        if self.arms is not None and not any(self.arms.values()):
            raise ValueError("arms: there must be one that is not null")
        across = [table.name for table in self.tables if table.kind == "arms"]
        if self.arms is None and across:
            raise ValueError(f"tables: {across[0]} is of kind arms, and the study has none")
        return self

    @cached_property
    def parts(self) -> dict[str, "Study"]:
        """The studies that are really run, by arm: itself under "" when there are no arms.

        Raises:
            InputError: the settings of an arm cannot be used; one line.
        """
        if self.arms is None:
            return {"": self}
        document = self.model_dump(mode="json", exclude_unset=True)
        arms = document["arms"].items()
        return {name: _of_arm(name, arm_document(document, arm)) for name, arm in arms if arm is not None}

    @property
    def tables_across(self) -> tuple[TableSpecification, ...]:
        """The tables that are made across arms, when there are at least two."""
        arms = [arm for arm in (self.arms or {}).values() if arm is not None]
        return tuple(table for table in self.tables if table.kind == "arms" and len(arms) > 1)

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


def validate_study(document: dict[str, Any], source: str = "?") -> Study:
    """Validate a study given as plain nested settings; one without a name is called by its `source` in an error.

    Raises:
        InputError: one line that names the field, the value and the choices.
    """
    try:
        study = Study.model_validate(document)
    except ValidationError as error:
        name = document.get("name")
        known = isinstance(name, str) and name.isprintable() and len(name) <= LONGEST_NAME
        raise InputError(f"study {name if known else source}: {explain(error, Study)}") from error
    if not study.tables:
        raise InputError(f"study {study.name}: tables=[]: there must be at least one table")
    parts = study.parts.values()  # raises when an arm cannot be used
    if not study.tables_across and not any(part.tables for part in parts):
        raise InputError(f"study {study.name}: tables of kind arms need two arms, and there is one; add another table")
    return study


def _of_arm(name: str, document: dict[str, Any]) -> Study:
    """Validate the study of an arm and give its tables the arm's name; those across arms are not its own."""
    own = [table for table in document["tables"] if not (isinstance(table, dict) and table.get("kind") == "arms")]
    try:
        study = Study.model_validate(document | {"tables": own})
    except ValidationError as error:
        raise InputError(f"study {document['name']}: arms.{name}: {explain(error, Study)}") from error
    new = [{"name": f"{name}_{table.name}", "title": f"{name}: {table.title}"} for table in study.tables]
    tables = [table.model_copy(update=update) for table, update in zip(study.tables, new, strict=True)]
    return study.model_copy(update={"tables": tuple(tables)})


def with_timm_names(table: TableSpecification) -> TableSpecification:
    """Return a table whose backbones, which may be given by the papers' names, have those that configurations have."""
    changes: dict[str, Any] = {
        name: {key: as_configured(key, value) for key, value in getattr(table, name).items()}
        for name in ("reference", "where")
    }
    for levels, setting in (("row_order", table.rows), ("column_order", table.columns)):
        if setting is not None:
            changes[levels] = tuple(as_configured(setting, value) for value in getattr(table, levels))
    return table.model_copy(update=changes)
