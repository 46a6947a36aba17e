"""What could make the numbers of a run wrong, checked against its predictions and records: one line for each check.

A check is `ok`, a `note` (true, and a reader must know) or a `warning` (numbers are missing or biased).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.accounting import account_of, wanted_keys
from analysis.activation_maps import MAPS, map_faults
from analysis.evaluation import ConfigurationResult
from analysis.figures.activation_maps import maps_missing
from analysis.loading import Planned
from analysis.manifest import IN_LEDGER
from analysis.predictions import FoldPredictions, fold_predictions
from analysis.procedure import procedure_notes
from analysis.run import Part, Run
from analysis.search_record import Entry
from analysis.tables.caption import SMALL_CLASS
from analysis.tables.context import StudyContext
from analysis.tables.formatting import plural, was

State = Literal["ok", "note", "warning"]
SHOWN = 200
"""Lines of a check's details beyond which the rest is counted."""


@dataclass(frozen=True)
class Check:
    """One check: `title` says what was looked at, `text` what was found, `details` list it one by one."""

    state: State
    title: str
    text: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """The checks of one part of a run, or of the run as a whole where `heading` is empty."""

    heading: str
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Siblings:
    """Evaluated samples of which another sample of their group is evaluated in another fold of the same repeat."""

    n_samples: int
    n_evaluated: int
    n_groups: int

    @property
    def share(self) -> float:
        """The share of the evaluated samples."""
        return self.n_samples / self.n_evaluated if self.n_evaluated else 0.0


def integrity(run: Run) -> tuple[Checked, ...]:
    """Return all checks, those of the run as a whole last."""
    parts = [Checked(part.planned.name or part.planned.role, part_checks(part)) for part in run.parts]
    whole = (*_accounted(run), _damaged(run), *_unreadable(run), *_search_entries(run), *_maps(run))
    return (*parts, Checked("" if len(run.parts) == 1 else "all parts", whole))


def part_checks(part: Part) -> tuple[Check, ...]:
    """Return the checks of one part."""
    if part.context is None:
        return (Check("warning", "folds", "no fold fit of this part is in the ledger"),)
    return (
        _folds(part.results),
        *_ended_badly(part.results),
        *(_evaluated(part.results, part.context) if any(result.predictions for result in part.results) else ()),
        _mixed(part.context),
        *_procedures(part.results),
        _left_out(part),
        *(Check("warning", "declared", declaration) for declaration in part.context.declarations),
    )


def _evaluated(results: Sequence[ConfigurationResult], context: StudyContext) -> tuple[Check, ...]:
    """Return the checks that look at predictions; there are none of a part of which every fold fit failed."""
    return (_paired(results), _leak(results, context), _classes(results), _small_classes(context))


def siblings(folds: Sequence[FoldPredictions]) -> Siblings:
    """Count samples beside a sibling over the folds of one repeat; with one fold there is nothing to count."""
    folds_of: dict[str, set[int]] = defaultdict(set)
    for part in folds:
        for group in set(part.groups):
            folds_of[group].add(part.fold)
    spanning = {group for group, found in folds_of.items() if len(found) > 1}
    beside = sum(int(sum(group in spanning for group in part.groups)) for part in folds)
    return Siblings(beside, sum(len(part.samples) for part in folds), len(spanning))


def _folds(results: Sequence[ConfigurationResult]) -> Check:
    done = sum(len(result.metrics) for result in results)
    planned = sum(len(result.planned) for result in results)
    unfinished = [result for result in results if result.unfinished]
    dropped = [result for result in results if result.dropped is not None]
    text = f"{done:,} of {plural(planned, 'planned fold fit')} done"
    if dropped:
        text += f"; {plural(len(dropped), 'configuration')} {was(len(dropped))} dropped by the search"
    if not unfinished:
        other = "other " if dropped else ""
        return Check("note" if dropped else "ok", "folds", f"{text}; every {other}configuration has all its folds")
    lines = tuple(f"{result.label}: {result.progress} folds" for result in unfinished)
    return Check("warning", "folds", f"{text}; {plural(len(unfinished), 'configuration')} incomplete", _short(lines))


