"""Tables of recall, precision, F1, AUC or average precision: configurations down, classes across (MetaNet's Table 2).

The recalls are printed beside every MCR table because fusion can raise the mean while melanoma recall falls (MetaNet,
Table 2). Each cell is the mean over folds with the fold SD, which is a spread and no interval; the best of a column is
marked. Figures of a published table stand in a row of their own under the configuration they belong to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.errors import AnalysisError
from analysis.evaluation import ClassCount, ConfigurationResult
from analysis.published import MEAN
from analysis.scoring import METRICS
from analysis.tables.caption import MARKS, caption, study_notes
from analysis.tables.class_intervals import class_interval_fields
from analysis.tables.completeness import dropped_note, stamps
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import chosen, scored
from analysis.tables.dimensions import did_you_mean
from analysis.tables.formatting import score_digits
from analysis.tables.leaderboard import ranked
from analysis.tables.levels import sort_by_rows
from analysis.tables.published import published_beside
from analysis.tables.records import class_records
from analysis.tables.specification import PER_CLASS, TableSpecification
from analysis.tables.table import MISSING, Cell, Column, Table


@dataclass(frozen=True)
class Figure:
    """What stands in the cells: `word` names it, `of_classes` is its field in `FoldMetrics`.

    `means` are the metrics of the last columns, the first the mean over classes; `note` is what a reader must know.
    """

    word: str
    means: tuple[str, ...]
    of_classes: str
    note: str = ""

    @property
    def mean(self) -> str:
        """The metric that averages it over classes."""
        return self.means[0]

    def of_folds(self, result: ConfigurationResult, target: str) -> np.ndarray:
        """Return its values (J, C) in all done folds in order; NaN where a fold leaves a class undefined."""
        return np.array([getattr(result.metrics[fold][target], self.of_classes) for fold in sorted(result.metrics)])


RARE = "falls with the share of a class: it compares configurations on the same data, not classes."
FIGURES = {
    "per-class-recall": Figure("recall", ("mcr", "f1"), "recalls"),
    "per-class-precision": Figure("precision", ("precision",), "precisions", f"Precision {RARE}"),
    "per-class-f1": Figure("F1", ("f1",), "f1s"),
    "per-class-auc": Figure("one-vs-rest AUC", ("auc",), "aucs"),
    "per-class-average-precision": Figure(
        "average precision", ("average_precision",), "average_precisions", f"Average precision {RARE}"
    ),
}


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table per target, named `<name>`, or `<name>_<target>` when there are several.

    Raises:
        AnalysisError: an unknown setting or target.
    """
    kept = sort_by_rows(specification, chosen(specification, results))
    targets = list(context.cohort.classes)
    if specification.target is not None:
        if specification.target not in targets:
            hint = did_you_mean(specification.target, targets)
            raise AnalysisError(
                f"table {specification.name}: no target {specification.target!r}{hint} (known: {', '.join(targets)})"
            )
        targets = [specification.target]
    return tuple(_table(specification, kept, context, target, several=len(targets) > 1) for target in targets)


def _table(
    specification: TableSpecification,
    results: Sequence[ConfigurationResult],
    context: StudyContext,
    target: str,
    *,
    several: bool,
) -> Table:
    classes, figure = context.cohort.classes[target], FIGURES[specification.kind]
    of_target = target if len(context.cohort.classes) > 1 else None
    shown = _shown(specification, results, target)
    summaries = {result.identifier: _summary(figure.of_folds(result, target)) for result in shown if result.complete}
    published = published_beside(specification, context, (PER_CLASS[specification.kind],))
    digits = max(1, published.digits) if published else 1
    names = [count.name for count in classes]
    aside = (MISSING,) * len(figure.means)
    return Table(
        name=f"{specification.name}_{target}" if several else specification.name,
        title=f"{specification.title} ({target})" if several else specification.title,
        caption=caption(context, f"{figure.word} of each class and their mean ({METRICS[figure.mean]})", of_target),
        columns=(
            Column("configuration"),
            *(_class_column(count, context, digits) for count in classes),
            *(
                Column(f"{METRICS[mean]}, %", "percent", digits=max(digits, score_digits(results, mean, target)))
                for mean in figure.means
            ),
        ),
        rows=(
            *(
                row
                for result, cells in zip(shown, _marked(figure, shown, target, summaries, len(classes)), strict=True)
                for row in (
                    cells,
                    *((*one, *aside) for one in (published.row(result, names) if published else ())),
                )
            ),
            *(published.free_rows([*names, MEAN, *figure.means[1:]]) if published else ()),
        ),
        notes=(
            f"Under each class: {context.cohort.sample}s / {context.cohort.group}s. Cells: mean over folds ± SD over "
            f"folds, which is a spread, not an interval; the long CSV has {context.cohort.group}-clustered intervals."
            + (f" {MARKS}" if len(summaries) > 1 else ""),
            *([figure.note] if figure.note else []),
            *_limit_note(specification, results, len(shown)),
            *_absent_notes(shown, target),
            *_never_notes(shown, target, names),
            *(published.notes(shown, names) if published else ()),
            *study_notes(context, shown),
            *dropped_note(results),
        ),
        stamps=stamps(shown),
        records=tuple(
            row | bounds | (published.fields(result, str(row["class"])) if published else {})
            for result in shown
            if result.complete
            for row, bounds in zip(
                class_records(
                    result, target, PER_CLASS[specification.kind], figure.of_folds, summaries[result.identifier]
                ),
                class_interval_fields(result, target, PER_CLASS[specification.kind], summaries[result.identifier][0]),
                strict=True,
            )
        ),
    )


