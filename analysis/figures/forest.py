"""Forest plot of a table: one line per configuration, estimate with its 95 % intervals, and the reference as a rule.

Thick bar: max-SE interval; thin bar: Nadeau-Bengio interval. A filled point is a supported difference to the
reference, a half-filled one a suggested difference, an open one neither.
"""

import io
from dataclasses import dataclass

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.tables import Table

POINTS = {"supported": "full", "suggested": "left"}
COLOUR, RULE = "#1f4e79", "#9a9a9a"


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
        if record.get("estimate") is None or record.get("max_se_low") is None:
            continue
        label = str(record["label"])
        rows.setdefault(
            label,
            ForestRow(
                label=label,
                estimate=100.0 * record["estimate"],
                thick=(100.0 * record["max_se_low"], 100.0 * record["max_se_high"]),
                thin=None if record["nb_low"] is None else (100.0 * record["nb_low"], 100.0 * record["nb_high"]),
                verdict=str(record.get("verdict") or "").partition(" ")[0],
                is_reference=bool(record["is_reference"]),
            ),
        )
    return tuple(rows.values())


def draw_forest(rows: tuple[ForestRow, ...], title: str, unit: str) -> bytes:
    """Return the figure as SVG; the same rows give the same bytes."""
    with matplotlib.rc_context({"svg.hashsalt": "fusesearch", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(7.2, 1.0 + 0.28 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        for place, row in enumerate(rows):
            _draw_row(axes, place, row)
        for row in rows:
            if row.is_reference:
                axes.axvline(row.estimate, color=RULE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
        axes.set_xlabel(f"{unit}; thick: max-SE 95 %, thin: Nadeau-Bengio 95 %; filled: supported, half: suggested")
        axes.set_title(title, loc="left", fontsize=10)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        image = io.BytesIO()
        figure.savefig(image, format="svg", metadata={"Date": None, "Creator": None})
    return image.getvalue()


def _draw_row(axes: Axes, place: int, row: ForestRow) -> None:
    if row.thin is not None:
        axes.plot(row.thin, (place, place), color=COLOUR, linewidth=0.9, solid_capstyle="butt")
    axes.plot(row.thick, (place, place), color=COLOUR, linewidth=2.8, solid_capstyle="butt", alpha=0.55)
    axes.plot(
        row.estimate,
        place,
        marker="s" if row.is_reference else "o",
        fillstyle=POINTS.get(row.verdict, "none"),
        color=COLOUR,
        markerfacecoloralt="white",
        markersize=6,
        markerfacecolor="white" if row.verdict not in POINTS else COLOUR,
    )
    axes.annotate(
        f"{row.estimate:.1f}", (1.0, place), xycoords=("axes fraction", "data"), va="center", ha="left", fontsize=8
    )
