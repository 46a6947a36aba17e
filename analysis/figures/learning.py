"""Learning curves: loss, and MCR on the held-out training part, by epoch, every fold faint and their mean strong.

The inner part is a share of the training folds; the evaluation fold is predicted once, at the end, and has no curve.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from analysis.evaluation import ConfigurationResult
from analysis.figures.base import BAD, MAIN, SECOND, Drawn, draw
from analysis.figures.marks import bare, points, wrapped
from analysis.figures.selection import heading, stem
from analysis.run import Part, Run
from analysis.tables.formatting import score_digits

MOST_RANKED, MOST_UNFINISHED = 5, 2
"""Panels of one figure: complete configurations, and those that diverged or were dropped."""

ENDINGS = {"stopped early": ("o", MAIN), "diverged": ("X", BAD), "dropped after this fold": ("v", SECOND)}


@dataclass(frozen=True)
class FoldCurve:
    """One fold fit by epoch, (E,) each: training loss, and loss and MCR (percent) of the inner part where there is one.

    `ending` is a key of `ENDINGS`, or empty: it came to its last epoch.
    """

    repeat: int
    fold: int
    epochs: tuple[int, ...]
    loss: tuple[float, ...]
    inner_loss: tuple[float, ...]
    inner_mcr: tuple[float, ...]
    ending: str


@dataclass(frozen=True)
class LearningPanel:
    """One configuration; `outcome` says what it scored or why it has no score."""

    label: str
    outcome: str
    curves: tuple[FoldCurve, ...]

    @property
    def has_inner(self) -> bool:
        """Whether a part was kept aside that gives inner curves."""
        return any(curve.inner_mcr for curve in self.curves)


def learning_info(results: Sequence[ConfigurationResult]) -> tuple[LearningPanel, ...]:
    """Return the configurations of a part to show, best first.

    Of the complete ones, five at even steps from the best to the worst by MCR; of the others the first two.
    """
    trained = [result for result in results if any(result.histories.values())]
    complete = sorted((one for one in trained if one.complete), key=lambda one: -one.scores_of("mcr").estimate)
    places = [round(place) for place in np.linspace(0, len(complete) - 1, min(MOST_RANKED, len(complete)))]
    unfinished = [one for one in trained if not one.complete][:MOST_UNFINISHED]
    digits = score_digits(results, "mcr", None)
    return tuple(_panel(one, digits) for one in [*(complete[place] for place in places), *unfinished])


def mean_curve(curves: Sequence[FoldCurve], name: str) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return epochs and the mean over folds of `loss`, `inner_loss` or `inner_mcr`, as far as every fold came."""
    values = [getattr(curve, name) for curve in curves if getattr(curve, name)]
    if not values:
        return (), ()
    length = min(map(len, values))
    means = np.mean([one[:length] for one in values], axis=0)
    return max((curve.epochs for curve in curves), key=len)[:length], tuple(float(mean) for mean in means)


def paint_learning(figure: Figure, panels: Sequence[LearningPanel]) -> None:
    """Draw one row per configuration: loss at left, inner MCR at right where there is any."""
    columns = 2 if any(panel.has_inner for panel in panels) else 1
    grid = figure.subplots(len(panels), columns, sharex=True, squeeze=False)
    for axes, panel in zip(grid, panels, strict=True):
        _paint_lines(axes[0], panel.curves, "loss", MAIN, "-")
        _paint_lines(axes[0], panel.curves, "inner_loss", SECOND, "--")
        axes[0].set_ylabel("loss", fontsize=8)
        if columns == 2:
            axes[1].sharey(grid[0][1])
            _paint_lines(axes[1], panel.curves, "inner_mcr", SECOND, "--")
            axes[1].set_ylabel("held-out MCR, %", fontsize=8)
        _paint_heading(axes[0], wrapped(f"{panel.outcome}: {panel.label}", 100 if columns == 2 else 60))
    for axes in grid.ravel():
        bare(axes, "left", "bottom")
        axes.tick_params(labelsize=7)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
    figure.legend(handles=_legend(panels), loc="outside lower left", ncols=5, frameon=False, fontsize=8)


def build(run: Run) -> tuple[Drawn, ...]:
    """Return one figure per part whose fold fits learnt by epochs."""
    shown = [(part, panels) for part in run.parts if (panels := learning_info(part.results))]
    return tuple(_drawn(part, panels) for part, panels in shown)


def _panel(result: ConfigurationResult, digits: int) -> LearningPanel:
    return LearningPanel(result.label, _outcome(result, digits), tuple(_curves(result)))


def _outcome(result: ConfigurationResult, digits: int) -> str:
    if result.complete:
        return f"MCR {points(100 * result.scores_of('mcr').estimate, digits=digits)} %"
    if result.dropped is not None:
        return f"dropped by {result.dropped}, {result.progress} folds"
    states = dict.fromkeys(failure.state for failure in result.failures)
    return f"{result.progress} folds, {', '.join(states)}"


def _curves(result: ConfigurationResult) -> list[FoldCurve]:
    failed = {(failure.repeat, failure.fold): failure.state for failure in result.failures}
    planned = result.configuration.get("training", {}).get("epochs")
    with_history = {fold: history for fold, history in sorted(result.histories.items()) if history}
    curves = []
    for fold, history in with_history.items():
        ending = "diverged" if failed.get(fold) == "diverged" else ""
        if not ending and isinstance(planned, int) and len(history) < planned:
            ending = "stopped early"
        if not ending and result.dropped is not None and fold == max(with_history):
            ending = "dropped after this fold"
        curves.append(_curve(fold, history, ending))
    return curves


