"""Recall of each class as dots: what the reference and the best configurations recognise, with the size of each class.

A large dot is the mean over folds, the small ones are the folds: their spread is no interval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.evaluation import ClassCount, ConfigurationResult
from analysis.figures.base import RULE, Drawn, draw
from analysis.figures.marks import SERIES, bare, brief, legible, points, series_key, wrapped
from analysis.figures.selection import (
    PICKED,
    heading,
    leaders,
    main_target,
    one_of_targets,
    shown_leaders,
    shown_parts,
    stem,
)
from analysis.run import Part, Run
from analysis.tables.caption import data_sentence

MOST_CLASSES, MOST_SERIES = 20, 4


@dataclass(frozen=True)
class ClassRecalls:
    """Classes down (with their samples and groups), and for each configuration its recalls in percent.

    `means` (configurations, C) hold NaN for a class that no fold has; `folds` (configurations, C) the values of the
    folds that have it. `styles` are places in `SERIES`. `left_out` counts the classes beyond what one figure shows, the
    smallest ones.
    """

    classes: tuple[ClassCount, ...]
    labels: tuple[str, ...]
    styles: tuple[int, ...]
    means: tuple[tuple[float, ...], ...]
    folds: tuple[tuple[tuple[float, ...], ...], ...]
    left_out: int


def class_recall_info(
    results: tuple[ConfigurationResult, ...], target: str, styles: Mapping[str, int] = MappingProxyType({})
) -> ClassRecalls:
    """Return the recalls of complete configurations of one part on one target.

    Args:
        results: those to show.
        target: of the cohort.
        styles: colour and marker by label, places in `SERIES`; a label that is missing has that of its place.
    """
    counts = results[0].counts[target]
    largest = sorted(range(len(counts)), key=lambda number: -counts[number].n_samples)[:MOST_CLASSES]
    shown = [number for number in range(len(counts)) if number in largest]
    folds = tuple(
        tuple(tuple((100 * values[~np.isnan(values)]).tolist()) for values in result.fold_recalls(target).T[shown])
        for result in results
    )
    return ClassRecalls(
        classes=tuple(counts[number] for number in shown),
        labels=tuple(result.label for result in results),
        styles=tuple(styles.get(result.label, place) for place, result in enumerate(results)),
        means=tuple(tuple(float(np.mean(one)) if one else float("nan") for one in series) for series in folds),
        folds=folds,
        left_out=len(counts) - len(shown),
    )


def paint_class_recall(figure: Figure, recalls: ClassRecalls, sample: str, group: str) -> None:
    """Fill a figure, one band per class, one lane in it per configuration."""
    axes = figure.add_subplot()
    for place in range(len(recalls.classes)):
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color="#f4f4f4", zorder=0)
        _paint_class(axes, place, recalls)
    axes.set_yticks(
        range(len(recalls.classes)),
        [
            f"{wrapped(one.name, 30, 1)}\n{one.n_samples:,} {sample}s / {one.n_groups:,} {group}s"
            for one in recalls.classes
        ],
        fontsize=8,
    )
    axes.set_ylim(len(recalls.classes) - 0.5, -0.5)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("recall, percent")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=RULE, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    bare(axes, "bottom")
    series_key(axes, list(recalls.labels), styles=recalls.styles)


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the reference and the best configurations of each part; one colour means one configuration in all parts."""
    found = [(part, leaders(part, main_target(part), MOST_SERIES)) for part in shown_parts(run)]
    labels = dict.fromkeys(one.label for _, shown in found for one in shown)
    styles = {label: place for place, label in enumerate(labels)}
    return tuple(_drawn(part, shown, styles) for part, shown in found if shown)


def _drawn(part: Part, shown: tuple[ConfigurationResult, ...], styles: Mapping[str, int]) -> Drawn:
    assert part.context is not None
    target = main_target(part)
    recalls = class_recall_info(shown, target, styles)
    sample, group = part.context.cohort.sample, part.context.cohort.group
    lane = max(0.42, 0.13 * len(shown))
    size = (7.2, 1.0 + 0.2 * ((len(shown) + 1) // 2) + lane * len(recalls.classes))
    name = stem("class_recall", part)
    svg, pdf = draw(name, size, lambda figure: paint_class_recall(figure, recalls, sample, group))
    complete = sum(one.complete for one in part.results)
    of_all = (
        f"Shown are the reference, where there is one, and the best by MCR of {complete} complete configurations. "
        f"{PICKED}"
        if len(shown) > 1
        else shown_leaders(part, 1)
    )
    left_out = f" The {recalls.left_out} smallest classes are not shown." if recalls.left_out else ""
    said = "; ".join(
        f"{legible(one.name)} "
        + ", ".join("no fold has it" if np.isnan(means[place]) else points(means[place]) for means in recalls.means)
        for place, one in enumerate(recalls.classes)
    )
    return Drawn(
        name=name,
        title=heading("Recall of each class", part),
        caption=(
            "Recall of each class in percent: large marks are means over folds, small dots the folds, whose spread is "
            f"no interval. Under each class its {sample}s and {group}s.{one_of_targets(part, target)} "
            f"{of_all}{left_out} {data_sentence(part.context)}"
        ),
        alternative=f"Recall by class, percent, for {'; '.join(map(brief, recalls.labels))}, in this order. {said}.",
        section="classes",
        svg=svg,
        pdf=pdf,
    )


def _paint_class(axes: Axes, place: int, recalls: ClassRecalls) -> None:
    count = len(recalls.labels)
    for number in range(count):
        colour, marker = SERIES[recalls.styles[number] % len(SERIES)]
        height = place + 0.76 * (number - (count - 1) / 2) / count
        values, mean = recalls.folds[number][place], recalls.means[number][place]
        axes.plot(values, [height] * len(values), ".", color=colour, markersize=3, alpha=0.55)
        if not np.isnan(mean):
            axes.plot(
                mean, height, marker=marker, color=colour, markersize=5.5, markeredgecolor="white", markeredgewidth=0.5
            )
