"""Interaction plot of two factors: a line for each level of one over the levels of the other. Parallel: no interaction.

Lines join levels that need have no order; they are there so that parallels are seen.
"""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from analysis.figures.base import RULE, Drawn, draw
from analysis.figures.crossing import Crossing, crossings, left_out_sentence
from analysis.figures.marks import SERIES, bare, brief, points, series_key, wrapped
from analysis.run import Part, Run
from analysis.scoring import METRICS
from analysis.tables import Table
from analysis.tables.caption import data_sentence

MOST_LINES = len(SERIES)


def spread_of_gaps(crossing: Crossing) -> float | None:
    """Return how unparallel the lines are, in percentage points: the SD of the interaction residuals; None with gaps.

    A residual is a cell minus its row mean minus its column mean plus the grand mean; 0 for parallel lines. It holds
    noise too: it is a description, the test is the table of effects.
    """
    shape = (len(crossing.rows), len(crossing.columns))
    if len(crossing.cells) < shape[0] * shape[1]:
        return None
    values = np.array([[crossing.cells[row, column].value for column in range(shape[1])] for row in range(shape[0])])
    residuals = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True) + values.mean()
    return float(np.sqrt((residuals**2).sum() / ((shape[0] - 1) * (shape[1] - 1))))


def paint_interaction(figure: Figure, crossing: Crossing, unit: str) -> None:
    """Fill a figure: rows of the table across, a line for each column of it."""
    axes = figure.add_subplot()
    lines = len(crossing.columns)
    for column in range(lines):
        colour, marker = SERIES[column % len(SERIES)]
        shift = 0.3 * (column - (lines - 1) / 2) / max(lines, 4)
        found = [
            (row, crossing.cells[row, column]) for row in range(len(crossing.rows)) if (row, column) in crossing.cells
        ]
        places = [row + shift for row, _ in found]
        for place, (_, cell) in zip(places, found, strict=True):
            axes.plot((place, place), (cell.low, cell.high), color=colour, linewidth=0.9, alpha=0.6)
        axes.plot(places, [cell.value for _, cell in found], color=colour, marker=marker, markersize=5, linewidth=1.2)
    if crossing.spanning:
        axes.axhline(crossing.spanning[1].value, color=RULE, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(
            wrapped(crossing.spanning[0], 16),
            (1.0, crossing.spanning[1].value),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
        )
    slanted = len(crossing.rows) > 5
    axes.set_xticks(
        range(len(crossing.rows)),
        [wrapped(row, 18, 2) if slanted else wrapped(row, 17, 4) for row in crossing.rows],
        rotation=35 if slanted else 0,
        ha="right" if slanted else "center",
        rotation_mode="anchor" if slanted else "default",
    )
    axes.set_xlabel(crossing.row_title)
    axes.set_ylabel(unit)
    bare(axes, "left", "bottom")
    series_key(axes, [f"{crossing.column_title} {name}" for name in crossing.columns], columns=3)


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the first metric of every ablation table with at least two rows and two columns."""
    return tuple(
        _drawn(part, metric, table, crossing)
        for part, specification, metric, table, crossing in crossings(run)
        if metric == specification.metrics[0] and len(crossing.rows) > 1 and 1 < len(crossing.columns) <= MOST_LINES
    )


def _drawn(part: Part, metric: str, table: Table, crossing: Crossing) -> Drawn:
    assert part.context is not None
    name, unit = f"interaction_{table.name}", f"{METRICS[metric]}, percent"
    size = (max(5.4, min(9.0, 2.2 + 0.9 * len(crossing.rows))), 3.9)
    svg, pdf = draw(name, size, lambda figure: paint_interaction(figure, crossing, unit))
    gaps = spread_of_gaps(crossing)
    unparallel = "" if gaps is None else f" Residual interaction SD, noise included: {points(gaps)} percentage points."
    said = "; ".join(_best_by_row(crossing))
    return Drawn(
        name=name,
        title=f"Interaction of {crossing.row_title} and {crossing.column_title} ({METRICS[metric]})",
        caption=(
            f"{METRICS[metric]} in percent, a line for each level of {crossing.column_title}; bars: 95 % interval "
            f"({crossing.interval}). Parallel lines: the factors add up.{unparallel}{left_out_sentence(crossing)} "
            f"{data_sentence(part.context)}"
        ),
        alternative=(
            f"Interaction plot of {METRICS[metric]}. Best {crossing.column_title} by {crossing.row_title}: {said}."
        ),
        section="comparisons",
        svg=svg,
        pdf=pdf,
    )


def _best_by_row(crossing: Crossing) -> Iterator[str]:
    """Name the best column of each row that has a cell, with its score."""
    for row, name in enumerate(crossing.rows):
        cells = [(place, cell.value) for place, cell in crossing.cells.items() if place[0] == row]
        if cells:
            (_, column), value = max(cells, key=lambda one: crossing.better * one[1])
            yield f"{brief(name)}: {brief(crossing.columns[column])} {points(value, digits=crossing.digits)}"
