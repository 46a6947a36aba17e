"""Confusion matrices with rows normalised: of the samples of a class, the share decided for each class, with counts."""

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.evaluation import ConfigurationResult
from analysis.figures.base import Drawn, draw
from analysis.figures.marks import bare, brief, legible, points, text_colour, wrapped
from analysis.figures.selection import heading, leaders, main_target, one_of_targets, shown_leaders, shown_parts, stem
from analysis.run import Part, Run
from analysis.tables.caption import data_sentence

COLOURS = "Blues"
MOST_CLASSES = 20
ABREAST = 8
"""Classes up to which two matrices stand side by side."""


@dataclass(frozen=True)
class Confusion:
    """Decisions of one configuration over all folds and repeats: `counts` (C, C), true classes down."""

    label: str
    classes: tuple[str, ...]
    counts: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Each row divided by its sum (C, C), in percent; NaN for a class without samples."""
        totals = self.counts.sum(axis=1, keepdims=True)
        return np.divide(100.0 * self.counts, totals, out=np.full(self.counts.shape, np.nan), where=totals > 0)


def confusion_info(result: ConfigurationResult, target: str) -> Confusion:
    """Count the out-of-fold decisions of a configuration on one target."""
    classes = result.targets[target]
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    for part in result.predictions.values():
        np.add.at(counts, (part.labels[target], part.decisions(target)), 1)
    return Confusion(result.label, tuple(classes), counts)


def paint_confusions(figure: Figure, shown: tuple[Confusion, ...]) -> None:
    """Fill a figure with one matrix per configuration, side by side while the classes are few."""
    abreast = len(shown[0].classes) <= ABREAST
    shape = (1, len(shown)) if abreast else (len(shown), 1)
    for number, one in enumerate(shown):
        axes = figure.add_subplot(*shape, number + 1)
        _paint(axes, one)
        axes.set_title(wrapped(one.label, max(30, 6 * len(one.classes))), fontsize=9)
        axes.set_ylabel("true class" if number == 0 or not abreast else "")
        if number and abreast:
            axes.set_yticks([])


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the reference and the best configuration of each part."""
    return tuple(
        _drawn(part)
        for part in shown_parts(run)
        if leaders(part, main_target(part), 1) and len(_classes(part)) <= MOST_CLASSES
    )


def _classes(part: Part) -> tuple[str, ...]:
    return next(result.targets[main_target(part)] for result in part.results if result.complete)


def _drawn(part: Part) -> Drawn:
    assert part.context is not None
    target = main_target(part)
    shown = tuple(confusion_info(result, target) for result in leaders(part, target, 2))
    name = stem("confusion", part)
    svg, pdf = draw(name, _size(shown), lambda figure: paint_confusions(figure, shown))
    repeats = part.context.folds.repeats
    counted = f"each sample counts once in each of {repeats} repeats" if repeats > 1 else "each sample counts once"
    said = "; ".join(f"{brief(one.label)}: {_largest_error(one)}" for one in shown)
    return Drawn(
        name=name,
        title=heading("Confusion of classes", part),
        caption=(
            "Share of each true class (row) that is decided for each class (column), in percent, with the number of "
            f"{part.context.cohort.sample}s below; out-of-fold decisions of all folds, {counted}. Pooled shares differ "
            f"a little from the mean over folds of the tables.{one_of_targets(part, target)} "
            f"{shown_leaders(part, len(shown))} {data_sentence(part.context)}"
        ),
        alternative=f"Row-normalised confusion matrix of {len(shown[0].classes)} classes. {said}.",
        section="classes",
        svg=svg,
        pdf=pdf,
    )


def _size(shown: tuple[Confusion, ...]) -> tuple[float, float]:
    """Room for square cells, slanted class names and titles of two lines."""
    side, longest = max(2.2, 0.47 * len(shown[0].classes)), max(len(name) for name in shown[0].classes)
    names = 0.07 * min(longest, 18) if longest > 5 else 0.0
    height = 1.0 + side + names
    abreast = len(shown[0].classes) <= ABREAST
    return (1.0 + names + side * len(shown), height) if abreast else (1.2 + names + side, height * len(shown))


def _largest_error(one: Confusion) -> str:
    """Name the recalls and the most frequent confusion in words."""
    shares = one.shares
    recalls = ", ".join(
        f"{legible(name)} {'no sample' if np.isnan(share) else points(share)}"
        for name, share in zip(one.classes, np.diag(shares), strict=True)
    )
    errors = np.where(np.isnan(shares), -1.0, shares)
    np.fill_diagonal(errors, -1.0)
    row, column = np.unravel_index(int(errors.argmax()), errors.shape)
    if errors[row, column] <= 0:
        return f"recall {recalls}; no confusion"
    worst = f"{legible(one.classes[row])} as {legible(one.classes[column])}, {points(errors[row, column])} percent"
    return f"recall {recalls}; most frequent confusion {worst}"


def _paint(axes: Axes, one: Confusion) -> None:
    shares, colours = one.shares, matplotlib.colormaps[COLOURS]
    size = len(one.classes)
    for row in range(size):
        for column in range(size):
            share = shares[row, column]
            colour = "#eeeeee" if np.isnan(share) else colours(0.9 * share / 100)
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, edgecolor="white", linewidth=0.8))
            ink, count = text_colour(colour), int(one.counts[row, column])
            if np.isnan(share):
                axes.text(column + 0.5, row + 0.5, "–", ha="center", va="center", color=ink, fontsize=8)
            elif count:
                axes.text(
                    column + 0.5, row + 0.36, points(share, digits=0), ha="center", va="center", color=ink, fontsize=8
                )
                axes.text(column + 0.5, row + 0.73, f"{count:,}", ha="center", va="center", color=ink, fontsize=6)
    names = [wrapped(name, 18, 1) for name in one.classes]
    slanted = any(len(name) > 5 for name in names)
    axes.set_xticks(np.arange(size) + 0.5, names, rotation=90 if slanted else 0, fontsize=8)
    axes.set_yticks(np.arange(size) + 0.5, names, fontsize=8)
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    axes.set_aspect("equal")
    axes.set_xlabel("decided class")
    axes.tick_params(length=0)
    bare(axes)
