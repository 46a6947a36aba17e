"""The table by target: configurations down, the targets of a cohort across with their mean, one table per metric.

Each cell is a score with its interval. Printed figures stand in rows of their own: under the configuration that they
belong to, or below all where they belong to none of ours. The shape of the tables on derm7pt's eight targets.
"""

from collections.abc import Sequence

from analysis.evaluation import ConfigurationResult
from analysis.published import MEAN
from analysis.scoring import METRICS
from analysis.tables.caption import LONG_NAMES, caption, interval_note, marks_note, study_notes, undefined_notes
from analysis.tables.completeness import dropped_note, stamps
from analysis.tables.context import StudyContext
from analysis.tables.formatting import score_digits
from analysis.tables.levels import in_order, is_single_split, level_cells
from analysis.tables.published import published_beside
from analysis.tables.records import record
from analysis.tables.specification import TableSpecification
from analysis.tables.table import Cell, Column, Table


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table per metric, named `<name>_<metric>`.

    Raises:
        AnalysisError: an unknown setting.
    """
    shown = in_order(specification, results)
    return tuple(_table(specification, results, shown, context, metric) for metric in specification.metrics)


def _table(
    specification: TableSpecification,
    results: Sequence[ConfigurationResult],
    shown: Sequence[ConfigurationResult],
    context: StudyContext,
    metric: str,
) -> Table:
    names = list(context.cohort.classes)
    targets: list[str | None] = [*names, None] if len(names) > 1 else [*names]
    cells = {target: level_cells(shown, metric, target) for target in targets}
    published = published_beside(specification, context, (metric,))
    parts = [MEAN if target is None else target for target in targets]
    several = len(specification.metrics) > 1
    return Table(
        name=f"{specification.name}_{metric}",
        title=f"{specification.title} ({METRICS[metric]})" if several else specification.title,
        caption=caption(context, f"{LONG_NAMES[metric]} of each target", None),
        columns=(
            Column("configuration"),
            *(
                Column(f"{part}, %", "percent", digits=score_digits(results, metric, target))
                for target, part in zip(targets, parts, strict=True)
            ),
        ),
        rows=(
            *(
                row
                for result in shown
                for row in (
                    (Cell(text=result.label), *(cells[target][result.identifier] for target in targets)),
                    *(published.row(result, parts) if published else ()),
                )
            ),
            *(published.free_rows(parts) if published else ()),
        ),
        notes=(
            marks_note(single_split=is_single_split(shown, metric, None)),
            interval_note(context, single_split=is_single_split(shown, metric, None)),
            *dict.fromkeys(note for target in targets for note in undefined_notes(shown, metric, target)),
            *(published.notes(shown, parts) if published else ()),
            *study_notes(context, shown),
            *dropped_note(shown),
        ),
        stamps=stamps(shown),
        records=(
            *(
                record(result, metric, target, None, is_reference=False)
                | (published.fields(result, part) if published else {})
                for result in shown
                for target, part in zip(targets, parts, strict=True)
            ),
            *(published.free_records() if published else ()),
        ),
    )
