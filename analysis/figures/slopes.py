"""Fold-paired slopes with their difference: what each fold scored under the reference and under the other.

One line per fold, and on an axis of its own, aligned so that 0 stands at the reference's mean, the paired difference
with its intervals (Gardner & Altman 1986, BMJ 292; Ho et al. 2019, Nature Methods 16). With five folds a density is
fiction, so the folds are drawn.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from analysis.evaluation import ConfigurationResult
from analysis.figures.base import MAIN, RULE, SECOND, Drawn, draw
from analysis.figures.marks import bare, brief, points, span, wrapped
from analysis.figures.selection import Compared, compared, method_name, shown_of, shown_parts, stem
from analysis.figures.selection import heading as with_arm
from analysis.run import Part, Run
from analysis.scoring import METRICS
from analysis.tables.caption import data_sentence
from analysis.tables.contrasts import Contrast, scored
from analysis.tables.formatting import difference_digits


@dataclass(frozen=True)
class Slopes:
    """One comparison, in percent and percentage points: the scores of each fold under both, and the difference.

    `digits` are the decimals of the differences of its table.
    """

    reference: str
    other: str
    before: tuple[float, ...]
    after: tuple[float, ...]
    difference: float
    thick: tuple[float, float]
    thin: tuple[float, float] | None
    verdict: str
    digits: int = 1

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest of all that is drawn, differences from the reference's mean on."""
        bounds = [self.base + bound for bound in (*self.thick, *(self.thin or ()))]
        drawn = [*self.before, *self.after, *bounds]
        return min(drawn), max(drawn)

    @property
    def base(self) -> float:
        """The reference's mean, where the axis of the difference has its 0."""
        return float(np.mean(self.before))


def slopes_info(
    result: ConfigurationResult, contrast: Contrast, metric: str, target: str | None, *, digits: int = 1
) -> Slopes:
    """Return the paired scores of a comparison, one per distinct evaluation part."""
    before, after = scored(contrast.reference, metric, target), scored(result, metric, target)
    assert before is not None
    assert after is not None  # a comparison has both
    test, interval = contrast.comparison.corrected_t, contrast.comparison.max_se.interval
    return Slopes(
        reference=contrast.reference.label,
        other=result.label,
        before=tuple((100 * before.values).tolist()),
        after=tuple((100 * after.values).tolist()),
        difference=100 * interval.estimate,
        thick=(100 * interval.low, 100 * interval.high),
        thin=(100 * test.interval.low, 100 * test.interval.high) if test else None,
        verdict=contrast.verdict.phrase,
        digits=digits,
    )


def shared_limits(shown: Iterable[Slopes]) -> tuple[float, float]:
    """Return the ends of one axis of scores for several comparisons, with a margin."""
    ends = [end for one in shown for end in one.ends]
    margin = 0.05 * (max(ends) - min(ends)) or 1.0
    return min(ends) - margin, max(ends) + margin