def _curve(fold: tuple[int, int], history: Sequence[Mapping[str, Any]], ending: str) -> FoldCurve:
    inner = [entry.get("inner") or {} for entry in history]

    def values(read: Callable[[int], Any], scale: float = 1.0) -> tuple[float, ...]:
        found = [read(place) for place in range(len(history))]
        return () if any(value is None for value in found) else tuple(scale * float(value) for value in found)

    return FoldCurve(
        repeat=fold[0],
        fold=fold[1],
        epochs=tuple(int(entry["epoch"]) for entry in history),
        loss=values(lambda place: history[place].get("loss")),
        inner_loss=values(lambda place: inner[place].get("loss")),
        inner_mcr=values(lambda place: inner[place].get("mcr"), 100.0),
        ending=ending,
    )


def _paint_lines(axes: Axes, curves: Sequence[FoldCurve], name: str, colour: str, line: str) -> None:
    for curve in curves:
        values = getattr(curve, name)
        if not values:
            continue
        axes.plot(curve.epochs, values, color=colour, linewidth=0.7, alpha=0.3, linestyle=line)
        if curve.ending:
            shape, of_ending = ENDINGS[curve.ending]
            axes.plot(curve.epochs[-1], values[-1], shape, color=of_ending, markersize=4.5, clip_on=False)
    epochs, means = mean_curve(curves, name)
    axes.plot(epochs, means, color=colour, linewidth=1.7, linestyle=line)


def _paint_heading(axes: Axes, text: str) -> None:
    """Write over both columns; the layout reserves the height only, or a long name would push the columns apart."""
    axes.set_title("\n".join(" " for _ in text.splitlines()), fontsize=8.5)
    heading = axes.annotate(text, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=8.5)
    heading.set_in_layout(False)


def _legend(panels: Sequence[LearningPanel]) -> list[Line2D]:
    lines = [Line2D([], [], color=MAIN, label="training part")]
    if any(panel.has_inner for panel in panels):
        lines.append(Line2D([], [], color=SECOND, linestyle="--", label="held-out training part"))
    found = {curve.ending for panel in panels for curve in panel.curves}
    marked = [(name, *style) for name, style in ENDINGS.items() if name in found]
    return lines + [
        Line2D([], [], linestyle="none", marker=shape, color=colour, label=name) for name, shape, colour in marked
    ]


def _drawn(part: Part, panels: Sequence[LearningPanel]) -> Drawn:
    confirmed = part.planned.role == "confirmation"
    name = stem("learning", part, *(["confirmation"] if confirmed else []))
    title = heading("Learning curves of the confirmation" if confirmed else "Learning curves", part)
    height = 0.7 + 1.35 * len(panels)
    wide = 7.2 if any(panel.has_inner for panel in panels) else 4.6
    svg, pdf = draw(name, (wide, height), lambda figure: paint_learning(figure, panels))
    inner = (
        " The held-out training part is kept aside from the training folds; no epoch is evaluated on the evaluation "
        "fold."
        if any(panel.has_inner for panel in panels)
        else ""
    )
    return Drawn(
        name=name,
        title=title,
        caption=(
            f"Thin: one fold fit; thick: mean over the fold fits, as far as all of them came.{inner} Losses of "
            f"different kinds are not comparable.{_rule(part.results, panels)}"
        ),
        alternative="Learning curves. " + " ".join(_sentence(panel) for panel in panels),
        section="training",
        svg=svg,
        pdf=pdf,
    )


def _rule(results: Sequence[ConfigurationResult], panels: Sequence[LearningPanel]) -> str:
    """Say which configurations are shown, of those with a curve and of all that were tried; empty where all are."""
    if len(panels) == len(results):
        return ""
    trained = [result for result in results if any(result.histories.values())]
    complete = sum(result.complete for result in trained)
    shown, others = min(MOST_RANKED, complete), len(trained) - complete
    told = []
    if shown < complete:
        told.append(f"of the {complete} that are complete, {shown} at even steps from the best to the worst")
    elif complete:
        told.append(f"the {complete} that {'are' if complete > 1 else 'is'} complete")
    if others:
        of = "" if others <= MOST_UNFINISHED else f"the first {MOST_UNFINISHED} of "
        told.append(f"{of}the {others} without a score")
    finished = "all" if len(trained) == len(results) else str(len(trained))
    return f" Of {len(results)} configurations {finished} finished a fold; shown: {'; '.join(told)}."


def _sentence(panel: LearningPanel) -> str:
    epochs, losses = mean_curve(panel.curves, "loss")
    _, inner = mean_curve(panel.curves, "inner_mcr")
    told = f"{panel.label}: {panel.outcome}; "
    loss = f"mean loss {losses[0]:.2f} to {losses[-1]:.2f} over {len(epochs)} epochs" if losses else "no loss recorded"
    return f"{told}{loss}{f', MCR on the held-out training part {inner[0]:.1f} to {inner[-1]:.1f} %' if inner else ''}."
