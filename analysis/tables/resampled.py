"""The bootstrap in the long CSV: its intervals and p values beside those of each row, in full precision.

The draws belong to a part of a study, not to one configuration; so a finished table is given its fields here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from analysis.evaluation import ConfigurationResult
from analysis.resampling import Resampling
from analysis.statistics.intervals import Interval
from analysis.tables.context import StudyContext
from analysis.tables.records import LEVEL_FIELDS
from analysis.tables.table import Table

LEVELS = ("boot_low", "boot_high", "bca_low", "bca_high")
DIFFERENCES = (
    *("difference_boot_low", "difference_boot_high", "difference_bca_low", "difference_bca_high"),
    "p_boot",
)


def with_bootstrap(
    table: Table, results: Iterable[ConfigurationResult], context: StudyContext, *, arm: str | None = None
) -> Table:
    """Return the table with bootstrap fields in its records and a note that says what they are.

    Without replicates, or without rows that hold the score of a configuration, it is returned as it is.

    Args:
        table: any table; rows of single classes or heads are left alone.
        results: the configurations of the part.
        context: of the part.
        arm: only the rows of this arm; None where the table has no arms.
    """
    resampling = context.resampling
    if resampling is None or not any(_is_score(row, arm) for row in table.records):
        return table
    by_identifier = {result.identifier: result for result in results}
    records = tuple(
        {**row, **_fields(row, by_identifier, resampling)} if _is_score(row, arm) else row for row in table.records
    )
    note = bootstrap_note(context, resampling)
    return replace(table, records=records, notes=tuple(dict.fromkeys((*table.notes, note))))


def bootstrap_note(context: StudyContext, resampling: Resampling) -> str:
    """Say what the bootstrap in the long CSV draws, and what it does not see."""
    group = context.cohort.group
    return (
        "The long CSV also has 95 % intervals (percentile and BCa) and, of differences, p values of a "
        f"class-stratified, {group}-clustered bootstrap of the out-of-fold predictions "
        f"({resampling.n_replicates:,} replicates, seed {resampling.seed}): it draws {group}s and does not see "
        "retraining noise."
    )


def _is_score(row: Mapping[str, Any], arm: str | None) -> bool:
    return set(LEVEL_FIELDS) <= row.keys() and (arm is None or row.get("arm") == arm)


def _fields(
    row: Mapping[str, Any], by_identifier: Mapping[str, ConfigurationResult], resampling: Resampling
) -> dict[str, float | None]:
    fields: dict[str, float | None] = dict.fromkeys((*LEVELS, *DIFFERENCES))
    if row["estimate"] is None:
        return fields
    result, metric = by_identifier[row["configuration"]], row["metric"]
    target = row["target"] if row["target"] in result.targets else None  # the mean over targets has no name of its own
    fields |= _bounds("boot", resampling.interval(result, metric, target))
    fields |= _bounds("bca", resampling.interval(result, metric, target, method="bca"))
    reference = by_identifier.get(row.get("reference") or "")
    if reference is not None and reference is not result and row.get("difference") is not None:
        found = resampling.difference(reference, result, metric, target)
        fields |= _bounds("difference_boot", found.percentile) | _bounds("difference_bca", found.bca)
        fields["p_boot"] = found.p
    return fields


def _bounds(name: str, interval: Interval) -> dict[str, float | None]:
    return {f"{name}_low": interval.low, f"{name}_high": interval.high}
