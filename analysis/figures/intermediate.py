"""Intermediate values of a search: inner MCR by epoch with the rungs of halving, and MCR by folds done with racing."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from analysis.figures.base import RULE, Drawn, draw
from analysis.figures.marks import bare
from analysis.figures.search_marks import MARKS, endings_legend, scatter
from analysis.run import Run
from analysis.search_record import Entry
from analysis.search_space import ending, handed_out

NAME = "search_intermediate"


@dataclass(frozen=True)
class Course:
    """What was known of a trial on its way: steps (epochs, or folds done) with values in percent, and how it ended.

    `dropped_here`: the rule that dropped it looked at these values.
    """

    number: int
    ending: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    dropped_here: bool


@dataclass(frozen=True)
class Intermediate:
    """The courses by epoch of the first fold (only where halving looked), and by folds done."""

    by_epoch: tuple[Course, ...]
    by_fold: tuple[Course, ...]


def intermediate_info(entries: Sequence[Entry]) -> Intermediate:
    """Return the courses of all trials that have one."""
    run = handed_out(entries)
    by_epoch = [_course(entry, entry.inner, "dropped by halving") for entry in run if entry.inner]
    by_fold = [_course(entry, entry.intermediate, "dropped by racing") for entry in run if entry.scores]
    return Intermediate(tuple(by_epoch), tuple(course for course in by_fold if course.steps))


def paint_intermediate(figure: Figure, info: Intermediate) -> None:
    """Draw the panels that have courses, side by side."""
    panels = [
        (info.by_epoch, "epoch of the first fold (rungs of halving)", "held-out MCR, %"),
        (info.by_fold, "folds done", "MCR estimate, %"),
    ]
    shown = [panel for panel in panels if panel[0]]
    for place, (courses, across, up) in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), place + 1)
        _paint_courses(axes, courses)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
    found = [course.ending for courses, _, _ in shown for course in courses]
    endings_legend(figure, found)


def build(run: Run) -> tuple[Drawn, ...]:
    """Return the figure of a search that dropped or could have dropped trials; nothing of any other run."""
    info = intermediate_info(run.search)
    if not info.by_epoch and not any(len(course.steps) > 1 for course in info.by_fold):
        return ()
    wide = 7.2 if info.by_epoch and info.by_fold else 4.6
    svg, pdf = draw(NAME, (wide, 3.2), lambda figure: paint_intermediate(figure, info))
    rungs = (
        "Left, MCR on the held-out training part of the first fold at the epochs where halving ranks the trials. "
        if info.by_epoch
        else ""
    )
    folds = (
        "MCR after each fold, estimated as if all folds had been seen (fold effects taken out)." if info.by_fold else ""
    )
    return (
        Drawn(
            name=NAME,
            title="What was known on the way",
            caption=f"One line per trial; its last mark is how it ended. {rungs}{folds}".strip(),
            alternative=_alternative(info),
            section="search",
            svg=svg,
            pdf=pdf,
        ),
    )


def _course(entry: Entry, values: dict[int, float], rule: str) -> Course:
    steps = tuple(sorted(values))
    how = ending(entry)
    return Course(entry.number, how, steps, tuple(100.0 * values[step] for step in steps), how == rule)


def _paint_courses(axes: Axes, courses: Sequence[Course]) -> None:
    for strong in (False, True):
        drawn = [course for course in courses if (course.ending == "complete") == strong]
        lines = [list(zip(course.steps, course.values, strict=True)) for course in drawn]
        colours = [MARKS[course.ending].colour if strong or course.dropped_here else RULE for course in drawn]
        width, alpha = (1.1, 0.9) if strong else (0.7, 0.55)
        axes.add_collection(LineCollection(lines, colors=colours, linewidths=width, alpha=alpha, zorder=1 + strong))
    axes.autoscale_view()
    for name in MARKS:
        last = [course for course in courses if course.ending == name]
        scatter(axes, [course.steps[-1] for course in last], [course.values[-1] for course in last], name)
    axes.set_xticks(sorted({step for course in courses for step in course.steps}))
    bare(axes, "left", "bottom")


def _alternative(info: Intermediate) -> str:
    told = []
    for courses, what in ((info.by_epoch, "by epoch of the first fold"), (info.by_fold, "by folds done")):
        dropped = [course for course in courses if course.dropped_here]
        if courses:
            steps = sorted({course.steps[-1] for course in dropped})
            where = f" after step {', '.join(map(str, steps))}" if steps else ""
            told.append(f"{what}: {len(courses)} trials, of which {len(dropped)} were dropped by these values{where}")
    return f"Intermediate values of the search, {'; '.join(told)}."
