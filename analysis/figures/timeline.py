"""Timeline of a search: one bar per trial from its suggestion to its end, with the mark of how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from analysis.figures.base import Drawn, draw
from analysis.figures.marks import bare
from analysis.figures.search_marks import MARKS, counted, endings_legend, scatter
from analysis.run import Run
from analysis.search_record import Entry
from analysis.search_space import ending, handed_out

NAME = "search_timeline"
UNITS = ((7200.0, 3600.0, "hours"), (180.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
"""From how many seconds on, the length of the unit in seconds, and its name."""


@dataclass(frozen=True)
class Bar:
    """One trial: start and end in seconds of search; one that still runs ends where the record ends."""

    number: int
    ending: str
    start: float
    end: float


def timeline_info(entries: Sequence[Entry]) -> tuple[Bar, ...]:
    """Return a bar for each trial that was run, by number."""
    run = handed_out(entries)
    last = max((max(entry.asked_at, entry.told_at or 0.0) for entry in run), default=0.0)
    return tuple(
        Bar(entry.number, ending(entry), entry.asked_at, last if entry.told_at is None else entry.told_at)
        for entry in run
    )


def most_at_once(bars: Sequence[Bar]) -> int:
    """Return how many trials ran at the same time at most; one that starts when another ends does not overlap it."""
    changes = sorted([(bar.start, 1) for bar in bars] + [(bar.end, -1) for bar in bars if bar.end > bar.start])
    running, most = 0, 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


def paint_timeline(figure: Figure, bars: Sequence[Bar]) -> None:
    """Draw the bars, the first trial on top."""
    axes = figure.add_subplot()
    _, unit, word = _unit(bars)
    starts, ends = [bar.start / unit for bar in bars], [bar.end / unit for bar in bars]
    colours = [MARKS[bar.ending].colour for bar in bars]
    axes.hlines(range(len(bars)), starts, ends, colors=colours, linewidth=2.0, alpha=0.6, zorder=1)
    for name in MARKS:
        places = [place for place, bar in enumerate(bars) if bar.ending == name]
        scatter(axes, [bars[place].end / unit for place in places], places, name, markersize=3.5)
    step = max(1, len(bars) // 12)
    axes.set_yticks(range(0, len(bars), step), [str(bars[place].number) for place in range(0, len(bars), step)])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(left=0.0)
    axes.set_xlabel(f"{word} of search")
    axes.set_ylabel("trial")
    bare(axes, "left", "bottom")
    endings_legend(figure, (bar.ending for bar in bars))


def build(run: Run) -> tuple[Drawn, ...]:
    """Return the timeline of a search; nothing where trials ran one by one, as the history has their order."""
    bars = timeline_info(run.search)
    if most_at_once(bars) < 2:
        return ()
    svg, pdf = draw(NAME, (7.2, _height(bars)), lambda figure: paint_timeline(figure, bars))
    return (
        Drawn(
            name=NAME,
            title="Timeline of the search",
            caption=(
                "From the suggestion of a trial to its end; the mark says how it ended. Time in which the search was "
                "not running is left out. Fold fits that were in the ledger already cost no time."
            ),
            alternative=_alternative(bars),
            section="search",
            svg=svg,
            pdf=pdf,
        ),
    )


def _unit(bars: Sequence[Bar]) -> tuple[float, float, str]:
    last = max(bar.end for bar in bars)
    return next(unit for unit in UNITS if last >= unit[0])


def _height(bars: Sequence[Bar]) -> float:
    return min(7.0, 1.4 + 0.09 * len(bars))


def _alternative(bars: Sequence[Bar]) -> str:
    _, unit, word = _unit(bars)
    span = max(bar.end for bar in bars) / unit
    told = counted([bar.ending for bar in bars])
    return f"Timeline of {len(bars)} trials over {span:.1f} {word}, at most {most_at_once(bars)} at once: {told}."
