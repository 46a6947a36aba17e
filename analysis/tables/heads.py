"""The table of heads: configurations down; the combined prediction and the head of each image across.

Where every image of a sample has heads of its own, the prediction that the ledger holds is their mean; what each head
scores alone is in the record of a fold fit only. So the combined score has an interval, a head its fold SD.
"""

from collections.abc import Sequence
from statistics import fmean, stdev

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.scoring import METRICS
from analysis.tables.caption import LONG_NAMES, caption, interval_note, study_notes, undefined_notes
from analysis.tables.completeness import dropped_note, stamps
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import chosen
from analysis.tables.dimensions import flat
from analysis.tables.formatting import score_digits
from analysis.tables.levels import blank, in_order, is_single_split, level_cells
from analysis.tables.records import record
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell, Column, Table

SETTING = "modalities.heads"
LATE = "late"


def check_heads(specification: TableSpecification, results: Sequence[ConfigurationResult]) -> None:
    """Check that a table of heads will have any.

    Raises:
        AnalysisError: no configuration has separate heads.
    """
    if not any(flat(result.configuration).get(SETTING) == "separate" for result in chosen(specification, results)):
        raise AnalysisError(
            f"table {specification.name}: kind heads needs a configuration with {SETTING}: separate, there is none"
        )


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table, `<name>`, with a group of columns for each metric.

    Raises:
        AnalysisError: an unknown setting or target, or no configuration with separate heads.
    """
    check_heads(specification, results)
    shown, target = in_order(specification, results), specification.target
    single_split = is_single_split(shown, specification.metrics[0], target)
    images = _images(shown)
    combined = {metric: level_cells(shown, metric, target) for metric in specification.metrics}
    metrics = ", ".join(LONG_NAMES[metric] for metric in specification.metrics)
    return (
        Table(
            name=specification.name,
            title=specification.title,
            caption=caption(context, f"{metrics}, of all images together and of the heads of each", target),
            columns=(
                Column("configuration"),
                *(
                    Column(f"{part}, %", "percent", METRICS[metric], digits=score_digits(results, metric, target))
                    for metric in specification.metrics
                    for part in ("combined", *images)
                ),
            ),
            rows=tuple(
                (
                    Cell(text=result.label),
                    *(
                        cell
                        for metric in specification.metrics
                        for cell in (
                            combined[metric][result.identifier],
                            *(_head_cell(result, metric, image) for image in images),
                        )
                    ),
                )
                for result in shown
            ),
            notes=(
                "Combined: the mean of the heads' probabilities (weighted where the configuration says so)"
                f"{_spreads(single_split)} –: the configuration has no head of its own for it. They are means over all "
                "targets.",
                *_content_notes(shown),
                interval_note(context, single_split=single_split),
                *(note for metric in specification.metrics for note in undefined_notes(shown, metric, target)),
                *study_notes(context, shown),
                *dropped_note(results),
            ),
            stamps=stamps(shown),
            records=tuple(
                row for result in shown for metric in specification.metrics for row in _records(result, metric, target)
            ),
        ),
    )


def head_scores(result: ConfigurationResult, metric: str, image: str) -> tuple[float, ...]:
    """Return what the heads of one image scored in each done fold, in order, as fractions; empty without such heads."""
    found = [result.reported[fold].get(f"{metric}:{image}") for fold in sorted(result.reported)]
    return tuple(score for score in found if score is not None)


def _spreads(single_split: bool) -> str:
    if single_split:
        return "."
    return (
        ", brackets: max-SE interval. The heads of one image: mean over folds ± SD over folds, a spread, not an "
        "interval;"
    )


def _content_notes(shown: Sequence[ConfigurationResult]) -> tuple[str, ...]:
    """What heads decide by, and what is in the combined prediction only."""
    settings = [flat(result.configuration) for result in shown]
    notes = []
    if any(one.get("head.threshold") == "youden" for one in settings):
        notes.append("The heads of an image decide at thresholds of their own, chosen on the same inner part.")
    if any(one.get("fusion.name") == LATE for one in settings):
        notes.append(f"Fusion {LATE}: combined holds the estimator on the metadata, the heads of an image do not.")
    return tuple(notes)


def _images(shown: Sequence[ConfigurationResult]) -> tuple[str, ...]:
    names = [name for result in shown for reported in result.reported.values() for name in reported]
    return tuple(dict.fromkeys(name.partition(":")[2] for name in names if name.startswith("mcr:")))


def _head_cell(result: ConfigurationResult, metric: str, image: str) -> Cell:
    if not result.complete:
        return blank(result)
    scores = head_scores(result, metric, image)
    return Cell(fmean(scores), spread=stdev(scores) if len(scores) > 1 else None) if scores else MISSING


def _records(result: ConfigurationResult, metric: str, target: str | None) -> list[dict[str, object]]:
    """The combined score, then each head's mean and SD over folds."""
    rows = [record(result, metric, target, None, is_reference=False) | {"head": "combined"}]
    for image in _images([result]) if result.complete else ():
        scores = head_scores(result, metric, image)
        rows.append(
            {
                "configuration": result.identifier,
                "label": result.label,
                "metric": metric,
                "is_reference": False,
                "estimate": fmean(scores) if scores else None,
                "fold_sd": stdev(scores) if len(scores) > 1 else None,
                "fold_scores": " ".join(repr(score) for score in scores),
                "head": image,
            }
        )
    return rows
