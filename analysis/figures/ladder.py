"""Ladder of metadata subsets: which fields each holds, and its difference to the reference, largest gain on top."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.evaluation import ConfigurationResult
from analysis.figures.base import INK, RULE, Drawn, draw
from analysis.figures.marks import SERIES, bare, points, series_key, span, wrapped
from analysis.figures.selection import method_name, reference_words, tables_of
from analysis.run import Part, Run
from analysis.scoring import METRICS
from analysis.tables import Table, TableSpecification
from analysis.tables.caption import data_sentence
from analysis.tables.contrasts import chosen, contrasts
from analysis.tables.formatting import difference_digits
from analysis.tables.grid import lay_out

CLEAR = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
"""Behind numbers that may lie on the rule at 0."""
MOST = 20
"""Subsets of one figure; of more, those with the largest gain."""


@dataclass(frozen=True)
class Step:
    """A difference to the reference in percentage points, with the interval that tables print; `series` is a place."""

    series: int
    difference: float
    low: float
    high: float
    mark: str


@dataclass(frozen=True)
class Rung:
    """One subset: its fields, and its differences under each level of the other factor."""

    fields: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def gain(self) -> float:
        """The mean difference over the levels of the other factor; subsets are sorted by it."""
        return sum(step.difference for step in self.steps) / len(self.steps)


@dataclass(frozen=True)
class Ladder:
    """Subsets by falling gain; `fields` are all fields in declared order, `series` the levels of the other factor.

    `reference` says whom differences are to, `digits` are their decimals in the tables.
    """

    fields: tuple[str, ...]
    series: tuple[str, ...]
    rungs: tuple[Rung, ...]
    left_out: int
    interval: str
    reference: str
    digits: int = 1


def ladder_info(
    specification: TableSpecification, results: Sequence[ConfigurationResult], metric: str
) -> Ladder | None:
    """Return the ladder of an ablation table with subsets down or across, against image only.

    None without two subsets that are compared, and where the reference holds fields itself: the differences then are
    not what a subset adds.

    Raises:
        AnalysisError: a specification that does not fit the configurations.
    """
    kept = chosen(specification, results)
    grid = lay_out(specification, kept)
    family = contrasts(specification, kept, metric)
    subsets, other, down = grid.rows, grid.columns, True
    if not grid.rows.is_subset:
        if grid.columns is None or not grid.columns.is_subset:
            return None
        subsets, other, down = grid.columns, grid.rows, False
    compared_with = {one.reference.identifier: one.reference for one in family.values()}
    if any(subsets.level_of(reference) for reference in compared_with.values()):
        return None
    levels = grid.column_levels if down else grid.row_levels
    steps: dict[tuple[str, ...], list[Step]] = {}
    method = ""
    for place, result in grid.cells.items():
        subset, level = place if down else place[::-1]
        if (contrast := family.get(result.identifier)) is not None:
            interval = contrast.comparison.max_se.interval
            ends, method = (100 * interval.low, 100 * interval.high), method_name(interval.method)
            step = Step(levels.index(level), 100 * interval.estimate, *ends, contrast.verdict.mark)
            steps.setdefault(tuple(subset), []).append(step)
    rungs = sorted((Rung(fields, tuple(found)) for fields, found in steps.items()), key=lambda rung: -rung.gain)
    if len(rungs) < 2:
        return None
    all_names = [f"{other.title} {other.text(level)}" for level in levels] if other else [""]
    shown, names = _with_marks(rungs[:MOST], all_names)
    return Ladder(
        fields=subsets.members,
        series=names,
        rungs=tuple(shown),
        left_out=len(rungs) - len(shown),
        interval=method,
        reference=reference_words(contrast.reference for contrast in family.values()),
        digits=difference_digits(family.values()),
    )


def _with_marks(rungs: Sequence[Rung], names: Sequence[str]) -> tuple[list[Rung], tuple[str, ...]]:
    """Leave out series without a difference, as that of the reference; steps are numbered anew."""
    kept = sorted({step.series for rung in rungs for step in rung.steps})
    places = {series: place for place, series in enumerate(kept)}
    steps = [tuple(replace(step, series=places[step.series]) for step in rung.steps) for rung in rungs]
    shown = [replace(rung, steps=of_rung) for rung, of_rung in zip(rungs, steps, strict=True)]
    return shown, tuple(names[series] for series in kept)


def paint_ladder(figure: Figure, ladder: Ladder, unit: str) -> None:
    """Fill a figure: the fields of each subset as dots at left, its differences at right."""
    widths = (0.22 * len(ladder.fields) + 0.2, 4.0)
    dots, gains = figure.subplots(1, 2, sharey=True, width_ratios=widths)
    _paint_fields(dots, ladder)
    _paint_gains(gains, ladder)
    gains.set_xlabel(unit)
    if len(ladder.series) > 1:
        series_key(gains, list(ladder.series), columns=3)


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the first metric of every ablation table of metadata subsets."""
    drawn = []
    for part in run.parts:
        for specification, metric, table in tables_of(part, ("ablation",)):
            if metric == specification.metrics[0]:
                ladder = ladder_info(specification, part.results, metric)
                if ladder is not None:
                    drawn.append(_drawn(part, metric, table, ladder))
    return tuple(drawn)