def _ended_badly(results: Sequence[ConfigurationResult]) -> tuple[Check, ...]:
    checks = []
    for state in ("diverged", "failed"):
        lines = [
            f"{result.label}, repeat {failure.repeat}, fold {failure.fold}: {failure.reason}"
            for result in results
            for failure in result.failures
            if failure.state == state
        ]
        if lines:
            checks.append(Check("warning", state, f"{plural(len(lines), 'fold fit')} {state}", _short(lines)))
    return tuple(checks) or (Check("ok", "fold fits", "none diverged, none failed"),)


def _paired(results: Sequence[ConfigurationResult]) -> Check:
    """Compare the evaluated samples of every fold with those of the first configuration that has it."""
    first: dict[tuple[int, int], frozenset[str]] = {}
    odd = []
    for result in results:
        for fold, part in result.predictions.items():
            samples = frozenset(part.samples)
            if first.setdefault(fold, samples) != samples:
                odd.append(f"{result.label}, repeat {fold[0]}, fold {fold[1]}")
    if odd:
        return Check("warning", "pairing", "configurations were not evaluated on the same samples", _short(odd))
    return Check("ok", "pairing", "all configurations were evaluated on the same samples of every fold")


def _leak(results: Sequence[ConfigurationResult], context: StudyContext) -> Check:
    sample, group = context.cohort.sample, context.cohort.group
    fullest = max(results, key=lambda result: len(result.predictions))
    repeats = sorted({repeat for repeat, _ in fullest.predictions})
    found = [siblings([part for (r, _), part in fullest.predictions.items() if r == repeat]) for repeat in repeats]
    worst = max(found, key=lambda one: one.share, default=Siblings(0, 0, 0))
    recorded = f"; recorded in training: {100 * context.leak_share:.0f} % with a sibling in the training part"
    if worst.n_samples:
        text = (
            f"{worst.n_samples:,} of {plural(worst.n_evaluated, f'evaluated {sample}')} ({100 * worst.share:.0f} %) "
            f"have a sibling of the same {group} in another fold ({plural(worst.n_groups, group)}){recorded}"
        )
        return Check("warning", "leak", text)
    if context.leak_share > 0:
        return Check("warning", "leak", f"no {group} stands in two evaluation folds{recorded}")
    if context.folds.folds == 1:
        return Check("ok", "leak", f"one split{recorded}")
    return Check("ok", "leak", f"no {group} stands in two evaluation folds of a repeat{recorded}")


def _classes(results: Sequence[ConfigurationResult]) -> Check:
    fullest = max(results, key=lambda result: len(result.predictions))
    lines = []
    for (repeat, fold), part in fullest.predictions.items():
        for target, classes in fullest.targets.items():
            present = set(part.labels[target].tolist())
            absent = [name for number, name in enumerate(classes) if number not in present]
            if absent:
                of = f" of target {target}" if len(fullest.targets) > 1 else ""
                lines.append(f"repeat {repeat}, fold {fold}: no {', '.join(absent)}{of}")
    if not lines:
        return Check("ok", "classes", "every class is in every evaluation fold")
    text = f"classes are absent from {plural(len(lines), 'fold')}; they count as missing there, not as 0"
    return Check("note", "classes", text, _short(lines))


def _small_classes(context: StudyContext) -> Check:
    several = len(context.cohort.classes) > 1
    small = [
        f"{f'{target}: ' if several else ''}{count.name} ({count.n_groups})"
        for target, counts in context.cohort.classes.items()
        for count in counts
        if 0 < count.n_groups < SMALL_CLASS
    ]
    group = context.cohort.group
    if not small:
        return Check("ok", "class sizes", f"every class has at least {SMALL_CLASS} {group}s")
    text = (
        f"fewer than {SMALL_CLASS} {group}s in {', '.join(small)}: intervals are too narrow there and tests unreliable"
    )
    return Check("warning", "class sizes", text)


def _mixed(context: StudyContext) -> Check:
    if context.warnings:
        return Check("warning", "devices and libraries", "fold fits were not all made alike", context.warnings)
    device = f": {context.devices[0]}" if context.devices else ""
    return Check("ok", "devices and libraries", f"the same in all fold fits{device}")


def _procedures(results: Sequence[ConfigurationResult]) -> tuple[Check, ...]:
    notes = procedure_notes([(result.label, result.procedure) for result in results])
    return tuple(Check("note", "training", note.rstrip(".")) for note in notes)


def _left_out(part: Part) -> Check:
    assert part.context is not None
    known, count = part.planned.left_out, max(part.context.left_out, len(part.planned.left_out))
    if not count:
        return Check("ok", "skipped", f"no {part.context.cohort.sample} was left out")
    text = f"{plural(count, part.context.cohort.sample)} could not be used and {was(count)} left out"
    return Check("note", "skipped", text, _short([f"{sample}: {problem}" for sample, problem in known]))


