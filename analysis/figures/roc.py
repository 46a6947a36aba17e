"""ROC curves, one class against the rest: each fold faint, all folds pooled thin, the mean AUC of the folds in numbers.

The pooled curve ranks scores of different models together and need not have the area that is printed.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from analysis.evaluation import ConfigurationResult
from analysis.figures.base import INK, MAIN, RULE, Drawn, draw
from analysis.figures.marks import brief, legible, points, wrapped
from analysis.figures.selection import PICKED_ONE, heading, leaders, main_target, one_of_targets, shown_parts, stem
from analysis.run import Part, Run
from analysis.tables.caption import data_sentence

MOST_CLASSES, ACROSS, MOST_FOLDS = 12, 4, 10
CORNERS = 120
"""Corners that a drawn curve keeps: a curve of ten thousand samples has more than a page can show."""

Curve = tuple[np.ndarray, np.ndarray]
"""False and true positive rates, fractions."""


@dataclass(frozen=True)
class ClassCurves:
    """The curves of one class: of the folds that hold it, and of all pooled; `auc` is the fold mean in percent."""

    name: str
    n_samples: int
    auc: float
    folds: tuple[Curve, ...]
    pooled: Curve


def roc_info(result: ConfigurationResult, target: str) -> tuple[ClassCurves, ...]:
    """Return the curves of the largest classes in declared order; of two classes those of the second only.

    A class that no fold has beside others has no curve and is left out.
    """
    counts = result.counts[target]
    numbers = [1] if len(counts) == 2 else sorted(range(len(counts)), key=lambda n: -counts[n].n_samples)[:MOST_CLASSES]
    folds = sorted(result.predictions)
    labels = {fold: result.predictions[fold].labels[target] for fold in folds}
    found = []
    for number in sorted(numbers):
        have = [fold for fold in folds if 0 < (labels[fold] == number).sum() < len(labels[fold])]
        if have:
            scores = {fold: result.predictions[fold].probabilities[target][:, number] for fold in have}
            curves = tuple(curve(labels[fold] == number, scores[fold]) for fold in have)
            pooled = curve(np.concatenate([labels[f] == number for f in have]), np.concatenate(list(scores.values())))
            auc = 100 * float(np.mean([result.metrics[fold][target].aucs[number] for fold in have]))
            found.append(ClassCurves(counts[number].name, counts[number].n_samples, auc, curves, pooled))
    return tuple(found)


def curve(positive: np.ndarray, scores: np.ndarray) -> Curve:
    """Return the ROC curve of scores (n,), thinned to `CORNERS` corners evenly along its length."""
    false, true, _ = roc_curve(positive, scores)
    if len(false) <= CORNERS:
        return false, true
    along = np.concatenate([[0.0], np.cumsum(np.diff(false) + np.diff(true))])
    kept = np.unique(np.searchsorted(along, np.linspace(0, along[-1], CORNERS)).clip(0, len(false) - 1))
    return false[kept], true[kept]


def paint_roc(figure: Figure, curves: tuple[ClassCurves, ...]) -> None:
    """Fill a figure with one panel per class."""
    columns = min(ACROSS, len(curves))
    rows = -(-len(curves) // columns)
    for number, one in enumerate(curves):
        axes = figure.add_subplot(rows, columns, number + 1)
        _paint(axes, one)
        axes.set_xticks((0, 0.5, 1), ["0", "50", "100"] if number + columns >= len(curves) else [])
        axes.set_yticks((0, 0.5, 1), ["0", "50", "100"] if number % columns == 0 else [])
    figure.supxlabel("false positives, percent", fontsize=9)
    figure.supylabel("true positives, percent", fontsize=9)


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the best configuration of each part."""
    drawn = []
    for part in shown_parts(run):
        target = main_target(part)
        best = max(
            leaders(part, target, len(part.results)),
            key=lambda one: one.scores_of("mcr", target).estimate,
            default=None,
        )
        if best is not None and (curves := roc_info(best, target)):
            drawn.append(_drawn(part, target, best, curves))
    return tuple(drawn)


def _drawn(part: Part, target: str, result: ConfigurationResult, curves: tuple[ClassCurves, ...]) -> Drawn:
    assert part.context is not None
    columns = min(ACROSS, len(curves))
    size = (max(2.9, 1.85 * columns + 0.4), 0.5 + (2.1 if columns > 1 else 2.6) * -(-len(curves) // columns))
    name = stem("roc", part)
    svg, pdf = draw(name, size, lambda figure: paint_roc(figure, curves))
    said = ", ".join(f"{legible(one.name)} {points(one.auc)}" for one in curves)
    folds = max(len(one.folds) for one in curves)
    of_folds = f"; the first {MOST_FOLDS} of {folds} fold fits are drawn" if folds > MOST_FOLDS else ""
    missing = len(result.targets[target]) - len(curves)
    left_out = (
        f" {missing} classes are not shown: they are the smallest, or no fold holds them."
        if missing and len(result.targets[target]) > 2
        else ""
    )
    picked = f" {PICKED_ONE}" if sum(one.complete for one in part.results) > 1 else ""
    return Drawn(
        name=name,
        title=heading("ROC curves of each class", part),
        caption=(
            f"One class against the rest under {brief(result.label)}, the best by MCR. Faint: each fold{of_folds}; "
            "dark: all folds pooled, which ranks scores of different models together. The number is the mean of the "
            f"fold AUCs in percent, as in the tables.{one_of_targets(part, target)}{left_out}{picked} "
            f"{data_sentence(part.context)}"
        ),
        alternative=f"ROC curves of {brief(result.label)}. Mean AUC of the folds in percent: {said}.",
        section="classes",
        svg=svg,
        pdf=pdf,
    )


def _paint(axes: Axes, one: ClassCurves) -> None:
    axes.plot((0, 1), (0, 1), color=RULE, linewidth=0.7, linestyle=(0, (4, 3)))
    for false, true in one.folds[:MOST_FOLDS]:
        axes.plot(false, true, color=MAIN, linewidth=0.8, alpha=0.3)
    axes.plot(*one.pooled, color=INK, linewidth=1.0)
    axes.set_title(f"{wrapped(one.name, 22)}\nn = {one.n_samples:,}", fontsize=8)
    axes.text(0.97, 0.06, f"AUC {points(one.auc)}", ha="right", fontsize=8.5)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    axes.tick_params(length=2, labelsize=7)
