"""Cost against MCR: parameters and seconds of a fold fit, with the Pareto front of the estimates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.evaluation import ConfigurationResult
from analysis.figures.base import MAIN, RULE, SECOND, Drawn, draw
from analysis.figures.marks import bare, wrapped
from analysis.figures.marks import points as score_text
from analysis.figures.scales import set_log
from analysis.figures.selection import heading, printed_interval, stem
from analysis.run import Part, Run
from analysis.tables.formatting import score_digits

COSTS = {"parameters": "trained parameters", "seconds": "seconds of a fold fit"}
MOST_NAMED = 12
"""Configurations on a front that are named under the figure, best first."""


@dataclass(frozen=True)
class CostPoint:
    """One complete configuration: MCR in percent with its interval, costs (median over its fold fits), its fronts.

    `fronts` are the costs at which no other configuration is at least as good and cheaper, or as cheap and better.
    `digits` are the decimals of MCR in the tables.
    """

    label: str
    mcr: float
    digits: int
    interval: tuple[float, float]
    method: str
    costs: Mapping[str, float]
    fronts: frozenset[str]


def cost_info(results: Sequence[ConfigurationResult]) -> tuple[CostPoint, ...]:
    """Return the complete configurations with a recorded cost, best first."""
    complete = [result for result in results if result.complete]
    costs = {result.identifier: _costs(result) for result in complete}
    digits, found = score_digits(results, "mcr", None), []
    for result in complete:
        own, scores = costs[result.identifier], result.scores_of("mcr")
        others = [
            (costs[other.identifier], other.scores_of("mcr").estimate) for other in complete if other is not result
        ]
        fronts = {
            name
            for name, value in own.items()
            if not any(name in cost and _beats((cost[name], mcr), (value, scores.estimate)) for cost, mcr in others)
        }
        low, high, method = printed_interval(scores)
        if own:
            found.append(
                CostPoint(result.label, 100 * scores.estimate, digits, (low, high), method, own, frozenset(fronts))
            )
    return tuple(sorted(found, key=lambda point: -point.mcr))


def paint_cost(figure: Figure, points: Sequence[CostPoint]) -> None:
    """Draw one panel per cost, and under them the names of what is on a front."""
    shown = _shown(points)
    named = _named(points)
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, shown, strict=True):
        _paint_cost(axes, points, name)
    panels[0].set_ylabel("MCR, %")
    lines = [f"{number}  {wrapped(point.label, 100, lines=1)}, {_mcr(point)} %" for number, point in named.items()]
    figure.supxlabel("\n".join(lines), x=0.02, ha="left", fontsize=8)


def build(run: Run) -> tuple[Drawn, ...]:
    """Return one figure per part with at least two complete configurations of different cost; no confirmation."""
    found = [(part, cost_info(part.results)) for part in run.parts if part.planned.role != "confirmation"]
    shown = [(part, points) for part, points in found if _shown(points)]
    return tuple(_drawn(part, points) for part, points in shown)


def _mcr(point: CostPoint) -> str:
    return score_text(point.mcr, digits=point.digits)


def _costs(result: ConfigurationResult) -> dict[str, float]:
    values = {name: [cost[name] for cost in result.costs.values() if cost.get(name)] for name in COSTS}
    return {name: float(median(found)) for name, found in values.items() if found}


def _beats(other: tuple[float, float], own: tuple[float, float]) -> bool:
    """Whether (cost, MCR) `other` dominates `own`."""
    return other[0] <= own[0] and other[1] >= own[1] and other != own


def _shown(points: Sequence[CostPoint]) -> list[str]:
    """The costs in which configurations differ."""
    return [name for name in COSTS if len({point.costs[name] for point in points if name in point.costs}) > 1]


def _named(points: Sequence[CostPoint]) -> dict[int, CostPoint]:
    """The configurations on a front that is shown, numbered from the best."""
    shown = set(_shown(points))
    return dict(enumerate([point for point in points if point.fronts & shown][:MOST_NAMED], 1))


def _paint_cost(axes: Axes, points: Sequence[CostPoint], name: str) -> None:
    having = sorted((point for point in points if name in point.costs), key=lambda point: point.costs[name])
    front = [point for point in having if name in point.fronts]
    for point in having:
        on_front = name in point.fronts
        colour = MAIN if on_front else RULE
        if on_front:
            axes.plot((point.costs[name],) * 2, point.interval, color=MAIN, linewidth=0.9, alpha=0.5)
        inside, size = (colour, 5) if on_front else ("white", 4)
        axes.plot(point.costs[name], point.mcr, "o", color=colour, markerfacecolor=inside, markersize=size)
    across = [*(point.costs[name] for point in front), having[-1].costs[name]]
    axes.step(
        across,
        [*(point.mcr for point in front), front[-1].mcr],
        where="post",
        color=SECOND,
        linewidth=0.6,
        alpha=0.8,
        zorder=1,
    )
    for number, point in _named(points).items():
        if name in point.fronts:
            place = (point.costs[name], point.mcr)
            axes.annotate(str(number), place, (-4, 3), textcoords="offset points", ha="right", fontsize=8)
    if having[-1].costs[name] > 10 * having[0].costs[name]:
        set_log(axes, having[0].costs[name], having[-1].costs[name])
    axes.set_xlabel(COSTS[name])
    axes.margins(x=0.08)
    bare(axes, "left", "bottom")


def _drawn(part: Part, points: Sequence[CostPoint]) -> Drawn:
    shown, named = _shown(points), _named(points)
    name, title = stem("cost", part), heading("Cost against MCR", part)
    size = (3.7 * len(shown) if len(shown) > 1 else 5.4, 3.0 + 0.17 * len(named))
    svg, pdf = draw(name, size, lambda figure: paint_cost(figure, points))
    devices = part.context.devices if part.context else ()
    times = f" Times are those of {', '.join(devices)}." if "seconds" in shown and devices else ""
    return Drawn(
        name=name,
        title=title,
        caption=(
            "One point per complete configuration; filled: on the Pareto front (no other is as good and cheaper, or as "
            f"cheap and better), with its 95 % interval ({points[0].method}); line: the front. It goes by the "
            "estimates alone: a difference along it need not be real. Costs are medians over fold fits; on frozen "
            f"features they are those of the heads, without the backbone.{times}"
        ),
        alternative=_alternative(points, shown),
        section="cost",
        svg=svg,
        pdf=pdf,
    )


def _alternative(points: Sequence[CostPoint], shown: Sequence[str]) -> str:
    told = []
    for name in shown:
        front = sorted((point for point in points if name in point.fronts), key=lambda point: point.costs[name])
        steps = [f"{point.label} ({point.costs[name]:,.4g}, MCR {_mcr(point)} %)" for point in front]
        told.append(f"On the front of {COSTS[name]}: {'; '.join(steps)}.")
    return f"Cost against MCR of {len(points)} configurations. {' '.join(told)}"
