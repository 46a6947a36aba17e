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
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from analysis.published import published_names, published_table
from analysis.tables.dimensions import did_you_mean

KindName = Literal["ablation", "per-class-recall", "comparisons", "leaderboard"]
MetricName = Literal["mcr", "auc"]

PUBLISHED_METRIC = {"ablation": "mcr", "per-class-recall": "recall"}
"""What a published table must hold to stand beside a kind of table."""
LAYOUT = ("rows", "columns", "reference", "where", "row_order", "column_order")
LEADERBOARD_ROWS = 10


class TableSpecification(BaseModel):
    """One table, or one per metric.

    `rows` and `columns` are dotted settings of the configuration (`backbone.name`). `reference` picks what the others
    are compared with: one configuration, or one in every row, or one in every column. `where` keeps the configurations
    with these settings (the reference stays anyway). Orders name values first to last; values they leave out follow in
    the order of the study. `rope` (MCR) and `rope_auc` are half-widths of practical equivalence, as fractions.

    `published` names figures of a paper that are printed beside ours. `limit` keeps the so many best complete
    configurations: of a leaderboard, which ranks by each of `metrics` and has no layout of its own, 10 unless set; of a
    table of recalls by MCR.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    title: str = Field(min_length=1)
    kind: KindName = "ablation"
    rows: str | None = None
    columns: str | None = None
    metrics: tuple[MetricName, ...] = Field(default=("mcr",), min_length=1)
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
        if self.kind in ("ablation", "comparisons") and not self.reference:
            raise ValueError(f"a table of kind {self.kind} needs a reference, such as {{fusion.name: none}}")
        if len(set(self.metrics)) < len(self.metrics):
            raise ValueError(f"metrics {list(self.metrics)} name one twice")
        if self.rows is not None and self.rows == self.columns:
            raise ValueError(f"rows and columns are both {self.rows}")
        return self

    @model_validator(mode="after")
    def _has_nothing_without_effect(self) -> Self:
        laid_out = [name for name in LAYOUT if getattr(self, name)]
        if self.kind == "leaderboard" and laid_out:
            raise ValueError(f"a leaderboard ranks all configurations of a study and takes no {laid_out[0]}")
        if self.limit is not None and self.kind not in ("leaderboard", "per-class-recall"):
            raise ValueError(f"limit={self.limit} belongs to a leaderboard or per-class-recall, not to {self.kind}")
        if self.published is not None:
            metric, wanted = published_table(self.published).metric, PUBLISHED_METRIC.get(self.kind)
            if metric != wanted:
                kinds = [kind for kind, held in PUBLISHED_METRIC.items() if held == metric]
                raise ValueError(f"published={self.published!r} belongs to a table of kind {' or '.join(kinds)}")
            if metric in ("mcr", "auc") and metric not in self.metrics:
                raise ValueError(f"published={self.published!r} holds {metric}; name it in metrics")
        return self

    @property
    def shown(self) -> int | None:
        """How many configurations the table shows at most; None: all."""
        return LEADERBOARD_ROWS if self.kind == "leaderboard" and self.limit is None else self.limit

    def file_names(self, targets: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the tables that this specification gives on a cohort with these targets."""
        if self.kind != "per-class-recall":
            return tuple(f"{self.name}_{metric}" for metric in self.metrics)
        if self.target is not None or len(targets) < 2:
            return (self.name,)
        return tuple(f"{self.name}_{target}" for target in targets)

    def rope_of(self, metric: str) -> float:
        """Return the half-width of practical equivalence of a metric."""
        return self.rope_auc if metric == "auc" else self.rope
