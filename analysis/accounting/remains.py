"""What crashed processes left: checkpoints of settled fold fits, files written aside, half a fold fit, running trials.

The next run mends or removes them; where a run has ended, there must be none.
"""

import contextlib
import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence

from analysis.accounting.findings import Violation
from analysis.errors import AnalysisError
from analysis.ledger.storage import LEFTOVER, Storage
from analysis.search_record import Entry

DATABASE = "optuna.db"
PLACES = ("fits", "predictions", "checkpoints", "maps", "attempts")
"""Folders of a ledger in which a file is named by the key of its fold fit."""
ABANDONED = 3600.0
"""Seconds after which a file aside in a shared ledger has no writer any more."""


def ledger_remains(
    ledger: Storage, *, settled: Collection[str], recorded: Collection[str], planned: Collection[str] | None
) -> list[Violation]:
    """Return what is left in a ledger.

    Args:
        ledger: where to look.
        settled: keys of the fold fits to which nothing is to come.
        recorded: keys of the records, readable or not, that have predictions.
        planned: keys to look at; None: all, because the ledger is of one run alone.
    """
    mine = (lambda key: True) if planned is None else set(planned).__contains__
    checkpoints = [key for key in ledger.names("checkpoints", ".pt") if key in settled]
    orphans = [key for key in ledger.names("predictions", ".parquet") if key not in recorded and mine(key)]
    asides = [name for name in _aside(ledger, 0.0 if planned is None else ABANDONED) if mine(_key(name))]
    return [
        *(_remains(f"checkpoints/{key}.pt is left of a settled fold fit") for key in checkpoints),
        *(_remains(f"predictions/{key}.parquet has no record") for key in orphans),
        *(_remains(f"{name} was left half written") for name in asides),
    ]


def search_remains(folder: Storage, entries: Sequence[Entry]) -> list[Violation]:
    """Return the trials of a search that nobody has ended, in its record and in Optuna's database."""
    if not entries:
        return []
    found = [_remains(f"search/{entry.number:06d}.json is still running") for entry in entries if _runs(entry)]
    try:
        open_trials = {number for number, state in _optuna_states(folder) if state == "RUNNING"}
    except AnalysisError as error:
        return [*found, _remains(str(error))]
    open_trials -= {entry.number for entry in entries if _runs(entry)}
    return found + [_remains(f"{DATABASE} has trial {number} as RUNNING") for number in sorted(open_trials)]


def _optuna_states(folder: Storage) -> list[tuple[int, str]]:
    """Return number and state of every trial in Optuna's database; none where there is no such file.

    Raises:
        AnalysisError: it cannot be read.
    """
    content = folder.read(DATABASE)
    if content is None:
        return []
    try:
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(content)
            return [
                (int(number), str(state)) for number, state in connection.execute("SELECT number, state FROM trials")
            ]
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        raise AnalysisError(f"{DATABASE} cannot be read ({error}); the next run makes it again") from error


def _runs(entry: Entry) -> bool:
    return entry.state == "running"


def _aside(ledger: Storage, seconds: float) -> Iterator[str]:
    """Yield files that were written aside in a local folder, older than `seconds`; a store has none."""
    for place in PLACES:
        folder = None if ledger.local is None else ledger.local / place
        if folder is None or not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            with contextlib.suppress(OSError):
                if LEFTOVER.fullmatch(path.name) and time.time() - path.stat().st_mtime >= seconds:
                    yield f"{place}/{path.name}"


def _key(name: str) -> str:
    return name.rpartition("/")[2].lstrip(".").partition(".")[0]


def _remains(text: str) -> Violation:
    return Violation(kind="remains", text=text)
