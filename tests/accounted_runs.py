"""Small run folders whose every fold fit is known, for tests of what an account finds when something is changed."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from analysis.ledger import FitRecord, Ledger, digest
from analysis.ledger.storage import Storage
from analysis.manifest import IN_RUN, Manifest, PlannedConfiguration, PlannedFold, PlannedPart
from analysis.search_record import Entry, FoldEntry, SearchRecord

FUSIONS = ("none", "concat", "multiply", "film")
RACING = {"rule": "racing", "evidence": {"behind": 0.2, "folds": 1}}


@dataclass
class MadeRun:
    """A run folder of one part: the configurations are FUSIONS over three folds, settled as its state says."""

    folder: Path
    study: object
    part: PlannedPart
    records: dict

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "ledger")

    @property
    def entries(self) -> list[Entry]:
        return SearchRecord(Storage(self.folder)).load()

    def key(self, number: int, fold: int = 0) -> str:
        return self.part.configurations[number].fits[fold].key

    def plan(self, *parts: PlannedPart, **changes) -> None:
        manifest = Manifest(**{"study": "made-up", "question": "Which?", "parts": parts or (self.part,)} | changes)
        Storage(self.folder).write(IN_RUN, manifest.to_json())
        self.ledger.storage.write("studies/made-up.json", dataclasses.replace(manifest, ledger=None).to_json())

    def write_entry(self, entry: Entry, **changes) -> None:
        SearchRecord(Storage(self.folder)).write(dataclasses.replace(entry, **changes))

    def rewrite(self, key: str, **changes) -> FitRecord:
        """Store a record with other contents under the same key."""
        record = dataclasses.replace(self.records[key], **changes)
        self.ledger.storage.write(f"fits/{key}.json", json.dumps(record.to_json()).encode())
        return record

    def predict(self, key: str, frame) -> None:
        """Store other predictions of a done fold fit, with their own checksum."""
        self.ledger.put(self.records[key], frame)


def _records(study, number: int, state: str) -> list[FitRecord]:
    settings = {"fusion": {"name": FUSIONS[number]}, "metadata": {}}
    bad = {} if state == "done" else {"state": state, "reason": "the loss is not finite"}
    return [
        study.record(f"id{number}", settings, repeat, fold, metrics={"mcr": 0.5 + fold / 10}, **bad)
        for repeat, fold in study.planned
    ]


def make_run(folder: Path, study, *, role: str = "grid", ended: bool | None = True, n: int = 4) -> MadeRun:
    """Write a run: the third configuration of a search was dropped after its first fold, the fourth failed there."""
    ledger, configurations, kept = Ledger(folder / "ledger"), [], {}
    for number in range(n):
        records = _records(study, number, "diverged" if number == 3 else "done")
        put = records[:1] if role == "search" and number >= 2 else records
        for record in put:
            frame = study.frame(record, 1.0, number) if record.state == "done" else None
            kept[record.key] = ledger.put(record, frame)
        fits = tuple(PlannedFold(repeat=one.repeat, fold=one.fold, key=one.key) for one in records)
        dropped = {2: "racing", 3: "failure"}.get(number) if role == "search" else None
        one = PlannedConfiguration(
            identifier=f"id{number}",
            label=FUSIONS[number],
            configuration=records[0].configuration,
            fits=fits,
            dropped=dropped,
        )
        configurations.append(one)
        if role == "search":
            _write_entry(folder, number, one, put)
    part = PlannedPart(
        name="",
        role=role,
        fingerprint=study.cohort.fingerprint,
        folds=records[0].folds,
        sample="image",
        trained_on="made up",
        factors=("fusion.name",),
        tables=(),
        configurations=tuple(configurations),
    )
    made = MadeRun(folder, study, part, kept)
    made.plan(ended=ended)
    return made


def _write_entry(folder: Path, number: int, one: PlannedConfiguration, put: list[FitRecord]) -> None:
    folds = tuple(
        FoldEntry(
            repeat=record.repeat,
            fold=record.fold,
            key=record.key,
            state=record.state,
            mcr=record.metrics["mcr"] if record.state == "done" else None,
            seconds=1.0,
            reason=record.reason,
        )
        for record in put
    )
    ends = {
        2: {"state": "pruned", "dropped": RACING},
        3: {"state": "failed", "dropped": RACING | {"rule": "failure"}, "reason": "fold 0 diverged"},
    }
    entry = Entry(
        study="made-up",
        number=number,
        asked=2 * number,
        asked_at=0.0,
        told=2 * number + 1,
        told_at=1.0,
        configuration=one.identifier,
        label=one.label,
        fits=digest([fit.key for fit in one.fits]),
        folds=folds,
        **ends.get(number, {"state": "complete", "value": 0.6}),
    )
    SearchRecord(Storage(folder)).write(entry)
