"""What a run planned, as plain JSON beside its results: enough to fill its tables without the code that trained them.

A run writes `study.json` into its folder, and the same into its ledger as `studies/<study>.json`, before it trains and
again at its end (a search knows its configurations only then). With several runs of one study on one ledger, the ledger
holds the last one's; every run folder holds its own.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from analysis.errors import AnalysisError
from analysis.ledger.identity import canonical_json, digest
from analysis.ledger.storage import Storage
from analysis.versions import check_version

MANIFEST_VERSION = 1
IN_RUN = "study.json"
IN_LEDGER = "studies"

Role = Literal["grid", "search", "confirmation"]


@dataclass(frozen=True, kw_only=True)
class PlannedFold:
    """One planned fold fit and its key in the ledger."""

    repeat: int
    fold: int
    key: str


@dataclass(frozen=True, kw_only=True)
class PlannedConfiguration:
    """A configuration with the fold fits of its complete evaluation; `dropped` names the rule by which it was given up.

    `configuration` is canonical, nested plain JSON; `label` is what readers call it.
    """

    identifier: str
    label: str
    configuration: dict[str, Any]
    fits: tuple[PlannedFold, ...]
    dropped: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedPart:
    """One set of configurations on one cohort and one fold plan: a grid, one arm of it, a search, or its confirmation.

    `name` is the arm, or empty; `trained_on` says what the models see, `sample` is the word for one row of the cohort,
    `factors` and `adjusted` are dotted settings, `declarations` warnings that every table repeats, `notes` what the
    cohort tells of itself, `left_out` pairs of a sample and what is wrong with it, `tables` specifications as JSON.
    """

    name: str
    role: Role
    fingerprint: str
    folds: dict[str, Any]
    sample: str
    trained_on: str
    factors: tuple[str, ...]
    tables: tuple[dict[str, Any], ...]
    configurations: tuple[PlannedConfiguration, ...]
    adjusted: tuple[str, ...] = ()
    declarations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A study as it was run. `settings` are its plain settings, `across` specifications of tables over its arms.

    `software` names the version that planned it, `ledger` where its fold fits are when that is not the run folder.
    `ended`: whether the run has come to its end, so that no planned fold fit may be open; None where nobody wrote it.
    """

    study: str
    question: str
    parts: tuple[PlannedPart, ...]
    source: str = ""
    expected: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    across: tuple[dict[str, Any], ...] = ()
    software: str = ""
    ledger: str | None = None
    ended: bool | None = None

    def to_json(self) -> bytes:
        """Return the bytes of its file, with a checksum; the same manifest gives the same bytes."""
        body = dataclasses.asdict(self)
        return canonical_json({"manifest": body, "checksum": digest(body), "version": MANIFEST_VERSION}).encode()

    @classmethod
    def from_json(cls, content: bytes, where: str) -> "Manifest":
        """Read a manifest back; `where` names its file in errors.

        Raises:
            AnalysisError: not a manifest, another version, or a body that does not match its checksum.
        """
        try:
            document = json.loads(content)
            check_version(document["version"], MANIFEST_VERSION, where)
            body = document["manifest"]
            if digest(body) != document["checksum"]:
                raise AnalysisError(f"{where} does not match its checksum; run the study again to write it anew")
            return cls(**_tuples(body) | {"parts": tuple(_part(part) for part in body["parts"])})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if isinstance(error, AnalysisError):
                raise
            raise AnalysisError(f"{where} is no manifest of a study ({error}); run the study again") from error


def read_manifest(storage: Storage, name: str) -> Manifest | None:
    """Return the manifest in a file of a folder, None when there is no such file.

    Raises:
        AnalysisError: as `Manifest.from_json`, or the file cannot be read.
    """
    content = storage.read(name)
    return None if content is None else Manifest.from_json(content, f"{storage.location}/{name}")


def _part(body: dict[str, Any]) -> PlannedPart:
    configurations = tuple(
        PlannedConfiguration(**one | {"fits": tuple(PlannedFold(**fit) for fit in one["fits"])})
        for one in body["configurations"]
    )
    left_out = tuple((str(sample), str(problem)) for sample, problem in body["left_out"])
    return PlannedPart(**_tuples(body) | {"configurations": configurations, "left_out": left_out})


def _tuples(body: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in body.items()}
