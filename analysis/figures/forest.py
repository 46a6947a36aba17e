"""Forest plot of a table: one line per configuration, estimate with its 95 % intervals, and the reference as a rule.

Thick bar: the interval that tables print; thin bar: Nadeau-Bengio interval. A filled point is a supported difference to
the reference, a half-filled one a suggested difference, an open one neither, a square the reference itself. A table of
comparisons whose rows another forest has, or that has several references, is drawn by `analysis.figures.differences`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.base import MAIN, RULE, Drawn, draw
from analysis.figures.marks import bare, brief, capital, points, span, wrapped
from analysis.figures.selection import method_name, tables_of
from analysis.metrics import LOWER_IS_BETTER
from analysis.run import Part, Run
from analysis.scoring import METRICS
from analysis.tables import Table, TableSpecification
from analysis.tables.caption import LONG_NAMES, data_sentence
from analysis.tables.contrasts import chosen, references, scored
from analysis.tables.formatting import score_digits

KINDS = ("ablation", "comparisons", "leaderboard")
MOST = 30
"""Rows of one figure; of more configurations the references and the best are shown."""

LETTERS = 40
"""Letters of a label in one line."""

POINTS = "Filled point: supported difference to it; half-filled: suggested; open: neither."
SHARED = "Arms share one axis."

FILLS = {"supported": "full", "suggested": "left"}


@dataclass(frozen=True)
class ForestRow:
    """One configuration, in percent; `verdict` is the first word of its verdict, empty for the reference."""

    label: str
    estimate: float
    thick: tuple[float, float]
    thin: tuple[float, float] | None
    verdict: str
    is_reference: bool


def forest_rows(table: Table) -> tuple[ForestRow, ...]:
    """Return the complete configurations of a table in its order, averaged over targets where there are several."""
    rows: dict[str, ForestRow] = {}
    for record in table.records:
        thick = _thick(record)
        if record.get("estimate") is None or thick is None:
            continue
        row = ForestRow(
            label=str(record["label"]),
            estimate=100.0 * record["estimate"],
            thick=thick,
            thin=_bounds(record, "nb"),
            verdict=str(record.get("verdict") or "").partition(" ")[0],
            is_reference=bool(record["is_reference"]),
        )
        rows.setdefault(str(record.get("configuration", record["label"])), row)
    return tuple(rows.values())


def best_rows(rows: tuple[ForestRow, ...], metric: str, most: int = MOST) -> tuple[ForestRow, ...]:
    """Return the references and the best of the other rows, at most so many in all, in their order."""
    better = -1 if metric in LOWER_IS_BETTER else 1
    ranked = sorted(rows, key=lambda row: (not row.is_reference, -better * row.estimate))
    return tuple(row for row in rows if row in ranked[:most])


@dataclass(frozen=True)
class ForestStyle:
    """How a forest is written: the words under its axis, decimals, and of differences signs and a rule at 0.

    `limits` of the axis are given where several figures share one.
    """

    unit: str
    digits: int = 1
    signed: bool = False
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class PlannedForest:
    """One table that is drawn as a forest: of differences to each row's own reference, or of scores."""

    part: Part
    specification: TableSpecification
    metric: str
    table: Table
    of_differences: bool

    @property
    def scale(self) -> tuple[object, ...]:
        """What forests that share an axis have in common: the same table of arms on one cohort."""
        place = self.part.specifications.index(self.specification)
        return self.part.planned.fingerprint, place, self.specification.kind, self.metric, self.of_differences


def planned_forests(run: Run) -> tuple[PlannedForest, ...]:
    """Return the tables that are drawn, ablations first: each metric of them, of a leaderboard the first.

    What another forest of the part shows, rows and references alike, is not drawn again.
    """
    planned = []
    for part in run.parts:
        shown: list[tuple[str, frozenset[str]]] = []
        compared: list[tuple[str, frozenset[tuple[str, str]]]] = []
        for specification, metric, table in tables_of(part, KINDS):
            if specification.kind == "leaderboard" and metric != specification.metrics[0]:
                continue
            kept = chosen(specification, part.results)
            pairs = frozenset((name, one.identifier) for name, one in references(specification, kept).items())
            names = frozenset(_identifiers(table))
            if not names:
                continue
            again = any(metric == other and names <= rows for other, rows in shown)
            same = any(metric == other and pairs <= before for other, before in compared)
            if again and (same or specification.kind == "leaderboard"):
                continue
            several = len({reference for _, reference in pairs}) > 1
            of_differences = specification.kind == "comparisons" and (again or several)
            planned.append(PlannedForest(part, specification, metric, table, of_differences))
            shown += [] if of_differences else [(metric, names)]
            compared.append((metric, pairs))
    return tuple(planned)


def shared_limits(rows: Iterable[tuple[ForestRow, ...]], *, zero: bool = False) -> tuple[float, float]:
    """Return the ends of one axis for several forests, with a margin."""
    ends = [end for one in rows for row in one for end in (*row.thick, *(row.thin or ()), row.estimate)]
    low, high = min(ends + [0.0] * zero), max(ends + [0.0] * zero)
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def limits_by_scale(found: Iterable[tuple[PlannedForest, tuple[ForestRow, ...]]]) -> dict[object, tuple[float, float]]:
    """Return the common ends of the axis of the forests that share one; nothing for a forest without a sibling."""
    groups: dict[object, list[tuple[PlannedForest, tuple[ForestRow, ...]]]] = {}
    for planned, rows in found:
        groups.setdefault(planned.scale, []).append((planned, rows))
    return {
        scale: shared_limits([rows for _, rows in group], zero=group[0][0].of_differences)
        for scale, group in groups.items()
        if len(group) > 1
    }


