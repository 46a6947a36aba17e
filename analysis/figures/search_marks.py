"""How the figures of a search draw its trials: one mark for each ending, told apart without its colour."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures.base import BAD, MAIN, RULE, SECOND
from analysis.search_record import Entry
from analysis.search_space import comparable

MOST_AXES = 12
"""Dimensions that a figure shows; of a larger space the first in the order of the study."""


@dataclass(frozen=True)
class Mark:
    """How the trials of one ending are drawn; shape and filling tell them apart without their colour."""

    shape: str
    colour: str
    filled: bool


MARKS = {
    "complete": Mark("o", MAIN, True),
    "over a limit": Mark("o", MAIN, False),
    "dropped by racing": Mark("v", SECOND, False),
    "dropped by halving": Mark("v", SECOND, True),
    "failed": Mark("x", BAD, True),
    "running": Mark("s", RULE, False),
}
"""By ending, as `analysis.search_space.ENDINGS`."""


def percent_of(entry: Entry) -> float | None:
    """Return the MCR in percent by which a trial is compared, None where it has none."""
    score = comparable(entry)
    return None if score is None else 100.0 * score


def counted(endings: Sequence[str]) -> str:
    """Return how many trials ended in each way, as `6 complete, 3 dropped by racing`."""
    counts = {name: endings.count(name) for name in MARKS}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def scatter(axes: Axes, across: Sequence[float], up: Sequence[float], name: str, **given: Any) -> None:
    """Draw the trials of one ending as points."""
    mark = MARKS[name]
    style: dict[str, Any] = {"linestyle": "none", "marker": mark.shape, "markersize": 4.5, "color": mark.colour}
    axes.plot(across, up, **(style | {"markerfacecolor": mark.colour if mark.filled else "white"} | given))


def endings_legend(figure: Figure, found: Iterable[str]) -> None:
    """Add a legend of the endings that occur, in the order of `MARKS`, under the axes."""
    occurring = set(found)
    lines = [
        Line2D([], [], linestyle="none", marker=mark.shape, color=mark.colour, label=name, markersize=4.5,
               markerfacecolor=mark.colour if mark.filled else "white")
        for name, mark in MARKS.items()
        if name in occurring
    ]  # fmt: skip
    style = {"fontsize": 8, "frameon": False, "handletextpad": 0.2, "columnspacing": 1.2}
    figure.legend(handles=lines, loc="outside lower left", ncols=6, **style)
