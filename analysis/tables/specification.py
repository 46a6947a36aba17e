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

from pydantic import BaseModel, ConfigDict, Field, model_validator

KindName = Literal["ablation", "per-class-recall", "comparisons"]
MetricName = Literal["mcr", "auc"]


class TableSpecification(BaseModel):
    """One table, or one per metric.

    `rows` and `columns` are dotted settings of the configuration (`backbone.name`). `reference` picks what the others
    are compared with: one configuration, or one in every row, or one in every column. `where` keeps the configurations
    with these settings (the reference stays anyway). Orders name values first to last; values they leave out follow in
    the order of the study. `rope` (MCR) and `rope_auc` are half-widths of practical equivalence, as fractions.
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

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if self.kind == "ablation" and self.rows is None:
            raise ValueError("an ablation table needs rows, a setting such as metadata.fields or backbone.name")
        if self.kind != "per-class-recall" and not self.reference:
            raise ValueError(f"a table of kind {self.kind} needs a reference, such as {{fusion.name: none}}")
        if len(set(self.metrics)) < len(self.metrics):
            raise ValueError(f"metrics {list(self.metrics)} name one twice")
        if self.rows is not None and self.rows == self.columns:
            raise ValueError(f"rows and columns are both {self.rows}")
        return self

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