def _accounted(run: Run) -> tuple[Check, ...]:
    """Return what `python -m analysis.account` says of the run, from what was read of it already."""
    if run.ledger is None:
        return ()
    ledger = run.ledger
    shared = run.manifest.ledger is not None or len(ledger.storage.names(IN_LEDGER, ".json")) > 1
    planned = Planned(ledger.storage, run.manifest, ledger, run.search, shared)
    records = {key: record for part in run.parts for key, record in part.records.items()}
    records |= ledger.records(sorted(wanted_keys(planned) - set(records) - set(ledger.damaged)))
    known = {
        fit.key: result.predictions.get((fit.repeat, fit.fold))
        for part in run.parts
        for one, result in zip(part.planned.configurations, part.results, strict=False)
        for fit in one.fits
    }
    found = account_of(
        planned,
        records,
        lambda record: known.get(record.key) or fold_predictions(record, ledger.predictions(record)),
    )
    settled = len(found.fits) - len(found.open)
    states = ", ".join(f"{count:,} {state}" for state, count in found.counts.items() if count)
    text = f"{settled:,} of {plural(len(found.fits), 'planned fold fit')} accounted for: {states}"
    if found.violations:
        text += f"; {plural(len(found.violations), 'violation')}"
        return (Check("warning", "accounting", text, _short(one.text for one in found.violations)),)
    return (Check("note" if found.open else "ok", "accounting", text),)


def _damaged(run: Run) -> Check:
    if not run.damaged:
        return Check("ok", "ledger", "every record and every prediction file matches its checksum")
    lines = [f"{key[:12]}: {reason}" for key, reason in sorted(run.damaged.items())]
    return Check("warning", "ledger", f"{plural(len(lines), 'damaged record')} left out", _short(lines))


def _unreadable(run: Run) -> tuple[Check, ...]:
    text = f"{plural(len(run.unreadable), 'file')} of the run cannot be used"
    return (Check("warning", "run folder", text, run.unreadable),) if run.unreadable else ()


def _search_entries(run: Run) -> tuple[Check, ...]:
    if not run.search:
        return ()
    bad = [entry for entry in run.search if entry.state == "damaged"]
    if bad:
        return (Check("warning", "search record", f"{plural(len(bad), 'damaged trial')}", _short(_gaps(bad))),)
    return (Check("ok", "search record", f"{plural(len(run.search), 'trial')}, all readable"),)


def _gaps(entries: Sequence[Entry]) -> Iterable[str]:
    """Yield one line for each row of trials that follow each other and cannot be used for the same reason."""
    rows: list[list[Entry]] = []
    for entry in entries:
        last = rows[-1][-1] if rows else None
        if last is not None and last.number + 1 == entry.number and _why(last) == _why(entry):
            rows[-1].append(entry)
        else:
            rows.append([entry])
    for row in rows:
        first = str(row[0].reason)
        yield first if len(row) == 1 else f"{first.partition(' ')[0]} to {row[-1].reason}"


def _why(entry: Entry) -> str:
    return str(entry.reason).partition(" ")[2]


def _short(lines: Iterable[str]) -> tuple[str, ...]:
    found = list(lines)
    more = [f"and {len(found) - SHOWN:,} more"] if len(found) > SHOWN else []
    return (*found[:SHOWN], *more)


def _maps(run: Run) -> tuple[Check, ...]:
    missing = maps_missing(run)
    checks = [] if missing is None else [Check("note", "activation maps", missing)]
    if run.ledger is None:
        return tuple(checks)
    stored = set(run.ledger.storage.names(MAPS, ".npz"))
    faults = map_faults(run.ledger.storage, sorted({key for part in run.parts for key in part.records} & stored))
    if faults.damaged:
        text = f"{plural(len(faults.damaged), 'damaged file')} left out of the figures"
        lines = [f"{name}: {reason}" for name, reason in sorted(faults.damaged.items())]
        checks.append(Check("warning", "activation maps", text, _short(lines)))
    if faults.without_pictures:
        text = f"the images under the maps of {plural(faults.without_pictures, 'fold fit')} were removed: not shown"
        checks.append(Check("note", "activation maps", text))
    return tuple(checks)
