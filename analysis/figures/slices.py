"""Slices of a search: the MCR of its trials against each dimension, early trials dark and late ones light."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from analysis.figures.base import RULE, Drawn, draw
from analysis.figures.marks import bare, wrapped
from analysis.figures.scales import set_log
from analysis.figures.search_marks import MARKS, MOST_AXES, percent_of
from analysis.run import Run
from analysis.search_record import Entry
from analysis.search_space import Axis, ending, handed_out, search_axes

NAME = "search_slices"
COLUMNS = 3
MAP = colormaps["viridis"]
NEAR, STEP = 0.03, 0.14
"""Scores of one level closer than this share of their span stand side by side, so far apart (in levels)."""
MOST_LEVELS = 12
"""Levels that fit under one panel; a dimension with more of them is left to the isolation plot."""


@dataclass(frozen=True)
class SlicePoint:
    """One trial: where it lies in the dimension (its value, or the place of its level) and its MCR in percent.

    `mcr` is None of a trial without one that compares.
    """

    number: int
    place: float
    mcr: float | None
    ending: str


@dataclass(frozen=True)
class Slice:
    """One dimension with the trials that have it."""

    axis: Axis
    points: tuple[SlicePoint, ...]


def slices_info(entries: Sequence[Entry]) -> tuple[Slice, ...]:
    """Return the dimensions with at least two trials that compare."""
    run = handed_out(entries)
    found = [Slice(axis, _points(axis, run)) for axis in search_axes(entries) if len(axis.levels) <= MOST_LEVELS]
    kept = [one for one in found if sum(point.mcr is not None for point in one.points) > 1]
    return tuple(kept[:MOST_AXES])


def beside(points: Sequence[SlicePoint]) -> dict[int, float]:
    """Return how far to move trials of one level aside that would cover each other, by number, in levels."""
    known = [(point.mcr, point.number, point.place) for point in points if point.mcr is not None]
    scores = [score for score, _, _ in known]
    near = NEAR * (max(scores) - min(scores)) if scores else 0.0
    moved: dict[int, float] = {}
    for level in {place for _, _, place in known}:
        heap: list[tuple[float, int]] = []
        for score, number, _ in sorted(one for one in known if one[2] == level):
            if heap and score - heap[-1][0] > near:
                moved |= _spread(heap)
                heap = []
            heap.append((score, number))
        moved |= _spread(heap)
    return moved


def _spread(heap: Sequence[tuple[float, int]]) -> dict[int, float]:
    """Put one heap side by side around its level, within the room of the level."""
    step = min(STEP, 0.8 / max(1, len(heap) - 1))
    return {number: step * (place - (len(heap) - 1) / 2) for place, (_, number) in enumerate(heap)}


def paint_slices(figure: Figure, info: Sequence[Slice]) -> None:
    """Draw one panel per dimension, with one vertical scale."""
    rows = math.ceil(len(info) / COLUMNS)
    columns = min(COLUMNS, len(info))
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    last = max(point.number for one in info for point in one.points)
    scale = Normalize(0, max(1, last))
    for axes, one in zip(panels, info, strict=False):
        _paint_slice(axes, one, scale)
    for axes in panels[len(info) :]:
        axes.set_visible(False)
    for axes in panels[::columns]:
        axes.set_ylabel("MCR, %")
    figure.colorbar(ScalarMappable(scale, MAP), ax=list(panels), label="trial", shrink=0.8, pad=0.03)


def build(run: Run) -> tuple[Drawn, ...]:
    """Return the slices of a search; nothing without two trials to compare."""
    info = slices_info(run.search)
    if not info:
        return ()
    height = 0.4 + 2.2 * math.ceil(len(info) / COLUMNS)
    wide = min(COLUMNS, len(info)) * 2.2 + 0.8
    svg, pdf = draw(NAME, (wide, height), lambda figure: paint_slices(figure, info))
    return (
        Drawn(
            name=NAME,
            title="The search along each dimension",
            caption=(
                "MCR of the trials against the value of one setting. Circles: all folds done; triangles: dropped by "
                "racing, by their estimate. Short grey lines on the lower edge: trials without an MCR that compares. "
                "Dark: early, light: late. The axis spans the range that is searched; trials of one level with nearly "
                "the same MCR stand side by side. A trial without the setting, which depends on others, is not in its "
                "panel."
            ),
            alternative="MCR against each dimension. " + " ".join(_sentence(one) for one in info),
            section="search",
            svg=svg,
            pdf=pdf,
        ),
    )


def _points(axis: Axis, entries: Sequence[Entry]) -> tuple[SlicePoint, ...]:
    found = []
    for entry in entries:
        group = axis.group_of(entry)
        if group is not None:
            place = float(group) if axis.levels else float(entry.parameters[axis.name])
            found.append(SlicePoint(entry.number, place, percent_of(entry), ending(entry)))
    return tuple(found)


def _paint_slice(axes: Axes, one: Slice, scale: Normalize) -> None:
    aside = beside(one.points) if one.axis.levels else {}
    for name in dict.fromkeys(point.ending for point in one.points if point.mcr is not None):
        shown = [point for point in one.points if point.ending == name and point.mcr is not None]
        values = [float(point.mcr or 0.0) for point in shown]
        across = [point.place + aside.get(point.number, 0.0) for point in shown]
        numbers = [point.number for point in shown]
        style: dict[str, Any] = {"marker": MARKS[name].shape, "s": 20, "c": numbers, "cmap": MAP, "norm": scale}
        axes.scatter(across, values, **style)
    rest = [point.place for point in one.points if point.mcr is None]
    edge: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "clip_on": False, "in_layout": False}
    axes.plot(rest, [0.0 for _ in rest], "|", color=RULE, markersize=5, **edge)
    if one.axis.levels:
        names = [wrapped(level, 24, lines=1) for level in one.axis.levels]
        long = max(map(len, names)) * len(names) > 26
        turned: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if long else {}
        axes.set_xticks(range(len(names)), names, fontsize=7, **turned)
        axes.set_xlim(-0.5, len(names) - 0.5)
    elif one.axis.log:
        set_log(axes, one.axis.low, one.axis.high)
    if not one.axis.levels:
        axes.set_xlim(one.axis.at(-0.04), one.axis.at(1.04))
    axes.tick_params(labelsize=7)
    axes.set_title(wrapped(one.axis.title, 30, lines=2), fontsize=8.5)
    bare(axes, "left", "bottom")


def _sentence(one: Slice) -> str:
    best = max((point for point in one.points if point.mcr is not None), key=lambda point: point.mcr or 0.0)
    value = one.axis.levels[int(best.place)] if one.axis.levels else f"{best.place:.3g}"
    return f"{one.axis.title}: the best of its {len(one.points)} trials, {best.mcr:.1f} %, has {value}."