def _drawn(part: Part, metric: str, table: Table, ladder: Ladder) -> Drawn:
    assert part.context is not None
    name = f"ladder_{table.name}"
    unit = f"difference in {METRICS[metric]} to {ladder.reference}, percentage points"
    per_rung = max(0.26, 0.16 * len(ladder.series))
    size = (min(9.5, 4.8 + 0.22 * len(ladder.fields)), 1.5 + per_rung * len(ladder.rungs))
    svg, pdf = draw(name, size, lambda figure: paint_ladder(figure, ladder, unit))
    several = " Subsets are sorted by the mean over the series." if len(ladder.series) > 1 else ""
    left_out = f" The {ladder.left_out} subsets with the least gain are not shown." if ladder.left_out else ""
    said = "; ".join(
        f"{' + '.join(rung.fields) or 'none'} "
        + ", ".join(
            f"{_signed(step, ladder)}{step.mark} {span((step.low, step.high), digits=ladder.digits)}"
            for step in rung.steps
        )
        for rung in ladder.rungs
    )
    return Drawn(
        name=name,
        title=f"What each metadata subset adds ({METRICS[metric]})",
        caption=(
            f"Difference in {METRICS[metric]} to {ladder.reference} over the same folds, largest gain on top; dots say "
            f"which fields a subset holds. Bars: 95 % interval ({ladder.interval}); † supported, ‡ suggested, as in "
            f"the table “{table.title}”.{several}{left_out} {data_sentence(part.context)}"
        ),
        alternative=f"Metadata subsets by their gain in {METRICS[metric]}, percentage points. {said}.",
        section="results",
        svg=svg,
        pdf=pdf,
    )


def _paint_fields(axes: Axes, ladder: Ladder) -> None:
    for place, rung in enumerate(ladder.rungs):
        held = [number for number, field in enumerate(ladder.fields) if field in rung.fields]
        axes.plot(range(len(ladder.fields)), [place] * len(ladder.fields), "o", color="#dddddd", markersize=5)
        axes.plot(held, [place] * len(held), "o-", color=INK, markersize=5, linewidth=0.8)
    axes.set_xlim(-0.6, len(ladder.fields) - 0.4)
    axes.set_ylim(len(ladder.rungs) - 0.5, -0.5)
    axes.set_xticks(range(len(ladder.fields)), [wrapped(field, 24, 1) for field in ladder.fields], rotation=90)
    axes.xaxis.tick_top()
    axes.set_yticks([])
    axes.tick_params(length=0)
    bare(axes)


def _signed(step: Step, ladder: Ladder) -> str:
    return points(step.difference, signed=True, digits=ladder.digits)


def _paint_gains(axes: Axes, ladder: Ladder) -> None:
    count = len(ladder.series)
    for place, rung in enumerate(ladder.rungs):
        for step in rung.steps:
            colour, marker = SERIES[step.series % len(SERIES)]
            height = place + 0.7 * (step.series - (count - 1) / 2) / count
            axes.plot((step.low, step.high), (height, height), color=colour, linewidth=2.2, alpha=0.45)
            axes.plot(step.difference, height, color=colour, marker=marker, markersize=4.5)
            text = f"{_signed(step, ladder)}{step.mark}"
            if count == 1:
                whole = f" {text} {span((step.low, step.high), digits=ladder.digits)}"
                axes.annotate(whole, (1.0, height), xycoords=("axes fraction", "data"), va="center", fontsize=8)
            else:
                axes.annotate(
                    text,
                    (step.high, height),
                    (3, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=7,
                    color=colour,
                    bbox=CLEAR,
                )
    axes.axvline(0, color=RULE, linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    bare(axes, "bottom")
    axes.tick_params(axis="y", length=0)
