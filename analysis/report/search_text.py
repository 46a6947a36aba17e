"""The search in words: how its trials ended, why suggestions were not run, what the limits and the pruning spared."""

from collections import Counter
from collections.abc import Sequence

from analysis.boundaries import boundary_warnings
from analysis.run import Run
from analysis.search_record import Entry
from analysis.tables.formatting import plural, was


def search_lines(run: Run) -> tuple[str, ...]:
    """Return what there is to say of a search, one sentence a line; nothing for a grid."""
    trials = [entry for entry in run.search if entry.handed_out]
    if not trials:
        return ()
    return (
        _ends(trials),
        _spent(run, trials),
        *_skipped(run.search),
        *_limits(trials),
        *_selection(run, trials),
        *(f"Edge of the space: {line}" for line in boundary_warnings(run.search)),
    )


def _ends(trials: Sequence[Entry]) -> str:
    states = Counter(_end(entry) for entry in trials)
    ended = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"{plural(len(trials), 'trial')}: {ended}."


def _end(entry: Entry) -> str:
    if entry.state == "pruned" and entry.dropped is not None:
        return f"dropped by {entry.dropped['rule']}"
    return entry.state


def _spent(run: Run, trials: Sequence[Entry]) -> str:
    spent = sum(len(entry.folds) for entry in trials)
    folds = max((len(one.fits) for part in run.parts for one in part.planned.configurations), default=0)
    if not folds:
        return f"Spent: {plural(spent, 'fold fit')}."
    full = folds * len(trials)
    return f"Spent: {spent:,} of the {full:,} fold fits that all trials have ({100 * spent / full:.0f} %)."


def _skipped(entries: Sequence[Entry]) -> tuple[str, ...]:
    count = sum(entry.state == "skipped" for entry in entries)
    what = "suggestion"
    return (f"{plural(count, what)} {was(count)} not run: impossible, or known already.",) if count else ()


def _limits(trials: Sequence[Entry]) -> tuple[str, ...]:
    over = sum(not entry.feasible for entry in trials)
    return (f"{plural(over, 'trial')} broke a limit of the study and {was(over)} not confirmed.",) if over else ()


def _selection(run: Run, trials: Sequence[Entry]) -> tuple[str, ...]:
    confirmed = any(part.planned.role == "confirmation" and part.context is not None for part in run.parts)
    after = (
        "the finalists were trained again on a re-split of the searched data, see there"
        if confirmed
        else "no finalist has been trained again"
    )
    count = len({entry.configuration for entry in trials if entry.configuration is not None})
    return (
        f"The best of {plural(count, 'configuration')} was chosen by the folds that scored it, so its score is "
        f"optimistic; {after}.",
    )
