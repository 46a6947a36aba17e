"""The table of cost: configurations down; size of the model, time to train and to predict, and its scores across.

What a fold fit cost is what its record says; each cell is the median over the fold fits that are done. Times depend on
the machine, which the notes name. Shapes of the Soft-Attention paper's Tables 3 and 9.
"""

import math
from collections.abc import Callable, Mapping, Sequence
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

SINGLE_PARAMETERS = 6
"""Decimals of millions that show every single one."""


@dataclass(frozen=True)
class Cost:
    """A column: its heading with the unit, and how its value is read from the cost of one fold fit."""

    title: str
    read: Callable[[Mapping[str, float]], float | None]


def _recorded(name: str, scale: float = 1.0) -> Callable[[Mapping[str, float]], float | None]:
    return lambda cost: None if cost.get(name) is None else scale * cost[name]


COSTS = {
    "parameters": Cost("parameters, M", _recorded("parameters", 1e-6)),
    "layers": Cost("layers", _recorded("layers")),
    "megabytes": Cost("size, MB", _recorded("megabytes")),
    "seconds_per_epoch": Cost("s per epoch", _recorded("seconds_per_epoch")),
    "inference_ms": Cost("inference, ms per sample", _recorded("inference_seconds", 1000.0)),
}


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table, `<name>`.

    Raises:
        AnalysisError: an unknown setting or target.
    """
    shown, target, costs = in_order(specification, results), specification.target, specification.shown_costs
    blocks = [metric_columns(specification, shown, context, metric) for metric in specification.metrics]
    published = published_beside(specification, context, (*costs, *specification.metrics))
    values = {name: {result.identifier: cost_of(result, name) for result in shown} for name in costs}
    metrics = ", ".join(LONG_NAMES[metric] for metric in specification.metrics)
    return (
        Table(
            name=specification.name,
            title=specification.title,
            caption=caption(context, f"cost of a fold fit, and {metrics}", target),
            columns=(
                Column("configuration"),
                *(column for name in costs for column in _columns(name, values[name], published)),
                *(column for block in blocks for column in block.columns),
            ),
            rows=tuple(
                (
                    Cell(text=result.label),
                    *(cell for name in costs for cell in _cells(result, name, values[name], published)),
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
                *_records(shown, costs, values, published),
                *score_records(specification, shown, blocks),
            ),
        ),
    )


def cost_of(result: ConfigurationResult, name: str) -> float | None:
    """Return a cost in the unit of its column, the median over the done fold fits that recorded it; None of none."""
    values = [value for cost in result.costs.values() if (value := COSTS[name].read(cost)) is not None]
    return float(median(values)) if values else None


def _columns(name: str, values: Mapping[str, float | None], published: Published | None) -> tuple[Column, ...]:
    found = [value for value in values.values() if value is not None]
    digits = 0 if name == "layers" else significant_decimals(found)
    if published is None or name not in published.metrics:
        return (Column(COSTS[name].title, "number", digits=digits),)
    return (
        Column("ours", "number", COSTS[name].title, digits=digits),
        Column("published", "number", COSTS[name].title, subtitle=published.stamp, digits=digits),
    )


def _cells(
    result: ConfigurationResult, name: str, values: Mapping[str, float | None], published: Published | None
) -> tuple[Cell, ...]:
    value = values[result.identifier]
    found = [value for value in values.values() if value is not None]
    ours = MISSING if value is None else Cell(value, digits=None if name == "layers" else _digits(value, found))
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
    timed = devices if {"seconds_per_epoch", "inference_ms"} & set(costs) else ""
    return f"Costs: median over the fold fits that are done; –: not recorded, as epochs where nothing iterates.{timed}"


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
