"""Importances of the dimensions of a search, by each evaluator that the search asked, named with its settings."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from analysis.figures.base import MAIN, RULE, SECOND, Drawn, draw
from analysis.figures.marks import bare, wrapped
from analysis.importances import Importances
from analysis.run import Run
from analysis.search_space import search_axes
from analysis.tables.dimensions import Dimension

NAME = "search_importances"
SHAPES = (("o", MAIN), ("D", SECOND), ("s", RULE))
"""Mark and colour of each evaluator."""


@dataclass(frozen=True)
class ImportanceRow:
    """One dimension: its share in percent by each evaluator, None where an evaluator cannot judge it.

    `conditional`: some trials lack it, so that it exists only where other dimensions have certain values.
    """

    title: str
    shares: tuple[float | None, ...]
    conditional: bool = False


def importance_info(importances: Sequence[Importances], conditional: Collection[str] = ()) -> tuple[ImportanceRow, ...]:
    """Return the dimensions by the mean of their shares, largest first; `conditional` names those some trials lack."""
    names = dict.fromkeys(name for one in importances for name in (*one.shares, *one.left_out))
    rows = []
    for name in names:
        shares = tuple(100.0 * one.shares[name] if name in one.shares else None for one in importances)
        rows.append(ImportanceRow(_title(name), shares, name in conditional))
    return tuple(sorted(rows, key=_mean, reverse=True))


def paint_importances(figure: Figure, rows: Sequence[ImportanceRow], evaluators: Sequence[str]) -> None:
    """Draw one line per dimension with one mark per evaluator."""
    axes = figure.add_subplot()
    for place, row in enumerate(rows):
        axes.axhline(place, color=RULE, linewidth=0.4, alpha=0.6, zorder=0)
        known = [share for share in row.shares if share is not None]
        axes.plot((min(known, default=0.0), max(known, default=0.0)), (place, place), color=RULE, linewidth=1.5)
    for number, name in enumerate(evaluators):
        shape, colour = SHAPES[number % len(SHAPES)]
        axes.plot([], [], shape, color=colour, markersize=6, label=name)
        for place, row in enumerate(rows):
            if (share := row.shares[number]) is not None:
                inside = "white" if row.conditional else colour
                axes.plot(share, place, shape, color=colour, markerfacecolor=inside, markersize=6)
    axes.set_yticks(range(len(rows)), [wrapped(row.title, 36, lines=1) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.set_xlabel("importance, % (each evaluator adds up to 100)")
    axes.tick_params(axis="y", length=0)
    bare(axes, "bottom")
    axes.legend(loc="lower right", frameon=False, fontsize=8)


def build(run: Run) -> tuple[Drawn, ...]:
    """Return the importances of a search; nothing where none are stored, as after fewer than ten trials."""
    importances = run.importances
    if not importances:
        return ()
    conditional = {axis.name for axis in search_axes(run.search) if axis.conditional}
    rows, evaluators = importance_info(importances, conditional), [one.evaluator for one in importances]
    height = 1.0 + 0.27 * len(rows)
    svg, pdf = draw(NAME, (6.4, height), lambda figure: paint_importances(figure, rows, evaluators))
    return (
        Drawn(
            name=NAME,
            title=f"Importances by {' and '.join(evaluators)}",
            caption=build_caption(importances, rows),
            alternative=_alternative(rows, evaluators),
            section="search",
            svg=svg,
            pdf=pdf,
        ),
    )


def _title(name: str) -> str:
    return Dimension(name, is_subset=False).title


def _mean(row: ImportanceRow) -> float:
    known = [share for share in row.shares if share is not None]
    return sum(known) / len(known) if known else 0.0


def build_caption(importances: Sequence[Importances], rows: Sequence[ImportanceRow]) -> str:
    """Return the caption, which names every evaluator with its settings and what it cannot judge."""
    hollow = (
        ["Hollow: some trials lack the dimension and are left out, so that what having it at all decides is not "
         "counted: its importance is understated."]
        if any(row.conditional for row in rows)
        else []
    )  # fmt: skip
    first = importances[0]
    dropped = f", {first.n_estimated} of them dropped by racing and taken by their estimate"
    estimated = dropped if first.n_estimated else ""
    told = [f"{one.evaluator} ({one.settings})" for one in importances]
    blind = [
        f"{one.evaluator} judges only what every trial has, not {', '.join(_title(name) for name in one.left_out)}."
        for one in importances
        if one.left_out
    ]
    return " ".join(
        [
            f"How much each dimension decides the MCR, over {first.n_trials} trials{estimated}, by {'; '.join(told)}.",
            *blind,
            *hollow,
            "Evaluators ask different questions and need not agree. An importance is of this space and these trials, "
            "and no test.",
        ]
    )


def _alternative(rows: Sequence[ImportanceRow], evaluators: Sequence[str]) -> str:
    told = []
    for row in rows:
        pairs = zip(evaluators, row.shares, strict=True)
        shares = [f"{name} {'not judged' if share is None else f'{share:.0f} %'}" for name, share in pairs]
        only = ", of the trials that have it" if row.conditional else ""
        told.append(f"{row.title}: {', '.join(shares)}{only}")
    return f"Importances of {len(rows)} dimensions. {'; '.join(told)}."
