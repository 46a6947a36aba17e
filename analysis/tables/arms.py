"""Tables across the arms of a study: configurations down, one score per arm across.

An arm is the same study on another cohort or with other folds. Where two arms hold the same samples (a leak audit:
image-level against grouped folds), the difference to the first such arm stands beside. Their folds may differ, so
samples are what is paired: the interval comes from the paired influences of each sample, clustered by group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult
from analysis.scoring import METRICS
from analysis.statistics.comparisons import over_same_samples
from analysis.statistics.intervals import Interval
from analysis.tables.across_cohorts import across_fields, across_note
from analysis.tables.caption import LONG_NAMES, data_sentence, interval_note, study_notes, undefined_notes
from analysis.tables.completeness import stamps
from analysis.tables.context import StudyContext
from analysis.tables.contrasts import chosen, scored
from analysis.tables.formatting import decimals, score_digits
from analysis.tables.levels import is_single_split, level_cells
from analysis.tables.records import record
from analysis.tables.resampled import with_bootstrap
from analysis.tables.specification import TableSpecification
from analysis.tables.table import MISSING, Cell, Column, Table

Results = Mapping[str, Sequence[ConfigurationResult]]
"""The configurations of each arm, in order."""
Row = Mapping[str, ConfigurationResult]
"""One configuration by arm; an arm that does not have it is missing."""


@dataclass(frozen=True)
class Arm:
    """One arm of a table: its scores by identifier, its differences to `base` by identifier, where it has one.

    `same_folds`: whether its folds are those of `base`. `digits` are those of its scores.
    """

    name: str
    context: StudyContext
    shown: tuple[ConfigurationResult, ...]
    levels: Mapping[str, Cell]
    differences: Mapping[str, Interval]
    base: str | None
    same_folds: bool = False
    digits: int = 1

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns, under its name: plan and leak share, and the difference where there is one."""
        leak = f"{self.context.folds.plan}, leak {100 * self.context.leak_share:.0f} %"
        level = Column("score, %", "percent", self.name, leak, self.digits)
        if self.base is None:
            return (level,)
        apart = decimals(interval.half_width for interval in self.differences.values())
        return (level, Column("Δ", "difference", self.name, f"to {self.base}", apart))

    def cells(self, row: Row) -> tuple[Cell, ...]:
        """What one configuration shows in this arm."""
        result = row.get(self.name)
        level = MISSING if result is None else self.levels[result.identifier]
        if self.base is None:
            return (level,)
        found = self.differences.get(result.identifier) if result is not None else None
        return (level, MISSING if found is None else Cell(found.estimate, found.low, found.high))


def check_arm_tables(specifications: Sequence[TableSpecification], results: Results) -> None:
    """Lay the tables across arms out without looking at a score; tables of other kinds are passed over.

    Raises:
        AnalysisError: fewer than two arms, a specification that does not fit an arm, or two tables of one name.
    """
    across = [specification for specification in specifications if specification.kind == "arms"]
    if across and len(results) < 2:
        raise AnalysisError(f"table {across[0].name}: kind arms needs a study with at least two arms")
    names = [name.lower() for specification in across for name in specification.file_names(())]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AnalysisError(f"tables: two tables would write {twice[0]}.md; give each a name of its own")
    for specification in across:
        for configurations in results.values():
            chosen(specification, configurations)


def build_arm_tables(
    specifications: Sequence[TableSpecification], results: Results, contexts: Mapping[str, StudyContext]
) -> tuple[Table, ...]:
    """Return the tables of kind arms, one per metric, named `<name>_<metric>`; other kinds are passed over.

    Args:
        specifications: of the study.
        results: the evaluated configurations by arm, in the order of the arms.
        contexts: by arm; an arm without one, which has no fold fits yet, is left out of the tables, as one that is not
            in `results`.

    Raises:
        AnalysisError: a specification that does not fit an arm, or an unknown target.
    """
    started = {arm: configurations for arm, configurations in results.items() if arm in contexts}
    return tuple(
        _resampled(_table(specification, started, contexts, metric), started, contexts)
        for specification in specifications
        if specification.kind == "arms" and started
        for metric in specification.metrics
    )


def _resampled(table: Table, results: Results, contexts: Mapping[str, StudyContext]) -> Table:
    for arm, configurations in results.items():
        table = with_bootstrap(table, configurations, contexts[arm], arm=arm)
    return table


def matched(results: Results) -> tuple[Row, ...]:
    """Return the configurations of all arms, each with those it is in: by identifier, else by label.

    An identifier differs between arms where a fixed setting does, as the fields that a cohort has.
    """
    rows: list[dict[str, ConfigurationResult]] = []
    for arm, configurations in results.items():
        left = list(configurations)
        for field in ("identifier", "label"):
            left = [result for result in left if not _join(rows, arm, result, field)]
        rows += [{arm: result} for result in left]
    return tuple(rows)


def _join(rows: Sequence[dict[str, ConfigurationResult]], arm: str, result: ConfigurationResult, field: str) -> bool:
    """Put a configuration into the first row that has one like it, and none of its own arm; whether there is such."""
    wanted = getattr(result, field)
    for row in rows:
        if arm not in row and any(getattr(one, field) == wanted for one in row.values()):
            row[arm] = result
            return True
    return False


