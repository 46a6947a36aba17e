"""The table of cost: configurations down; size of the model, time to train and to predict, and its scores across.

What a fold fit cost is what its record says; each cell is the median over the fold fits that are done, hours are their
sum. A column stands in the unit that its median is read best in, the long CSV always in the first. Times depend on the
machine, which the notes name. Shapes of the Soft-Attention paper's Tables 3 and 9.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from analysis.evaluation import ConfigurationResult
from analysis.tables.caption import LONG_NAMES, caption, interval_note, study_notes, undefined_notes
from analysis.tables.completeness import dropped_note, stamps
from analysis.tables.context import StudyContext
from analysis.tables.dimensions import flat
from analysis.tables.formatting import significant_decimals
from analysis.tables.levels import in_order, is_single_split
from analysis.tables.published import Published, published_beside
from analysis.tables.scores import metric_columns, score_records
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell, Column, Table

ON_SOME = ("hours", "peak_memory")
"""Costs that not every record has, as memory without an accelerator."""
SINGLE_PARAMETERS = 6
"""Decimals of millions that show every single one."""


@dataclass(frozen=True)
class Cost:
    """A column: its heading with the unit, the field of a fold fit's cost, and what one of it is in that unit.

    `finer` is the heading in a smaller unit, and how many of these are one. Over fold fits it is `total` or their
    median.
    """

    title: str
    field: str
    scale: float = 1.0
    finer: tuple[str, int] | None = None
    total: bool = False

    def of(self, result: ConfigurationResult) -> float | None:
        """Return its value in the unit of the heading; None where no fold fit recorded it."""
        found = [self.scale * cost[self.field] for cost in result.costs.values() if cost.get(self.field) is not None]
        return (math.fsum(found) if self.total else float(median(found))) if found else None


COSTS = {
    "parameters": Cost("parameters, M", "parameters", 1e-6, ("parameters, k", 1000)),
    "layers": Cost("layers", "layers"),
    "megabytes": Cost("size, MB", "megabytes", finer=("size, kB", 1000)),
    "seconds_per_epoch": Cost("s per epoch", "seconds_per_epoch", finer=("ms per epoch", 1000)),
    "inference_ms": Cost("inference, ms per sample", "inference_seconds", 1e3, ("inference, µs per sample", 1000)),
    "hours": Cost("training, hours", "seconds", 1 / 3600, ("training, minutes", 60), total=True),
    "peak_memory": Cost("peak memory, GB", "peak_memory", 1e-9, ("peak memory, MB", 1000)),
}
FINE = 1.0
"""Median of a column below which it stands in the finer unit."""


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table, `<name>`.

    Raises:
        AnalysisError: an unknown setting or target.
    """
    shown, target = in_order(specification, results), specification.target
    costs = _shown_costs(specification, shown)
    blocks = [metric_columns(specification, results, shown, context, metric) for metric in specification.metrics]
    published = published_beside(specification, context, (*costs, *specification.metrics))
    beside = published.beside(shown) if published else None
    values = {name: {result.identifier: COSTS[name].of(result) for result in shown} for name in costs}
    metrics = ", ".join(LONG_NAMES[metric] for metric in specification.metrics)
    return (
        Table(
            name=specification.name,
            title=specification.title,
            caption=caption(context, f"cost of a fold fit, and {metrics}", target),
            columns=(
                Column("configuration"),
                *(column for name in costs for column in _columns(name, values[name], beside)),
                *(column for block in blocks for column in block.columns),
            ),
            rows=tuple(
                (
                    Cell(text=result.label),
                    *(cell for name in costs for cell in _cells(result, name, values[name], beside)),
                    *(cell for block in blocks for cell in block.cells(result)),
                )
                for result in shown
            ),
            notes=(
                _cost_note(context, costs),
                *_scope_notes(shown),
                interval_note(context, single_split=is_single_split(shown, specification.metrics[0], target)),
                *(note for metric in specification.metrics for note in undefined_notes(shown, metric, target)),
                *(published.notes(shown) if published else ()),
                *study_notes(context, shown),
                *dropped_note(results),
            ),
            stamps=stamps(shown),
            records=(
                *_records(shown, costs, values, beside),
                *score_records(specification, shown, blocks),
            ),
        ),
    )


