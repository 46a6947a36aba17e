"""What is not there and must be told: folds without a result, dropped configurations, batches that memory cut short."""

from collections import Counter
from collections.abc import Iterable, Sequence

from analysis.evaluation import ConfigurationResult
from analysis.procedure import accumulated_fits
from analysis.tables.formatting import plural, was


def stamps(results: Iterable[ConfigurationResult]) -> tuple[str, ...]:
    """Return INCOMPLETE with how many configurations that are, and ACCUMULATED, as far as they apply.

    A configuration that a search dropped is no reason for INCOMPLETE.
    """
    shown = list(results)
    partial = [result for result in shown if result.unfinished]
    accumulated = accumulated_fits(result.procedure for result in shown)
    found = []
    if partial:
        least = min(partial, key=lambda result: (len(result.planned) - len(result.failures)) / len(result.planned))
        whose = f"{len(partial)} of {plural(len(shown), 'configuration')}; " if len(shown) > 1 else ""
        found.append(
            f"INCOMPLETE ({whose}{least.progress} folds{' of the least complete' if len(partial) > 1 else ''})"
        )
    if accumulated:
        found.append(f"ACCUMULATED ({plural(accumulated, 'fold fit')})")
    return tuple(found)


SHOWN = 3
"""Incomplete configurations that are named; further ones are counted."""


def incomplete_notes(results: Sequence[ConfigurationResult]) -> tuple[str, ...]:
    """Name the first configurations that are not finished, with the first fold that has no result and why."""
    unfinished = [result for result in results if result.unfinished]
    notes = []
    for result in unfinished[:SHOWN]:
        first = result.failures[0]
        where = f"repeat {first.repeat}, fold {first.fold}: {first.state} ({first.reason})"
        others = f", and {len(result.failures) - 1} more" if len(result.failures) > 1 else ""
        notes.append(
            f"– ({result.progress}): {result.label} is incomplete, takes no part in comparisons; {where}{others}."
        )
    if len(unfinished) > SHOWN:
        more = len(unfinished) - SHOWN
        notes.append(f"{plural(more, 'more configuration')} {was(more)} not finished either.")
    return tuple(notes)


def dropped_note(results: Iterable[ConfigurationResult]) -> tuple[str, ...]:
    """Say how many configurations a search dropped before their last fold, and by which rules."""
    rules = Counter(result.dropped for result in results if result.dropped is not None)
    if not rules:
        return ()
    count = rules.total()
    by_rule = ", ".join(f"{rule} {number}" for rule, number in sorted(rules.items()))
    return (
        f"{plural(count, 'configuration')} {was(count)} dropped before the last fold ({by_rule}) and "
        f"{'has' if count == 1 else 'have'} no score here.",
    )
