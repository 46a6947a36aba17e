"""Forest plot of differences: each compared configuration against its own reference, around 0.

For tables of comparisons with several references, or whose scores another forest shows already.
"""

from matplotlib.figure import Figure

from analysis.figures.base import Drawn, draw
from analysis.figures.forest import (
    MOST,
    POINTS,
    SHARED,
    ForestRow,
    ForestStyle,
    PlannedForest,
    forest_size,
    limits_by_scale,
    paint_forest,
    planned_forests,
)
from analysis.figures.marks import brief, points, span
from analysis.figures.selection import method_name, reference_words
from analysis.metrics import LOWER_IS_BETTER
from analysis.run import Run
from analysis.scoring import METRICS
from analysis.tables.caption import data_sentence
from analysis.tables.contrasts import Contrast, chosen, contrasts
from analysis.tables.formatting import difference_digits


def difference_rows(planned: PlannedForest) -> tuple[ForestRow, ...]:
    """Return a row per comparison in the order of the study, in percentage points; of many the largest gains.

    A label names the reference too where the table has several.
    """
    family, labels = _family(planned), _labels(planned)
    several = len({one.reference.identifier for one in family.values()}) > 1
    rows = []
    for identifier, one in family.items():
        interval, test = one.comparison.max_se.interval, one.comparison.corrected_t
        rows.append(
            ForestRow(
                label=f"{labels[identifier]} against {one.reference.label}" if several else labels[identifier],
                estimate=100.0 * interval.estimate,
                thick=(100.0 * interval.low, 100.0 * interval.high),
                thin=(100.0 * test.interval.low, 100.0 * test.interval.high) if test else None,
                verdict=one.verdict.phrase.partition(" ")[0],
                is_reference=False,
            )
        )
    better = -1 if planned.metric in LOWER_IS_BETTER else 1
    kept = sorted(rows, key=lambda row: -better * row.estimate)[:MOST]
    return tuple(row for row in rows if row in kept)


def build(run: Run) -> tuple[Drawn, ...]:
    """Draw the tables of comparisons that `planned_forests` leaves to differences."""
    found = [(one, difference_rows(one)) for one in planned_forests(run) if one.of_differences]
    drawn = [(planned, rows) for planned, rows in found if rows]
    limits = limits_by_scale(drawn)
    return tuple(_drawn(planned, rows, limits.get(planned.scale)) for planned, rows in drawn)


def _family(planned: PlannedForest) -> dict[str, Contrast]:
    kept = chosen(planned.specification, planned.part.results)
    return contrasts(planned.specification, kept, planned.metric)


def _labels(planned: PlannedForest) -> dict[str, str]:
    return {one.identifier: one.label for one in planned.part.results}


def _drawn(planned: PlannedForest, rows: tuple[ForestRow, ...], limits: tuple[float, float] | None) -> Drawn:
    name, family = f"differences_{planned.table.name}", _family(planned)
    short, digits = METRICS[planned.metric], difference_digits(family.values())
    style = ForestStyle(f"difference in {short}, percentage points", digits, signed=True, limits=limits)

    def paint(figure: Figure) -> None:
        paint_forest(figure, rows, style)

    svg, pdf = draw(name, forest_size(rows), paint)
    said = "; ".join(
        f"{brief(row.label)} {points(row.estimate, signed=True, digits=digits)} {span(row.thick, digits=digits)}"
        for row in rows
    )
    return Drawn(
        name=name,
        title=planned.table.title,
        caption=_caption(planned, rows, family, shared=limits is not None),
        alternative=f"Forest plot of {len(rows)} differences in {short}, percentage points. {said}.",
        section="comparisons",
        svg=svg,
        pdf=pdf,
    )


def _caption(planned: PlannedForest, rows: tuple[ForestRow, ...], family: dict[str, Contrast], *, shared: bool) -> str:
    assert planned.part.context is not None
    first = next(iter(family.values()))
    reference = reference_words(one.reference for one in family.values())
    sentences = [
        f"Difference in {METRICS[planned.metric]} of each configuration to {reference} over the same folds, in "
        "percentage points; dashed rule: no difference.",
        "Lower is better." if planned.metric in LOWER_IS_BETTER else "",
        f"Thick bars: 95 % interval ({method_name(first.comparison.max_se.interval.method)}).",
        "Thin bars: Nadeau-Bengio 95 % interval." if any(row.thin for row in rows) else "",
        POINTS.replace(" to it", ""),
        SHARED if shared else "",
        f"Shown are the {len(rows)} largest gains of {len(family)} comparisons." if len(rows) < len(family) else "",
        data_sentence(planned.part.context),
    ]
    return " ".join(sentence for sentence in sentences if sentence)