def _shown(
    specification: TableSpecification, results: Sequence[ConfigurationResult], target: str
) -> tuple[ConfigurationResult, ...]:
    """All that were not dropped, or with a limit the best that are complete."""
    if specification.shown is None:
        return tuple(result for result in results if result.dropped is None)
    return tuple(result for result, _ in ranked(results, "mcr", target)[: specification.shown])


def _limit_note(
    specification: TableSpecification, results: Sequence[ConfigurationResult], shown: int
) -> tuple[str, ...]:
    if specification.shown is None:
        return ()
    complete = sum(result.complete for result in results)
    return (f"Shown are the best {shown} by MCR of {complete:,} complete configurations.",)


def _class_column(count: ClassCount, context: StudyContext, digits: int) -> Column:
    return Column(count.name, "percent", subtitle=f"{count.n_samples:,} / {count.n_groups:,}", digits=digits)


def _summary(folds: np.ndarray) -> tuple[list[float], list[float | None]]:
    """Mean and SD over the folds in which a class occurs; NaN for a class that occurs in none."""
    means, sds = [], []
    for values in folds.T:
        present = values[~np.isnan(values)]
        means.append(float(present.mean()) if len(present) else float("nan"))
        sds.append(float(present.std(ddof=1)) if len(present) > 1 else None)
    return means, sds


def _row(
    result: ConfigurationResult,
    target: str,
    figure: Figure,
    summaries: dict[str, tuple[list[float], list[float | None]]],
    n_classes: int,
) -> tuple[Cell, ...]:
    if not result.complete:
        return (Cell(text=result.label), *([Cell(text=f"– ({result.progress})")] * (n_classes + len(figure.means))))
    means, sds = summaries[result.identifier]
    cells = [MISSING if np.isnan(mean) else Cell(mean, spread=sd) for mean, sd in zip(means, sds, strict=True)]
    over_classes = [scored(result, mean, target) for mean in figure.means]
    cells += [Cell(scores.estimate, spread=scores.fold_sd) if scores else MISSING for scores in over_classes]
    return (Cell(text=result.label), *cells)


def _marked(
    figure: Figure,
    shown: Sequence[ConfigurationResult],
    target: str,
    summaries: dict[str, tuple[list[float], list[float | None]]],
    n_classes: int,
) -> list[tuple[Cell, ...]]:
    """The rows with the best and the second best of each column marked; equal figures are no winners."""
    rows = [_row(result, target, figure, summaries, n_classes) for result in shown]
    columns = [list(column) for column in zip(*rows, strict=True)]
    for column in columns[1:]:
        found = sorted({cell.value for cell in column if cell.value is not None}, reverse=True)
        if len(found) > 1:
            column[:] = [
                replace(cell, bold=cell.value == found[0], underline=cell.value == found[1]) for cell in column
            ]
    return list(zip(*columns, strict=True))


def _never_notes(results: Sequence[ConfigurationResult], target: str, names: Sequence[str]) -> tuple[str, ...]:
    """Warn of configurations that never recognise a class: equal scores of two such models say nothing."""
    notes = []
    for position, name in enumerate(names):
        blind = [r.label for r in results if r.complete and not np.nansum(r.fold_recalls(target)[:, position])]
        if blind:
            notes.append(f"Warning: no sample of {name} is recognised by {', '.join(blind)}.")
    return tuple(notes)


def _absent_notes(results: Sequence[ConfigurationResult], target: str) -> tuple[str, ...]:
    complete = next((result for result in results if result.complete), None)
    if complete is None:
        return ()
    absent = np.isnan(complete.fold_recalls(target))
    names = [
        f"{count.name} (in {int(missing.sum())} of {len(missing)} folds)"
        for count, missing in zip(complete.counts[target], absent.T, strict=True)
        if missing.any()
    ]
    if not names:
        return ()
    return (f"Folds without a sample of a class leave it out of the mean: {', '.join(names)}.",)
