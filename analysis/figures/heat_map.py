"""Heat map of two factors: colour and number are the score of each combination, its interval stands below in small.

The colours (cividis) are perceptually even and read the same to colour-blind eyes; text is black or white, whichever
contrasts more with its cell.
"""

import matplotlib
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures.base import RULE, Drawn, draw
from analysis.figures.crossing import CrossedCell, Crossing, crossings, left_out_sentence
from analysis.figures.marks import bare, brief, points, span, text_colour, wrapped
from analysis.run import Part, Run
from analysis.scoring import METRICS
from analysis.tables import Table
from analysis.tables.caption import data_sentence

COLOURS = "cividis"
FEW = 2
"""Columns up to which subsets of metadata have a forest and a ladder only."""


def paint_heat_map(figure: Figure, crossing: Crossing, unit: str) -> None:
    """Fill a figure with the cells; a spanning reference is a bar over all columns."""
    axes = figure.add_subplot()
    scale = _scale(crossing.values)
    top = 0
    labels = [wrapped(row, 34) for row in crossing.rows]
    if crossing.spanning:
        _paint_cell(axes, (0, -1, len(crossing.columns)), crossing.spanning[1], scale, crossing.digits)
        labels, top = [wrapped(crossing.spanning[0], 34), *labels], -1
    for row in range(len(crossing.rows)):
        for column in range(len(crossing.columns)):
            if (cell := crossing.cells.get((row, column))) is not None:
                _paint_cell(axes, (column, row, 1), cell, scale, crossing.digits)
            else:
                axes.text(column + 0.5, row + 0.5, "–", ha="center", va="center", color=RULE)
    axes.set_xlim(0, len(crossing.columns))
    axes.set_ylim(len(crossing.rows), top)
    axes.set_yticks([place + top + 0.5 for place in range(len(labels))], labels)
    axes.set_xticks(
        [place + 0.5 for place in range(len(crossing.columns))], [wrapped(c, 13, 3) for c in crossing.columns]
    )
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(crossing.column_title, labelpad=8)
    axes.set_ylabel(crossing.row_title)
    axes.tick_params(length=0)
    bare(axes)
    colours = ScalarMappable(scale, COLOURS)
    bar = figure.colorbar(colours, ax=axes, fraction=0.04, pad=0.02)
    bar.set_label(unit, fontsize=8)
    bar.outline.set_visible(False)
    bar.solids.set_rasterized(False)  # type: ignore[union-attr]
    bar.solids.set_edgecolor("face")  # type: ignore[union-attr]  # or the page shows through between the colours


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw every ablation table with columns, one figure per metric; of few columns of subsets the ladder says it."""
    return tuple(
        _drawn(part, metric, table, crossing)
        for part, _, metric, table, crossing in crossings(run)
        if not (crossing.of_subsets and len(crossing.columns) <= FEW)
    )


def _drawn(part: Part, metric: str, table: Table, crossing: Crossing) -> Drawn:
    assert part.context is not None
    name, unit, digits = f"heat_map_{table.name}", f"{METRICS[metric]}, percent", crossing.digits
    height = 0.9 + 0.42 * (len(crossing.rows) + bool(crossing.spanning))
    width = min(9.5, 3.2 + 0.95 * len(crossing.columns))
    svg, pdf = draw(name, (width, height), lambda figure: paint_heat_map(figure, crossing, unit))
    (row, column), best = crossing.best
    low, high = (points(pick(crossing.values), digits=digits) for pick in (min, max))
    lower = ", and lower is better" if crossing.better < 0 else ""
    told = points(crossing.spanning[1].value, digits=digits) if crossing.spanning else ""
    spanning = f" {brief(crossing.spanning[0])}: {told}." if crossing.spanning else ""
    return Drawn(
        name=name,
        title=table.title,
        caption=(
            f"{METRICS[metric]} in percent by {crossing.row_title} and {crossing.column_title}; in brackets the 95 % "
            f"interval ({crossing.interval}). Lighter is higher{lower}. † supported, ‡ suggested difference to the "
            f"reference, as in the table. –: not part of the study, or incomplete.{left_out_sentence(crossing)} "
            f"{data_sentence(part.context)}"
        ),
        alternative=(
            f"Heat map of {METRICS[metric]}: {len(crossing.rows)} levels of {crossing.row_title} by "
            f"{len(crossing.columns)} of {crossing.column_title}, from {low} to {high} percent, best for "
            f"{crossing.rows[row]} with {crossing.columns[column]}: "
            f"{points(best.value, digits=digits)} {span((best.low, best.high), digits=digits)}."
            f"{spanning}"
        ),
        section="results",
        svg=svg,
        pdf=pdf,
    )


def _paint_cell(
    axes: Axes, place: tuple[float, float, float], cell: CrossedCell, scale: Normalize, digits: int
) -> None:
    """Paint one cell at `place`: left, top, width."""
    left, top, width = place
    colour = matplotlib.colormaps[COLOURS](scale(cell.value))
    axes.add_patch(Rectangle((left, top), width, 1, facecolor=colour, edgecolor="white", linewidth=1.2))
    ink, middle = text_colour(colour), left + width / 2
    value, bounds = f"{points(cell.value, digits=digits)}{cell.mark}", span((cell.low, cell.high), digits=digits)
    axes.text(middle, top + 0.36, value, ha="center", va="center", color=ink, fontsize=9)
    axes.text(middle, top + 0.74, bounds, ha="center", va="center", color=ink, fontsize=6.5)


def _scale(values: list[float]) -> Normalize:
    low, high = min(values), max(values)
    return Normalize(low - 0.5, high + 0.5) if high - low < 1e-9 else Normalize(low, high)