def paint_forest(figure: Figure, rows: tuple[ForestRow, ...], style: ForestStyle) -> None:
    """Fill a figure with the rows, the first on top."""
    axes = figure.add_subplot()
    rules = {row.estimate for row in rows if row.is_reference} | ({0.0} if style.signed else set())
    for rule in sorted(rules):
        axes.axvline(rule, color=RULE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    for place, row in enumerate(rows):
        _paint_row(axes, place, row, style)
    axes.set_yticks(range(len(rows)), [wrapped(row.label, LETTERS) for row in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlabel(style.unit)
    if style.limits is not None:
        axes.set_xlim(style.limits)
    bare(axes, "bottom")
    axes.tick_params(axis="y", length=0)


def forest_size(rows: tuple[ForestRow, ...]) -> tuple[float, float]:
    """Return the size of a forest, inches: labels of two lines are higher."""
    lines = sum(1.0 + 0.45 * wrapped(row.label, LETTERS).count("\n") for row in rows)
    return 7.2, 0.9 + 0.26 * lines


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the scores of ablations, of leaderboards and of comparisons that stand in no other forest."""
    found = [
        (planned, best_rows(forest_rows(planned.table), planned.metric))
        for planned in planned_forests(run)
        if not planned.of_differences
    ]
    limits = limits_by_scale(found)
    return tuple(_drawn(planned, rows, limits.get(planned.scale)) for planned, rows in found)


def _drawn(planned: PlannedForest, rows: tuple[ForestRow, ...], limits: tuple[float, float] | None) -> Drawn:
    part, metric, table = planned.part, planned.metric, planned.table
    digits = score_digits(part.results, metric, planned.specification.target)
    name, style = f"forest_{table.name}", ForestStyle(f"{METRICS[metric]}, percent", digits, limits=limits)
    svg, pdf = draw(name, forest_size(rows), lambda figure: paint_forest(figure, rows, style))
    best = (min if metric in LOWER_IS_BETTER else max)(rows, key=lambda row: row.estimate)
    listed = "; ".join(
        f"{brief(row.label)} {points(row.estimate, digits=digits)} {span(row.thick, digits=digits)}" for row in rows
    )
    return Drawn(
        name=name,
        title=table.title,
        caption=_caption(planned, rows, shared=limits is not None),
        alternative=(
            f"Forest plot of {METRICS[metric]} in percent, {len(rows)} configurations, best {brief(best.label)} "
            f"with {points(best.estimate, digits=digits)}. {listed}."
        ),
        section="comparisons" if planned.specification.kind == "comparisons" else "results",
        svg=svg,
        pdf=pdf,
    )


def _identifiers(table: Table) -> list[str]:
    """The configurations of a table that a forest can show."""
    return [str(one.get("configuration", one["label"])) for one in table.records if _is_shown(one)]


def _caption(planned: PlannedForest, rows: tuple[ForestRow, ...], *, shared: bool) -> str:
    part, metric = planned.part, planned.metric
    assert part.context is not None
    found = [scores for one in part.results if (scores := scored(one, metric, None)) is not None]
    method = f" ({method_name(found[0].max_se_interval().method)})" if found else ""
    complete = len(_identifiers(planned.table))
    sentences = [
        f"{capital(LONG_NAMES[metric])}, mean over folds, in percent.",
        "Lower is better." if metric in LOWER_IS_BETTER else "",
        f"Thick bars: 95 % interval as in the table{method}.",
        "Thin bars: Nadeau-Bengio 95 % interval." if any(row.thin for row in rows) else "",
        f"Square and dashed rule: reference. {POINTS}" if any(row.is_reference for row in rows) else "",
        SHARED if shared else "",
        f"Shown are the references and the best of {complete} complete configurations." if len(rows) < complete else "",
        data_sentence(part.context),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _paint_row(axes: Axes, place: int, row: ForestRow, style: ForestStyle) -> None:
    if row.thin is not None:
        axes.plot(row.thin, (place, place), color=MAIN, linewidth=0.9, solid_capstyle="butt")
    axes.plot(row.thick, (place, place), color=MAIN, linewidth=3.2, solid_capstyle="butt", alpha=0.45)
    axes.plot(
        row.estimate,
        place,
        marker="s" if row.is_reference else "o",
        fillstyle=FILLS.get(row.verdict, "full"),
        color=MAIN,
        markerfacecoloralt="white",
        markersize=5.5,
        markerfacecolor=MAIN if row.verdict in FILLS else "white",
    )
    value = points(row.estimate, signed=style.signed, digits=style.digits)
    axes.annotate(
        f" {value} {span(row.thick, digits=style.digits)}",
        (1.0, place),
        xycoords=("axes fraction", "data"),
        va="center",
        ha="left",
        fontsize=8,
    )


def _is_shown(record: Any) -> bool:
    return record.get("estimate") is not None and _thick(record) is not None


def _thick(record: Any) -> tuple[float, float] | None:
    return _bounds(record, "max_se") or _bounds(record, "clustered")


def _bounds(record: Any, name: str) -> tuple[float, float] | None:
    low, high = record.get(f"{name}_low"), record.get(f"{name}_high")
    return None if low is None or high is None else (100.0 * low, 100.0 * high)
