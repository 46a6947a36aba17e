"""The leaderboard of a search: complete configurations, best first, with what was varied and how they scored.

Only complete configurations stand in it; those that the search dropped, that failed or that are not finished are
counted in the notes. It compares nothing: whoever is first was chosen by the same folds, so no test applies.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.evaluation import ConfigurationResult
from analysis.scores import MetricScores
from analysis.scoring import LEADING, METRICS
from analysis.tables.caption import LONG_NAMES, caption, interval_note, study_notes, undefined_notes
from analysis.tables.completeness import dropped_note, stamps
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import scored
from analysis.tables.dimensions import Dimension, dimension, flat
from analysis.tables.formatting import score_digits
from analysis.tables.records import record
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell, Column, Table


def build(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext
) -> tuple[Table, ...]:
    """Return one table per metric, named `<name>_<metric>` and ranked by it; MCR and AUC stand beside.

    Raises:
        AnalysisError: an unknown target.
    """
    return tuple(_table(specification, results, context, metric) for metric in specification.metrics)


def ranked(
    results: Sequence[ConfigurationResult], metric: str, target: str | None
) -> tuple[tuple[ConfigurationResult, MetricScores], ...]:
    """Return the complete configurations that have the metric, best first; equal scores go by identifier."""
    found = [(result, scores) for result in results if (scores := scored(result, metric, target)) is not None]
    return tuple(sorted(found, key=lambda pair: (-pair[1].merit, pair[0].identifier)))


def varied(results: Sequence[ConfigurationResult], factors: Sequence[str]) -> tuple[Dimension, ...]:
    """Return the settings in which configurations differ, of `factors`, or of all settings where none are named."""
    settings = [flat(result.configuration) for result in results]
    known = dict.fromkeys(name for one in settings for name in one)
    found = [dimension(name, results) for name in factors or known if name in known]
    return tuple(one for one in found if len({one.level_of(result) for result in results}) > 1)


def _table(
    specification: TableSpecification, results: Sequence[ConfigurationResult], context: StudyContext, metric: str
) -> Table:
    target = specification.target
    order = ranked(results, metric, target)
    board = order[: specification.shown]
    settings = varied(results, context.factors)
    shown = [result for result, _ in board]
    several = len(specification.metrics) > 1
    return Table(
        name=f"{specification.name}_{metric}",
        title=f"{specification.title} ({METRICS[metric]})" if several else specification.title,
        caption=caption(context, LONG_NAMES[metric], target),
        columns=_columns(settings, metric, {name: score_digits(results, name, target) for name in _metrics(metric)}),
        rows=tuple(_row(place, result, settings, metric, target) for place, result in enumerate(shown, start=1)),
        notes=(
            _count_note(results, len(order), len(board)),
            *dropped_note(results),
            "Brackets: max-SE interval. Nothing is tested: the order was found on the folds that gave the scores.",
            interval_note(context, single_split=any(scores.single_split for _, scores in board)),
            *_no_effect_note(settings, shown),
            *undefined_notes(results, metric, target),
            *study_notes(context, shown),
        ),
        stamps=stamps(shown),
        records=tuple(
            {"rank": place} | record(result, metric, target, None, is_reference=False) | _levels(result, settings)
            for place, (result, _) in enumerate(order, start=1)
        ),
    )


def _columns(settings: Sequence[Dimension], metric: str, digits: Mapping[str, int]) -> tuple[Column, ...]:
    return (
        Column("rank"),
        *(Column(setting.title) for setting in settings),
        *(Column(f"{METRICS[name]}, %", "percent", digits=digits[name]) for name in _metrics(metric)),
        Column("folds"),
        Column("configuration"),
    )


def _metrics(metric: str) -> tuple[str, ...]:
    """The metric of the table first, then MCR and AUC."""
    return (metric, *(name for name in LEADING if name != metric))


def _row(
    place: int, result: ConfigurationResult, settings: Sequence[Dimension], metric: str, target: str | None
) -> tuple[Cell, ...]:
    levels = [setting.level_of(result) for setting in settings]
    scores = [scored(result, name, target) for name in _metrics(metric)]
    first, *others = [(one.estimate, one.max_se_interval()) if one else None for one in scores]
    assert first is not None
    return (
        Cell(text=str(place)),
        *(Cell(text=_text(setting, level)) for setting, level in zip(settings, levels, strict=True)),
        Cell(first[0], first[1].low, first[1].high),
        *(Cell(one[0]) if one else MISSING for one in others),
        Cell(text=result.progress),
        Cell(text=result.identifier),
    )


def _text(setting: Dimension, level: Any) -> str:
    """A level in a few characters; a setting without effect is a dash."""
    if level is None and not setting.is_subset:
        return "–"
    return f"{level:.3g}" if isinstance(level, float) else setting.text(level)


def _levels(result: ConfigurationResult, settings: Sequence[Dimension]) -> dict[str, Any]:
    """The varied settings for the long CSV, numbers in full."""
    levels = {setting.name: (setting, setting.level_of(result)) for setting in settings}
    return {
        name: level if level is None or isinstance(level, bool | int | float) else setting.text(level)
        for name, (setting, level) in levels.items()
    }


def _count_note(results: Sequence[ConfigurationResult], complete: int, shown: int) -> str:
    counts = Counter(_trouble(result) for result in results if result.unfinished)
    troubles = "".join(f", {counts[name]} {name}" for name in ("diverged", "failed", "not finished") if counts[name])
    what = "all of them are" if shown == complete else f"the best {shown} are"
    if not complete:
        return f"None of {len(results):,} configurations is complete{troubles}."
    return f"{complete:,} of {len(results):,} configurations are complete and {what} shown{troubles}."


def _trouble(result: ConfigurationResult) -> str:
    states = {failure.state for failure in result.failures}
    return "failed" if "failed" in states else "diverged" if "diverged" in states else "not finished"


def _no_effect_note(settings: Sequence[Dimension], shown: Sequence[ConfigurationResult]) -> tuple[str, ...]:
    dashes = any(setting.level_of(result) is None and not setting.is_subset for setting in settings for result in shown)
    return ("–: the setting has no effect in this configuration.",) if dashes else ()
