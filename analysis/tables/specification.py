"""What a study asks of a table, as plain settings.

tables:
  - name: subsets
    title: Metadata subsets
    kind: ablation
    rows: metadata.fields
    columns: fusion.name
    metrics: [mcr, auc]
    reference: {fusion.name: none}
"""

from collections.abc import Sequence
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from analysis.plain_types import refuse_truth_for_numbers
from analysis.published import CLASS, COSTS, TARGET, PublishedTable, published_names, published_table
from analysis.tables.dimensions import did_you_mean

KindName = Literal[
    "ablation",
    "per-class-recall",
    "per-class-precision",
    "per-class-f1",
    "per-class-auc",
    "per-class-average-precision",
    "comparisons",
    "leaderboard",
    "ranking",
    "effects",
    "scores",
    "cost",
    "per-target",
    "heads",
    "arms",
]
MetricName = Literal[
    "mcr",
    "auc",
    "accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "macro_specificity",
    "ovr_balanced_accuracy",
    "micro_auc",
    "average_precision",
    "brier",
    "ece",
]
CostName = Literal["parameters", "layers", "megabytes", "seconds_per_epoch", "inference_ms", "hours", "peak_memory"]

PER_CLASS = {
    "per-class-recall": "recall",
    "per-class-precision": "class_precision",
    "per-class-f1": "class_f1",
    "per-class-auc": "class_auc",
    "per-class-average-precision": "class_average_precision",
}
"""Kinds with the classes across, and the figure that a published table must hold to stand beside them."""
PER_METRIC = ("ablation", "comparisons", "leaderboard", "ranking", "effects", "per-target", "arms")
"""Kinds that give one table per metric, `<name>_<metric>`."""
LIMITED = ("leaderboard", "ranking", *PER_CLASS)
LAYOUT = ("rows", "columns", "reference", "where", "row_order", "column_order")
NOT_TAKEN = {
    "leaderboard": LAYOUT,
    "ranking": ("rows", "columns", "reference", "row_order", "column_order", "published"),
    "effects": ("reference", "published"),
    "arms": ("rows", "columns", "reference", "row_order", "column_order", "published"),
    "heads": ("columns", "column_order", "reference", "published"),
    "per-target": ("columns", "column_order", "reference", "target"),
    "scores": ("columns", "column_order"),
    "cost": ("columns", "column_order", "reference"),
}
"""Settings without effect on a kind; they are refused."""
LEADERBOARD_ROWS = 10