def _shown_costs(specification: TableSpecification, shown: Sequence[ConfigurationResult]) -> tuple[str, ...]:
    """The costs that are asked for; of all of them those that not every record has where one did."""
    recorded = {name for name in ON_SOME if any(COSTS[name].of(result) is not None for result in shown)}
    names = specification.shown_costs
    return names if specification.costs else tuple(name for name in names if name not in ON_SOME or name in recorded)


def _unit(name: str, values: Mapping[str, float | None], published: Published | None) -> tuple[str, int]:
    """The heading of a column and how many of its unit are one of the first; beside published figures the first."""
    found, cost = [value for value in values.values() if value], COSTS[name]
    beside = published is not None and name in published.metrics
    return cost.finer if cost.finer and found and median(found) < FINE and not beside else (cost.title, 1)


def _columns(name: str, values: Mapping[str, float | None], published: Published | None) -> tuple[Column, ...]:
    title, scale = _unit(name, values, published)
    found = [scale * value for value in values.values() if value is not None]
    digits = 0 if name == "layers" else significant_decimals(found)
    if published is None or name not in published.metrics:
        return (Column(title, "number", digits=digits),)
    return (
        Column("ours", "number", COSTS[name].title, digits=digits),
        Column("published", "number", COSTS[name].title, subtitle=published.stamp, digits=digits),
    )


def _cells(
    result: ConfigurationResult, name: str, values: Mapping[str, float | None], published: Published | None
) -> tuple[Cell, ...]:
    _, scale = _unit(name, values, published)
    found = [scale * value for value in values.values() if value is not None]
    value = values[result.identifier]
    digits = None if name == "layers" or value is None else _digits(scale * value, found)
    ours = MISSING if value is None else Cell(scale * value, digits=digits)
    return (ours, published.cell(result, metric=name)) if published and name in published.metrics else (ours,)


def _digits(value: float, column: Sequence[float]) -> int | None:
    """The digits of a value that those of its column would leave with fewer than two significant ones, at most six."""
    if value <= 0 or value >= 10 ** (1 - significant_decimals(column)):
        return None
    return min(SINGLE_PARAMETERS, 2 - math.floor(math.log10(value)))


def _scope_notes(shown: Sequence[ConfigurationResult]) -> tuple[str, ...]:
    """What the figures leave out: the backbone whose features are frozen, the estimator beside a network."""
    settings = [flat(result.configuration) for result in shown]
    frozen = ["backbone.features" in one for one in settings]
    notes = []
    if any(frozen):
        trained = [one for one in settings if "backbone.name" in one]
        which = "Frozen features" if sum(frozen) == len(trained) else "Configurations on frozen features"
        notes.append(
            f"{which}: parameters, layers, size and times are those of the fusion and the heads alone, without the "
            "backbone and the extraction of its features."
        )
    if any(one.get("fusion.name") == "late" for one in settings):
        notes.append("Fusion late: parameters, layers, size and times are those of the network, not of the estimator.")
    return tuple(notes)


def _cost_note(context: StudyContext, costs: Sequence[str]) -> str:
    devices = f" Times are those of {', '.join(context.devices)}." if context.devices else ""
    timed = devices if {"seconds_per_epoch", "inference_ms", "hours", "peak_memory"} & set(costs) else ""
    hours = ", hours all of them together" if "hours" in costs else ""
    return (
        f"Costs: median over the fold fits that are done{hours}; –: not recorded, as epochs where nothing "
        f"iterates.{timed}"
    )


def _records(
    shown: Sequence[ConfigurationResult],
    costs: Sequence[str],
    values: Mapping[str, Mapping[str, float | None]],
    published: Published | None,
) -> list[dict[str, object]]:
    """The rows of the long CSV: one per configuration and cost, in the unit of its column."""
    return [
        {
            "configuration": result.identifier,
            "label": result.label,
            "metric": name,
            "unit": COSTS[name].title,
            "cost": values[name][result.identifier],
            "is_reference": False,
        }
        | (published.fields(result, metric=name) if published and name in published.metrics else {})
        for result in shown
        for name in costs
    ]