def _table(
    specification: TableSpecification, results: Results, contexts: Mapping[str, StudyContext], metric: str
) -> Table:
    kept = {
        arm: tuple(result for result in chosen(specification, configurations) if result.dropped is None)
        for arm, configurations in results.items()
    }
    rows = matched(kept)
    arms = _arms(rows, results, kept, contexts, metric, specification.target)
    several = len(specification.metrics) > 1
    return Table(
        name=f"{specification.name}_{metric}",
        title=f"{specification.title} ({METRICS[metric]})" if several else specification.title,
        caption=_caption(metric, specification.target, arms),
        columns=(Column("configuration"), *(column for arm in arms for column in arm.columns)),
        rows=tuple((Cell(text=_label(row)), *(cell for arm in arms for cell in arm.cells(row))) for row in rows),
        notes=(
            *across_note(rows, contexts, metric, specification.target, alpha=specification.alpha),
            *_notes(arms, rows, metric, specification.target),
        ),
        stamps=tuple(dict.fromkeys(stamp for arm in arms for stamp in stamps(arm.shown))),
        records=tuple(
            {"arm": arm.name, "leak_share": arm.context.leak_share, "fold_plan": arm.context.folds.plan}
            | record(row[arm.name], metric, specification.target, None, is_reference=False)
            | _difference_fields(arm, row[arm.name])
            | over_cohorts
            for row, over_cohorts in zip(rows, across_fields(rows, contexts, metric, specification.target), strict=True)
            for arm in arms
            if arm.name in row
        ),
    )


def _arms(
    rows: Sequence[Row],
    results: Results,
    kept: Results,
    contexts: Mapping[str, StudyContext],
    metric: str,
    target: str | None,
) -> tuple[Arm, ...]:
    arms: list[Arm] = []
    for name, shown in kept.items():
        found: dict[str, Interval] = {}
        base = None
        for earlier in arms:  # the first arm on the same samples
            found = _differences(rows, earlier.name, name, metric, target)
            if found:
                base = earlier.name
                break
        levels = level_cells(shown, metric, target)
        same_folds = base is not None and _same_folds(rows, base, name, metric, target)
        digits = score_digits(results[name], metric, target)
        arms.append(Arm(name, contexts[name], tuple(shown), levels, found, base, same_folds, digits))
    return tuple(arms)


def _same_folds(rows: Sequence[Row], base: str, arm: str, metric: str, target: str | None) -> bool:
    pairs = [(row[base], row[arm]) for row in rows if base in row and arm in row]
    scores = [(scored(theirs, metric, target), scored(ours, metric, target)) for theirs, ours in pairs]
    return all(theirs.samples == ours.samples for theirs, ours in scores if theirs is not None and ours is not None)


def _differences(rows: Sequence[Row], base: str, arm: str, metric: str, target: str | None) -> dict[str, Interval]:
    found = {}
    for row in rows:
        if base in row and arm in row:
            ours, theirs = scored(row[arm], metric, target), scored(row[base], metric, target)
            if ours is not None and theirs is not None and (interval := over_same_samples(theirs, ours)) is not None:
                found[row[arm].identifier] = interval
    return found


def _label(row: Row) -> str:
    return next(iter(row.values())).label


def _caption(metric: str, target: str | None, arms: Sequence[Arm]) -> str:
    of_target = f" of target {target}" if target else ""
    data = " ".join(f"{arm.name}: {data_sentence(arm.context)}" for arm in arms)
    name = LONG_NAMES[metric]
    return (
        f"{name[:1].upper()}{name[1:]}{of_target} in each arm of the study, in percent: the mean performance of "
        f"models trained by this procedure, not that of one model. {data}"
    )


def _notes(arms: Sequence[Arm], rows: Sequence[Row], metric: str, target: str | None) -> tuple[str, ...]:
    gaps = any(arm.name not in row for row in rows for arm in arms)
    paired = [arm for arm in arms if arm.base is not None]
    folds = "The folds are the same" if all(arm.same_folds for arm in paired) else "The folds differ"
    return (
        "Brackets: max-SE interval within an arm. Bold: best of an arm, underlined: second; neither says that a "
        "difference is real. Leak: share of evaluated samples with a sibling of their group in the training part.",
        *(
            [
                "Δ: difference to the other arm on the same samples, in percentage points; brackets: 95 % interval "
                f"from the paired influences of each sample, clustered by group. {folds}; retraining noise is not seen "
                "and nothing is tested."
            ]
            if paired
            else []
        ),
        *(["–: this configuration is not part of the arm, or has no score there."] if gaps else []),
        *_of_arms(
            {
                arm.name: (
                    interval_note(arm.context, single_split=is_single_split(arm.shown, metric, target)),
                    *undefined_notes(arm.shown, metric, target),
                    *study_notes(arm.context, arm.shown),
                )
                for arm in arms
            }
        ),
    )


def _of_arms(notes: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Notes that all arms share once, the others with the name of their arm."""
    shared = [note for note in next(iter(notes.values())) if all(note in those for those in notes.values())]
    own = [f"{arm}: {note}" for arm, those in notes.items() for note in those if note not in shared]
    return (*shared, *own)


def _difference_fields(arm: Arm, result: ConfigurationResult) -> dict[str, object]:
    found = arm.differences.get(result.identifier)
    return {
        "difference_to_arm": arm.base if found else None,
        "arm_difference": found.estimate if found else None,
        "arm_difference_low": found.low if found else None,
        "arm_difference_high": found.high if found else None,
        "arm_difference_se": found.se if found else None,
    }
