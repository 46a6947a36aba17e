"""What a trial is told as: complete, pruned or failed, with its value and what Optuna learns from it.

A complete trial has a finite score on every planned fold; its value is their mean. A dropped one is pruned: its
intermediate values are fold-blocked estimates (`blocks.py`), so that a configuration that only saw hard folds is not
taken for a bad one. Anything else failed, with its reason: no NaN and no half result ever stands as a score.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from analysis.ledger import Ledger
from analysis.search_record import Entry, FoldEntry
from searchspace.search.blocks import Scores, blocked_estimate
from searchspace.search.settings import Constraints
from trainables.events import FitEnded


def fold_entry(event: FitEnded) -> FoldEntry:
    """Return what the record keeps of an ended fold fit; its MCR only if it is done and finite."""
    mcr = event.metrics.get("mcr")
    finite = event.state == "done" and mcr is not None and math.isfinite(mcr)
    return FoldEntry(
        repeat=event.repeat,
        fold=event.fold,
        key=event.key,
        state=event.state,
        mcr=float(mcr) if finite and mcr is not None else None,
        seconds=event.seconds,
        reason=event.reason,
    )


def excess_of(constraints: Constraints, folds: Sequence[FoldEntry], ledger: Ledger) -> dict[str, float]:
    """Return by which share each limit is exceeded (0 or less: kept), as far as the done fold fits tell."""
    done = [fold for fold in folds if fold.state == "done"]
    if not done:
        return {}
    seconds = sum(fold.seconds for fold in done) / len(done)
    record = ledger.get(done[0].key) if constraints.parameters is not None else None
    return constraints.excess(parameters=record.cost.get("parameters") if record else None, seconds=seconds)


def conclude(
    entry: Entry,
    planned: int,
    others: Sequence[Scores],
    constraints: Constraints,
    ledger: Ledger,
    error: str | None = None,
) -> Entry:
    """Return a running entry as it is to be told.

    Args:
        entry: with the fold fits that ended.
        planned: fold fits of a complete evaluation.
        others: fold scores of the other configurations so far.
        constraints: the limits that were set.
        ledger: where the cost of a fold fit is looked up.
        error: why the trial could not be run to its end, if so.
    """
    scores = entry.scores
    reason = error or _failure(entry, planned)
    if reason is not None:
        return dataclasses.replace(entry, state="failed", reason=reason)
    told: dict[str, Any] = {
        "intermediate": _intermediate(entry, others),
        "constraints": excess_of(constraints, entry.folds, ledger),
    }
    if entry.dropped is not None:
        return dataclasses.replace(entry, state="pruned", **told)
    return dataclasses.replace(entry, state="complete", value=sum(scores.values()) / planned, **told)


def _failure(entry: Entry, planned: int) -> str | None:
    for fold in entry.folds:
        if fold.mcr is None:
            why = fold.reason or ("it has no finite MCR" if fold.state == "done" else "no reason recorded")
            return f"repeat {fold.repeat}, fold {fold.fold} {fold.state}: {why}"
    if entry.dropped is None and len(entry.folds) < planned:
        return f"it ended after {len(entry.folds)} of {planned} fold fits"
    return None


def _intermediate(entry: Entry, others: Sequence[Scores]) -> dict[int, float]:
    """Return the blocked estimate after each fold; of a trial dropped in its first fold, the inner MCR, as step 0."""
    cells = list(entry.scores.items())
    if not cells:
        evidence = (entry.dropped or {}).get("evidence", {})
        return {0: evidence["inner_mcr"]} if "inner_mcr" in evidence else {}
    return {done: blocked_estimate(dict(cells[:done]), others) for done in range(1, len(cells) + 1)}
