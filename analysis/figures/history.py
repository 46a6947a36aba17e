"""Optimisation history of a search: the MCR of each trial in order, and the best so far as a step line."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.base import MAIN, Drawn, draw
from analysis.figures.marks import bare
from analysis.figures.search_marks import MARKS, counted, endings_legend, percent_of, scatter
from analysis.run import Run
from analysis.search_record import Entry
from analysis.search_space import ending, handed_out

NAME = "search_history"


@dataclass(frozen=True)
class HistoryPoint:
    """One trial: its number, how it ended, its MCR in percent (None: it has none that compares) and the best so far.

    The best is that of complete trials that keep the limits; None before the first.
    """

    number: int
    ending: str
    mcr: float | None
    best: float | None


def history_info(entries: Sequence[Entry]) -> tuple[HistoryPoint, ...]:
    """Return the trials that were run, by number."""
    points: list[HistoryPoint] = []
    best: float | None = None
    for entry in handed_out(entries):
        mcr, how = percent_of(entry), ending(entry)
        if how == "complete" and mcr is not None:
            best = mcr if best is None else max(best, mcr)
        points.append(HistoryPoint(entry.number, how, mcr, best))
    return tuple(points)


def paint_history(figure: Figure, points: Sequence[HistoryPoint]) -> None:
    """Draw the history; trials without an MCR that compares are marks on the lower edge."""
    axes = figure.add_subplot()
    for name in MARKS:
        shown = [point for point in points if point.ending == name and point.mcr is not None]
        scatter(axes, [point.number for point in shown], [float(point.mcr or 0.0) for point in shown], name)
    for name in MARKS:
        shown = [point for point in points if point.ending == name and point.mcr is None]
        edge = {"transform": axes.get_xaxis_transform(), "clip_on": False, "markersize": 3.5, "in_layout": False}
        scatter(axes, [point.number for point in shown], [0.0 for _ in shown], name, **edge)
    best = [(point.number, point.best) for point in points if point.best is not None]
    if best:
        numbers = [*(number for number, _ in best), points[-1].number]
        axes.step(numbers, [*(value for _, value in best), best[-1][1]], where="post", color=MAIN, linewidth=1.2)
    axes.set_xlim(points[0].number - 0.8, points[-1].number + 0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.1)
    axes.set_xlabel("trial")
    axes.set_ylabel("MCR, %")
    bare(axes, "left", "bottom")
    endings_legend(figure, (point.ending for point in points))


def build(run: Run) -> tuple[Drawn, ...]:
    """Return the history of a search; nothing of a run that searched nothing."""
    points = history_info(run.search)
    if not points:
        return ()
    svg, pdf = draw(NAME, (7.2, 3.4), lambda figure: paint_history(figure, points))
    return (
        Drawn(
            name=NAME,
            title="Optimisation history",
            caption=(
                "MCR of each trial in the order of the search; line: best complete trial so far. Of a trial that "
                "racing dropped, its estimate as if it had seen all folds. Marks on the lower edge: trials without an "
                "MCR over folds, as those dropped in their first fold. The best of many is optimistic: it was chosen "
                "by the folds that gave it."
            ),
            alternative=_alternative(points),
            section="search",
            svg=svg,
            pdf=pdf,
        ),
    )


def _alternative(points: Sequence[HistoryPoint]) -> str:
    told = f"Optimisation history of {len(points)} trials ({counted([point.ending for point in points])})"
    best = points[-1].best
    if best is None:
        return f"{told}; none is complete."
    first = next(point.number for point in points if point.best == best)
    return f"{told}; the best MCR, {best:.1f} %, came with trial {first}."
