"""The posterior of a difference and its mass below, within and above the region of practical equivalence (ROPE).

Bayesian correlated t (Benavoli et al. 2017): a t distribution around the mean paired difference with the corrected
standard error of Nadeau & Bengio and J-1 degrees of freedom.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from analysis.evaluation import ConfigurationResult
from analysis.figures.base import BAD, GOOD, INK, RULE, Drawn, draw
from analysis.figures.marks import bare, brief, points, wrapped
from analysis.figures.selection import Compared, compared, shown_of, shown_parts, stem
from analysis.figures.selection import heading as with_arm
from analysis.metrics import LOWER_IS_BETTER
from analysis.run import Part, Run
from analysis.scoring import METRICS
from analysis.tables.contrasts import Contrast


@dataclass(frozen=True)
class Posterior:
    """The posterior of one difference, in percentage points; `below`, `within` and `above` the ROPE sum to 1."""

    reference: str
    other: str
    mean: float
    scale: float
    df: int
    rope: float
    below: float
    within: float
    above: float
    lower_is_better: bool = False

    def density(self, differences: np.ndarray) -> np.ndarray:
        """Return the posterior density at differences in percentage points."""
        return np.asarray(stats.t.pdf(differences, self.df, loc=self.mean, scale=self.scale))


def posterior_info(result: ConfigurationResult, contrast: Contrast) -> Posterior | None:
    """Return the posterior of a comparison; None with a single split, or where the folds do not differ."""
    test, rope = contrast.comparison.corrected_t, contrast.comparison.rope
    if test is None or rope is None or contrast.comparison.constant or not test.interval.se > 0:
        return None
    mean, scale, half = 100 * test.interval.estimate, 100 * test.interval.se, 100 * rope.rope
    below, above = stats.t.cdf((-half - mean) / scale, test.df), stats.t.sf((half - mean) / scale, test.df)
    return Posterior(
        reference=contrast.reference.label,
        other=result.label,
        mean=mean,
        scale=scale,
        df=test.df,
        rope=half,
        below=float(below),
        within=max(0.0, 1.0 - float(below) - float(above)),
        above=float(above),
        lower_is_better=contrast.comparison.metric in LOWER_IS_BETTER,
    )


def paint_posteriors(figure: Figure, shown: tuple[Posterior, ...], unit: str) -> None:
    """Fill a figure with one panel per comparison, all on one scale."""
    reach = max(max(abs(one.mean) + 4 * one.scale, 1.6 * one.rope) for one in shown)
    first = None
    for number, one in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), number + 1, sharex=first)
        first = first or axes
        _paint(axes, one, np.linspace(-reach, reach, 301))
        axes.set_xlabel(unit)
        axes.set_title(f"{wrapped(one.other, 36)}\nagainst {wrapped(one.reference, 36)}", fontsize=9)


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the posteriors of the two headline comparisons of each part."""
    drawn = []
    for part in shown_parts(run):
        if (found := compared(part)) is not None:
            every = (posterior_info(result, contrast) for result, contrast in found.headline())
            if shown := tuple(one for one in every if one is not None):
                drawn.append(_drawn(part, found, shown))
    return tuple(drawn)


def _drawn(part: Part, found: Compared, shown: tuple[Posterior, ...]) -> Drawn:
    name, short = stem("rope", part), METRICS[found.metric]
    unit = f"difference in {short}, percentage points"
    svg, pdf = draw(name, (3.7 * len(shown), 3.0), lambda figure: paint_posteriors(figure, shown, unit))
    said = "; ".join(
        f"{brief(one.other)} against {brief(one.reference)}: {_percent(one.below)} below, {_percent(one.within)} "
        f"within, {_percent(one.above)} above"
        for one in shown
    )
    return Drawn(
        name=name,
        title=with_arm("How large the difference may be", part),
        caption=(
            f"Posterior of the difference in {short} to the reference (Bayesian correlated t, Benavoli et al. 2017), "
            f"with its mass below, within and above practical equivalence, ±{shown[0].rope:g} points. Above 95 % "
            f"within it the two are called equivalent. {shown_of(found, len(shown))}"
        ),
        alternative=f"Posterior mass around practical equivalence of ±{shown[0].rope:g} points. {said}.",
        section="comparisons",
        svg=svg,
        pdf=pdf,
    )


def _paint(axes: Axes, one: Posterior, grid: np.ndarray) -> None:
    grid = np.union1d(grid, (-one.rope, one.rope))
    density = one.density(grid)
    low, high = (GOOD, BAD) if one.lower_is_better else (BAD, GOOD)
    regions = ((grid <= -one.rope, low, "//"), (np.abs(grid) <= one.rope, RULE, ""), (grid >= one.rope, high, "\\\\"))
    for inside, colour, hatch in regions:
        axes.fill_between(
            grid[inside], density[inside], facecolor=colour, alpha=0.35, hatch=hatch, edgecolor=colour, linewidth=0
        )
    axes.plot(grid, density, color=INK, linewidth=1.0)
    axes.plot((one.mean, one.mean), (0, density.max()), color=INK, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set_ylim(0, 1.3 * density.max())
    words = (
        (0.06, "left", "below", one.below),
        (0.5, "center", "within", one.within),
        (0.94, "right", "above", one.above),
    )
    for place, align, word, mass in words:
        axes.text(place, 0.98, f"{word}\n{_percent(mass)}", transform=axes.transAxes, ha=align, va="top", fontsize=8)
    axes.set_yticks([])
    bare(axes, "bottom")


def _percent(mass: float) -> str:
    share = 100 * mass
    return "<0.1 %" if 0 < share < 0.1 else ">99.9 %" if 99.9 < share < 100 else f"{points(share)} %"