def paint_slopes(figure: Figure, shown: tuple[Slopes, ...], unit: str, limits: tuple[float, float]) -> None:
    """Fill a figure with one panel per comparison, all on one axis."""
    for number, one in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), number + 1)
        axes.set_ylim(limits)
        _paint_folds(axes, one)
        _paint_difference(axes, one)
        axes.set_xticks((0, 1, 2), [wrapped(one.reference, 16, 3), wrapped(one.other, 16, 3), "difference"], fontsize=8)
        axes.set_xlim(-0.35, 2.4)
        axes.set_ylabel(unit if number == 0 else "")
        axes.set_title(f"{_difference(one)}, {one.verdict}", fontsize=9)
        bare(axes, "left", "bottom")


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the two headline comparisons of each part; parts on one cohort share their axis."""
    found = [(part, one, _shown(one)) for part in shown_parts(run) if (one := compared(part)) is not None]
    scales: dict[tuple[str, str], list[Slopes]] = {}
    for part, one, shown in found:
        scales.setdefault((part.planned.fingerprint, one.metric), []).extend(shown)
    return tuple(
        _drawn(part, one, shown, shared_limits(scales[part.planned.fingerprint, one.metric]))
        for part, one, shown in found
    )


def _shown(found: Compared) -> tuple[Slopes, ...]:
    digits, target = difference_digits(found.family.values()), found.specification.target
    return tuple(
        slopes_info(result, contrast, found.metric, target, digits=digits) for result, contrast in found.headline()
    )


def _difference(one: Slopes) -> str:
    return f"{points(one.difference, signed=True, digits=one.digits)} {span(one.thick, digits=one.digits)}"


def _drawn(part: Part, found: Compared, shown: tuple[Slopes, ...], limits: tuple[float, float]) -> Drawn:
    assert part.context is not None
    name, unit = stem("slopes", part), f"{METRICS[found.metric]}, percent"
    svg, pdf = draw(name, (3.9 * len(shown), 3.7), lambda figure: paint_slopes(figure, shown, unit, limits))
    method = method_name(found.headline(1)[0][1].comparison.max_se.interval.method)
    thin = " Thin: Nadeau-Bengio 95 % interval." if shown[0].thin else ""
    lines = "Each line is one fold" if len(shown[0].before) > 1 else "The line is the one split"
    said = "; ".join(
        f"{brief(one.other)} against {brief(one.reference)}: "
        f"{points(one.difference, signed=True, digits=one.digits)} points {span(one.thick, digits=one.digits)}, "
        f"{one.verdict}, higher in "
        f"{sum(b > a for a, b in zip(one.before, one.after, strict=True))} of {len(one.before)} folds"
        for one in shown
    )
    return Drawn(
        name=name,
        title=with_arm("Fold by fold: the best against their reference", part),
        caption=(
            f"{lines}, {METRICS[found.metric]} in percent under the reference and under the other configuration. At "
            "right the mean paired difference in percentage points, on an axis whose 0 is the reference's mean. "
            f"Thick: 95 % interval ({method}).{thin} {shown_of(found, len(shown))} "
            f"{data_sentence(part.context)}"
        ),
        alternative=f"Paired {METRICS[found.metric]} of each fold with the mean difference. {said}.",
        section="comparisons",
        svg=svg,
        pdf=pdf,
    )


def _paint_folds(axes: Axes, one: Slopes) -> None:
    few = len(one.before) <= 12
    for before, after in zip(one.before, one.after, strict=True):
        axes.plot((0, 1), (before, after), color=MAIN, linewidth=0.9 if few else 0.5, alpha=0.6)
        if few:
            axes.plot((0, 1), (before, after), color=MAIN, marker="o", markersize=3.5, linestyle="none")
    for place, values in ((0, one.before), (1, one.after)):
        axes.plot((place - 0.12, place + 0.12), [np.mean(values)] * 2, color="black", linewidth=1.6)


def _paint_difference(axes: Axes, one: Slopes) -> None:
    base, mean = one.base, one.base + one.difference
    axes.plot((0.12, 2.4), (base, base), color=RULE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.plot((1.12, 2), (mean, mean), color=RULE, linewidth=0.6, zorder=0)
    if one.thin:
        axes.plot((2, 2), [base + bound for bound in one.thin], color=SECOND, linewidth=0.9)
    axes.plot((2, 2), [base + bound for bound in one.thick], color=SECOND, linewidth=3.2, alpha=0.5)
    axes.plot(2, mean, color=SECOND, marker="o", markersize=6)
    scale = axes.secondary_yaxis("right", functions=(_shift(-base), _shift(base)))
    scale.set_ylabel("difference, percentage points", fontsize=8)
    scale.tick_params(colors=SECOND, labelsize=8)


def _shift(by: float) -> Callable[[ArrayLike], ArrayLike]:
    """The map between the two axes: scores to differences and back."""
    return lambda values: np.asarray(values) + by