class TableSpecification(BaseModel):
    """One table, or one per metric.

    `rows` and `columns` are dotted settings of the configuration (`backbone.name`). `reference` picks what the others
    are compared with: one configuration, or one in every row, or one in every column. `where` keeps the configurations
    with these settings (the reference stays anyway). Orders name values first to last; values they leave out follow in
    the order of the study. `rope` (MCR) and `rope_auc` are half-widths of practical equivalence, as fractions.

    `published` names figures of a paper that are printed beside ours. `limit` keeps the so many best complete
    configurations: of a leaderboard, which ranks by each of `metrics` and has no layout of its own, 10 unless set; of a
    table by class by MCR. `costs` are the columns of a table of cost, all of them unless set.

    Kinds with configurations down and `rows` for their order: `scores` (the metrics across), `cost` (costs and metrics
    across), `per-target` (the targets across), `heads` (the combined prediction and each image's own head across) and
    those per class. `ranking` orders configurations by mean rank over folds. `effects` tests two factors, `rows` and
    `columns`, and their interaction. `arms` stands across the arms of a study: configurations down, arms across.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, given: Any) -> Any:
        return refuse_truth_for_numbers(cls, given)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    title: str = Field(min_length=1)
    kind: KindName = "ablation"
    rows: str | None = None
    columns: str | None = None
    metrics: tuple[MetricName, ...] = Field(default=("mcr",), min_length=1)
    costs: tuple[CostName, ...] = ()
    reference: dict[str, Any] = {}
    where: dict[str, Any] = {}
    target: str | None = None
    row_order: tuple[Any, ...] = ()
    column_order: tuple[Any, ...] = ()
    alpha: float = Field(default=0.05, gt=0.0, lt=0.5)
    rope: float = Field(default=0.01, ge=0.0, lt=1.0)
    rope_auc: float = Field(default=0.005, ge=0.0, lt=1.0)
    published: str | None = None
    limit: int | None = Field(default=None, ge=1, le=1000)

    @field_validator("published")
    @classmethod
    def _is_published(cls, name: str | None) -> str | None:
        names = published_names()
        if name is not None and name not in names:
            raise ValueError(f"{name!r} is not known{did_you_mean(name, names)} (choices: {', '.join(names)})")
        return name

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if self.kind == "ablation" and self.rows is None:
            raise ValueError("an ablation table needs rows, a setting such as metadata.fields or backbone.name")
        if self.kind == "effects" and (self.rows is None or self.columns is None):
            raise ValueError("a table of kind effects needs rows and columns, two settings such as backbone.name")
        if self.kind in ("ablation", "comparisons") and not self.reference:
            raise ValueError(f"a table of kind {self.kind} needs a reference, such as {{fusion.name: none}}")
        for name in ("metrics", "costs"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"{name} {list(getattr(self, name))} name one twice")
        if self.rows is not None and self.rows == self.columns:
            raise ValueError(f"rows and columns are both {self.rows}")
        if odd := [name for name in self.metrics if self.kind == "heads" and name not in ("mcr", "auc")]:
            raise ValueError(f"metrics hold {odd[0]}, but of single heads only mcr and auc are recorded")
        return self

    @model_validator(mode="after")
    def _has_nothing_without_effect(self) -> Self:
        taken = [name for name in NOT_TAKEN.get(self.kind, ()) if getattr(self, name)]
        if taken and self.kind == "leaderboard":
            raise ValueError(f"a leaderboard ranks all configurations of a study and takes no {taken[0]}")
        if taken:
            raise ValueError(f"a table of kind {self.kind} takes no {taken[0]}")
        if self.limit is not None and self.kind not in LIMITED:
            known = f"a leaderboard, a ranking or a table by class ({', '.join(PER_CLASS)})"
            raise ValueError(f"limit={self.limit} belongs to {known}, not to {self.kind}")
        if self.costs and self.kind != "cost":
            raise ValueError(f"costs={list(self.costs)} belong to a table of kind cost, not to {self.kind}")
        return self

    @model_validator(mode="after")
    def _published_fits(self) -> Self:
        if self.published is None:
            return self
        table = published_table(self.published)
        kinds = kinds_beside(table)
        if self.kind not in kinds:
            raise ValueError(f"published={self.published!r} belongs to a table of kind {' or '.join(kinds)}")
        if self.kind not in PER_CLASS and not set(table.metrics) & {*self.metrics, *self.shown_costs}:
            raise ValueError(f"published={self.published!r} holds {', '.join(table.metrics)}; name it in metrics")
        return self

    @property
    def shown(self) -> int | None:
        """How many configurations the table shows at most; None: all."""
        return LEADERBOARD_ROWS if self.kind == "leaderboard" and self.limit is None else self.limit

    @property
    def shown_costs(self) -> tuple[str, ...]:
        """The cost columns of the table; none for another kind than cost."""
        return (self.costs or get_args(CostName)) if self.kind == "cost" else ()

    def file_names(self, targets: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the tables that this specification gives on a cohort with these targets."""
        if self.kind in PER_METRIC:
            return tuple(f"{self.name}_{metric}" for metric in self.metrics)
        if self.kind not in PER_CLASS or self.target is not None or len(targets) < 2:
            return (self.name,)
        return tuple(f"{self.name}_{target}" for target in targets)

    def rope_of(self, metric: str) -> float:
        """Return the half-width of practical equivalence of a metric."""
        return self.rope_auc if metric in ("auc", "micro_auc") else self.rope


def kinds_beside(table: PublishedTable) -> tuple[str, ...]:
    """Return the kinds of table that a published one can stand beside."""
    if CLASS in table.settings:
        return tuple(kind for kind, figure in PER_CLASS.items() if figure in table.metrics)
    if TARGET in table.settings:
        return ("per-target",)
    if table.rows:
        return ("scores",)
    return ("ablation", "scores", "cost") if set(table.metrics) - set(COSTS) else ("cost",)
