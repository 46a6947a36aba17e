"""Forest plot of a table: one line per configuration, estimate with its 95 % intervals, and the reference as a rule.

Thick bar: the interval that tables print; thin bar: Nadeau-Bengio interval. A filled point is a supported difference to
the reference, a half-filled one a suggested difference, an open one neither, a square the reference itself.
"""

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.base import MAIN, RULE, Drawn, draw
from analysis.figures.marks import bare, brief, capital, points, span, wrapped
from analysis.figures.selection import tables_of
from analysis.metrics import LOWER_IS_BETTER
from analysis.run import Part, Run
from analysis.scoring import METRICS
from analysis.tables import Table
from analysis.tables.caption import LONG_NAMES, data_sentence
from analysis.tables.contrasts import scored

KINDS = ("ablation", "comparisons", "leaderboard")
MOST = 30
"""Rows of one figure; of more configurations the references and the best are shown."""

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
        thick = _bounds(record, "max_se") or _bounds(record, "clustered")
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


def draw_forest(rows: tuple[ForestRow, ...], title: str, unit: str) -> bytes:
    """Return the figure as SVG that stands without a caption; the same rows give the same bytes."""
    key = f"{unit}; thick: 95 % as in the table, thin: Nadeau-Bengio 95 %; filled: supported, half: suggested"
    return draw("forest", _size(rows), lambda figure: paint_forest(figure, rows, title, key))[0]


def paint_forest(figure: Figure, rows: tuple[ForestRow, ...], title: str, unit: str) -> None:
    """Fill a figure with the rows, the first on top."""
    axes = figure.add_subplot()
    for place, row in enumerate(rows):
        _paint_row(axes, place, row)
        if row.is_reference:
            axes.axvline(row.estimate, color=RULE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set_yticks(range(len(rows)), [wrapped(row.label, 40) for row in rows])
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlabel(unit)
    axes.set_title(title, loc="left", fontsize=10)
    bare(axes, "bottom")
    axes.tick_params(axis="y", length=0)


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the tables of ablations and comparisons and the leaderboards, one figure per metric; the same rows once."""
    drawn = []
    for part in run.parts:
        seen: list[tuple[str, frozenset[ForestRow]]] = []
        for _, metric, table in tables_of(part, KINDS):
            same = (metric, frozenset(forest_rows(table)))  # two tables may hold the same, in another shape
            if same[1] and same not in seen:
                seen.append(same)
                drawn.append(_drawn(part, metric, table))
    return tuple(drawn)


def _drawn(part: Part, metric: str, table: Table) -> Drawn:
    everything = forest_rows(table)
    rows = best_rows(everything, metric)
    name, unit = f"forest_{table.name}", f"{METRICS[metric]}, percent"
    svg, pdf = draw(name, _size(rows), lambda figure: paint_forest(figure, rows, "", unit))
    best = (min if metric in LOWER_IS_BETTER else max)(rows, key=lambda row: row.estimate)
    listed = "; ".join(f"{brief(row.label)} {points(row.estimate)} {span(row.thick)}" for row in rows)
    return Drawn(
        name=name,
        title=table.title,
        caption=_caption(part, metric, len(rows), len(everything), rows),
        alternative=(
            f"Forest plot of {METRICS[metric]} in percent, {len(rows)} configurations, best {brief(best.label)} "
            f"with {points(best.estimate)}. {listed}."
        ),
        section="results",
        svg=svg,
        pdf=pdf,
    )


def _caption(part: Part, metric: str, shown: int, everything: int, rows: tuple[ForestRow, ...]) -> str:
    assert part.context is not None
    found = [scores for one in part.results if (scores := scored(one, metric, None)) is not None]
    method = f" ({found[0].max_se_interval().method})" if found else ""
    sentences = [
        f"{capital(LONG_NAMES[metric])}, mean over folds, in percent.",
        "Lower is better." if metric in LOWER_IS_BETTER else "",
        f"Thick bars: 95 % interval as in the table{method}.",
        "Thin bars: Nadeau-Bengio 95 % interval." if any(row.thin for row in rows) else "",
        "Square and dashed rule: reference. Filled point: supported difference to it; half-filled: suggested; open: "
        "neither."
        if any(row.is_reference for row in rows)
        else "",
        f"Shown are the references and the best of {everything} complete configurations." if shown < everything else "",
        data_sentence(part.context),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _paint_row(axes: Axes, place: int, row: ForestRow) -> None:
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
    axes.annotate(
        f" {points(row.estimate)} {span(row.thick)}",
        (1.0, place),
        xycoords=("axes fraction", "data"),
        va="center",
        ha="left",
        fontsize=8,
    )


def _bounds(record: Any, name: str) -> tuple[float, float] | None:
    low, high = record.get(f"{name}_low"), record.get(f"{name}_high")
    return None if low is None or high is None else (100.0 * low, 100.0 * high)


def _size(rows: tuple[ForestRow, ...]) -> tuple[float, float]:
    lines = sum(1.0 + 0.45 * wrapped(row.label, 40).count("\n") for row in rows)
    return 7.2, 0.9 + 0.26 * lines
