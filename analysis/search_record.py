"""The durable record of a search: what was suggested, in which order, and what came of it.

One JSON object per trial, `search/000012.json` in the run folder, local or on an object store; written whole when the
trial is suggested, when a fold fit of it ends, and when it is told. The order of all asks and tells is one running
number, so that the search can be replayed and checked. The search is restored from here; Optuna's database is a copy.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from analysis.errors import AnalysisError, VersionError
from analysis.ledger import canonical_json, digest
from analysis.ledger.storage import Storage
from analysis.versions import check_version

FOLDER = "search"
ENTRY_VERSION = 1
State = Literal["running", "complete", "pruned", "failed", "skipped", "damaged"]
Fold = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class FoldEntry:
    """How one fold fit of a trial ended; `mcr` is None unless it is done and finite."""

    repeat: int
    fold: int
    key: str
    state: str
    mcr: float | None
    seconds: float
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One trial of the search.

    `parameters`, `distributions` (Optuna's JSON) and `attributes` (of the sampler) are what Optuna knows; `settings`
    are the dotted settings they mean, `configuration` and `label` the configuration, and `fits` the hash of its planned
    fold-fit keys. `asked` and `told` are places in the running order, `asked_at` and `told_at` seconds of search.
    `inner` is the inner MCR of the first fold by epoch, `intermediate` the fold-blocked estimate by folds done.

    State `skipped`: it was never run, because it is impossible or already known; `damaged`: its file is unreadable.
    """

    study: str
    number: int
    state: State
    asked: int
    asked_at: float
    parameters: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    configuration: str | None = None
    label: str | None = None
    fits: str | None = None
    told: int | None = None
    told_at: float | None = None
    value: float | None = None
    folds: tuple[FoldEntry, ...] = ()
    inner: dict[int, float] = field(default_factory=dict)
    intermediate: dict[int, float] = field(default_factory=dict)
    constraints: dict[str, float] = field(default_factory=dict)
    dropped: dict[str, Any] | None = None
    reason: str | None = None

    @property
    def scores(self) -> dict[Fold, float]:
        """MCR by (repeat, fold), of the fold fits that are done."""
        return {(entry.repeat, entry.fold): entry.mcr for entry in self.folds if entry.mcr is not None}

    @property
    def feasible(self) -> bool:
        """Whether it keeps all limits that could be measured."""
        return all(excess <= 0.0 for excess in self.constraints.values())

    @property
    def handed_out(self) -> bool:
        """Whether it was run at all."""
        return self.state not in ("skipped", "damaged")


class SearchRecord:
    """The entries of one run folder."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def write(self, entry: Entry) -> None:
        """Store an entry, in place of an earlier state of it; AnalysisError when it cannot be written."""
        body = dataclasses.asdict(entry)
        # JSON has no whole numbers as names: these two mappings are kept as pairs.
        body |= {name: sorted(getattr(entry, name).items()) for name in ("inner", "intermediate")}
        content = canonical_json({"checksum": digest(body), "entry": body, "version": ENTRY_VERSION})
        self.storage.write(_name(entry.number), content.encode())

    def load(self) -> list[Entry]:
        """Return all entries by number, with one of state `damaged` for each that is unreadable or missing.

        Raises:
            VersionError: another version wrote one of them.
        """
        names = [name for name in self.storage.names(FOLDER, ".json") if name.isascii() and name.isdecimal()]
        there = {int(name) for name in names if f"{int(name):06d}" == name}
        return [self._read(number, number in there) for number in range(max(there, default=-1) + 1)]

    def _read(self, number: int, there: bool) -> Entry:
        name = _name(number)
        content = self.storage.read(name) if there else None
        try:
            if content is None:
                raise AnalysisError("it is missing")
            document = json.loads(content)
            check_version(document.get("version", ENTRY_VERSION), ENTRY_VERSION, f"{self.storage.location}/{name}")
            body = document["entry"]
            if digest(body) != document["checksum"] or body["number"] != number:
                raise AnalysisError("it does not match its checksum or its name")
            folds = tuple(FoldEntry(**fold) for fold in body["folds"])
            pairs = {name: dict(body[name]) for name in ("inner", "intermediate")}
            return Entry(**{**body, **pairs, "folds": folds})
        except VersionError:
            raise
        except (AnalysisError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            why = str(error) if isinstance(error, AnalysisError) else "it is no readable entry"
            reason = f"{name} cannot be used: {why}; the search goes on without this trial"
            return Entry(study="", number=number, state="damaged", asked=-1, asked_at=0.0, told=-1, reason=reason)


def _name(number: int) -> str:
    return f"{FOLDER}/{number:06d}.json"
