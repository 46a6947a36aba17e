"""Isolation plot of a search: for each level of one dimension the best trial over all other dimensions.

After Godbole, Dahl, Gilmer, Shallue and Nado, Deep Learning Tuning Playbook, 2023.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.base import MAIN, RULE, Drawn, draw
from analysis.figures.marks import bare, wrapped
from analysis.figures.search_marks import MOST_AXES, percent_of, scatter
from analysis.run import Run
from analysis.search_record import Entry
from analysis.search_space import Axis, ending, handed_out, search_axes

NAME = "search_isolation"
MOST_LEVELS = 12
"""Levels that are shown of one dimension: the best ones."""


@dataclass(frozen=True)
class IsolatedLevel:
    """One level: the MCR in percent of every trial that compares, best first, and how each of them ended.

    `n_trials` counts those too that have no MCR that compares.
    """

    text: str
    scores: tuple[float, ...]
    endings: tuple[str, ...]
    n_trials: int


@dataclass(frozen=True)
class Isolation:
    """One dimension with its levels, names best first, numbers in their order; `left_out`: how many are not shown."""

    axis: Axis
    levels: tuple[IsolatedLevel, ...]
    left_out: int


def isolation_info(entries: Sequence[Entry]) -> tuple[Isolation, ...]:
    """Return the dimensions with at least two levels that have a trial to compare."""
    run = handed_out(entries)
    found = [_isolated(axis, run) for axis in search_axes(entries)[:MOST_AXES]]
    return tuple(one for one in found if len(one.levels) > 1)


def paint_isolation(figure: Figure, info: Sequence[Isolation]) -> None:
    """Draw one panel per dimension under the other, on one scale."""
    heights = [len(one.levels) + 0.9 for one in info]
    panels = figure.subplots(len(info), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, one in zip(panels, info, strict=True):
        _paint_dimension(axes, one)
    panels[-1].set_xlabel("MCR, %")
    figure.align_ylabels()


def build(run: Run) -> tuple[Drawn, ...]:
    """Return the isolation plot of a search; nothing without two levels to compare."""
    info = isolation_info(run.search)
    if not info:
        return ()
    rows = sum(len(one.levels) for one in info)
    svg, pdf = draw(NAME, (7.2, 0.8 + 0.19 * rows + 0.34 * len(info)), lambda figure: paint_isolation(figure, info))
    return (
        Drawn(
            name=NAME,
            title="Each factor alone: best over all others",
            caption=(
                "Large mark: the best trial at this level, whatever its other settings; faint: the other trials there, "
                "those that racing dropped by their estimate. In brackets: trials at this level with an MCR that "
                f"compares, of all trials there. A level that was tried more often has more chances.{_left_out(info)}"
            ),
            alternative="Best trial of each level. " + " ".join(_sentence(one) for one in info),
            section="search",
            svg=svg,
            pdf=pdf,
        ),
    )


def _isolated(axis: Axis, entries: Sequence[Entry]) -> Isolation:
    members: dict[int, list[Entry]] = {}
    for entry in entries:
        if (group := axis.group_of(entry)) is not None:
            members.setdefault(group, []).append(entry)
    names = axis.groups()
    levels = [_level(names[group], members[group]) for group in sorted(members)]
    comparing = [level for level in levels if level.scores]
    if not all(level.replace(".", "").isdecimal() for level in axis.groups()) and axis.levels:
        comparing.sort(key=lambda level: -level.scores[0])
    return Isolation(axis, tuple(comparing[:MOST_LEVELS]), len(comparing) - len(comparing[:MOST_LEVELS]))


def _level(text: str, entries: Sequence[Entry]) -> IsolatedLevel:
    scored = [(score, ending(entry)) for entry in entries if (score := percent_of(entry)) is not None]
    scored.sort(key=lambda one: -one[0])
    return IsolatedLevel(text, tuple(score for score, _ in scored), tuple(how for _, how in scored), len(entries))


def _paint_dimension(axes: Axes, one: Isolation) -> None:
    best = [level.scores[0] for level in one.levels]
    for place, level in enumerate(one.levels):
        axes.axhline(place, color=RULE, linewidth=0.4, alpha=0.5, zorder=0)
        for name in dict.fromkeys(level.endings[1:]):
            pairs = zip(level.scores[1:], level.endings[1:], strict=True)
            scores = [score for score, how in pairs if how == name]
            scatter(axes, scores, [place] * len(scores), name, markersize=3.0, alpha=0.35)
        scatter(axes, [level.scores[0]], [place], level.endings[0], markersize=6.5)
    axes.axvline(max(best), color=MAIN, linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)
    names = [f"{wrapped(level.text, 34, lines=1)} ({len(level.scores)}/{level.n_trials})" for level in one.levels]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_title(wrapped(one.axis.title, 80, lines=1), loc="left", fontsize=9, pad=3)
    axes.tick_params(axis="y", length=0)
    bare(axes, "bottom")


def _left_out(info: Sequence[Isolation]) -> str:
    told = [f"{one.axis.title}: {one.left_out} worse levels are not shown" for one in info if one.left_out]
    return f" {'; '.join(told)}." if told else ""


def _sentence(one: Isolation) -> str:
    return f"{one.axis.title}: {', '.join(f'{level.text} {level.scores[0]:.1f} %' for level in one.levels)}."
