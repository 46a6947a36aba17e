"""Reliability: how often the decided class is right, by how probable the model called it (Guo et al. 2017)."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from analysis.calibration import Reliability, reliability
from analysis.evaluation import ConfigurationResult
from analysis.figures.base import MAIN, RULE, SECOND, Drawn, draw
from analysis.figures.marks import bare, brief, points, wrapped
from analysis.figures.selection import heading, leaders, main_target, one_of_targets, shown_leaders, shown_parts, stem
from analysis.run import Part, Run
from analysis.tables.caption import data_sentence

FEWEST = 10
"""Samples of a bin below which the curve leaves it out: its share of right decisions says nothing."""


@dataclass(frozen=True)
class ReliabilityCurve:
    """The bins of one configuration, all folds pooled; `error` is the mean of the fold ECEs in percent."""

    label: str
    bins: Reliability
    error: float

    @property
    def shown(self) -> np.ndarray:
        """Which bins the curve goes through, (B,)."""
        return self.bins.counts >= FEWEST


def reliability_info(result: ConfigurationResult, target: str) -> ReliabilityCurve | None:
    """Return the curve of a configuration; None where its scores are no probabilities."""
    errors = [result.metrics[fold][target].ece for fold in sorted(result.metrics)]
    if not errors or not np.isfinite(errors).all():
        return None
    parts = [result.predictions[fold] for fold in sorted(result.predictions)]
    labels = np.concatenate([part.labels[target] for part in parts])
    probabilities = np.concatenate([part.probabilities[target] for part in parts])
    return ReliabilityCurve(result.label, reliability(labels, probabilities), 100 * float(np.mean(errors)))


def paint_reliability(figure: Figure, curves: tuple[ReliabilityCurve, ...], sample: str) -> None:
    """Fill a figure: for each configuration the curve, and below it how many samples each bin holds."""
    panels = figure.subplots(2, len(curves), squeeze=False, sharex=True, height_ratios=(3, 1))
    for number, one in enumerate(curves):
        above, below = panels[:, number]
        bins, filled = one.bins, one.shown
        middle, width = 50 * (bins.low + bins.high), 100 * (bins.high - bins.low)
        above.plot((0, 100), (0, 100), color=RULE, linewidth=0.8, linestyle=(0, (4, 3)))
        above.vlines(
            100 * bins.confidence[filled],
            100 * bins.confidence[filled],
            100 * bins.accuracy[filled],
            color=SECOND,
            linewidth=1.2,
        )
        above.plot(
            100 * bins.confidence[filled], 100 * bins.accuracy[filled], "o-", color=MAIN, markersize=4, linewidth=1
        )
        above.set_title(wrapped(one.label, 36), fontsize=9)
        above.text(97, 5, f"ECE {points(one.error)}", ha="right")
        above.set_xlim(0, 100)
        above.set_ylim(0, 100)
        below.bar(middle, bins.counts, 0.9 * width, color=MAIN, alpha=0.45)
        below.set_xlabel("probability of the decided class, %")
        if number == 0:
            above.set_ylabel("correct, %")
            below.set_ylabel(f"{sample}s")
        for axes in (above, below):
            bare(axes, "left", "bottom")


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the reference and the best configuration of each part."""
    drawn = []
    for part in shown_parts(run):
        target = main_target(part)
        every = (reliability_info(result, target) for result in leaders(part, target, 2))
        if curves := tuple(one for one in every if one is not None):
            drawn.append(_drawn(part, target, curves))
    return tuple(drawn)


def _drawn(part: Part, target: str, curves: tuple[ReliabilityCurve, ...]) -> Drawn:
    assert part.context is not None
    name, sample = stem("reliability", part), part.context.cohort.sample
    svg, pdf = draw(name, (3.6 * len(curves), 4.1), lambda figure: paint_reliability(figure, curves, sample))
    said = "; ".join(f"{brief(one.label)}: ECE {points(one.error)} percent, {_lean(one.bins)}" for one in curves)
    return Drawn(
        name=name,
        title=heading("Are the probabilities as good as they say?", part),
        caption=(
            f"Top: share of correct decisions in {len(curves[0].bins.low)} bins of the probability of the most "
            f"probable class, all folds pooled, where a bin holds at least {FEWEST} {sample}s; on the "
            "dashed line they agree, below it the model is too sure. Bottom: "
            f"{sample}s in each bin. ECE: expected calibration error (Guo et al. 2017) in percent, the mean of the "
            f"folds over all bins; it is biased upwards.{one_of_targets(part, target)} "
            f"{shown_leaders(part, len(curves))} {data_sentence(part.context)}"
        ),
        alternative=f"Reliability curves. {said}.",
        section="classes",
        svg=svg,
        pdf=pdf,
    )


def _lean(bins: Reliability) -> str:
    """Say whether a model is too sure or not sure enough, over all samples."""
    filled = bins.counts > 0
    weights = bins.counts[filled] / bins.counts.sum()
    gap = 100 * float((weights * (bins.confidence[filled] - bins.accuracy[filled])).sum())
    word = "too sure" if gap > 0 else "not sure enough"
    return f"{word} by {points(abs(gap))} points on average"
