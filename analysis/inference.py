"""A manifest for a ledger that has none: what its fold fits say of themselves.

Fold fits of one cohort and one fold plan belong together; each such set is a part. A configuration is called by the
fewest settings that tell it from the others. The tables are those that need no question: all scores, the recalls, and
where image only is among the configurations, comparisons with it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.errors import AnalysisError
from analysis.ledger import FitRecord, Ledger, canonical_json
from analysis.manifest import Manifest, PlannedConfiguration, PlannedFold, PlannedPart
from analysis.tables.dimensions import flat

QUESTION = "Which configuration of this ledger scores best?"
ABSENT = "–"
FIRST = ("backbone.name", "fusion.name", "metadata.fields", "fusion.depth", "loss.name")
"""The settings that a label names before others."""


def inferred_manifest(ledger: Ledger, name: str) -> Manifest:
    """Return a manifest of everything in a ledger; `name` is what the report calls it.

    Raises:
        AnalysisError: no record can be read.
    """
    records = ledger.records()
    if not records:
        first = next(iter(ledger.damaged.values()), "it is empty")
        raise AnalysisError(f"{ledger.storage.location}: no fold fit can be read ({first})")
    sets: dict[tuple[str, str], list[FitRecord]] = defaultdict(list)
    for record in records.values():
        sets[record.cohort.fingerprint, canonical_json(record.folds)].append(record)
    several = len(sets) > 1
    ordered = sorted(sets.values(), key=lambda found: (found[0].cohort.name, canonical_json(found[0].folds)))
    names = [_name(found[0]) for found in ordered]
    unique = [one if names.count(one) == 1 else f"{one}-{number}" for number, one in enumerate(names, start=1)]
    parts = tuple(_part(found, one if several else "") for found, one in zip(ordered, unique, strict=True))
    return Manifest(study=name, question=QUESTION, parts=parts)


def _name(record: FitRecord) -> str:
    """Return what a set of fold fits is called, in characters that a file name may have."""
    name = f"{record.cohort.name}-{record.folds['plan']}".replace(" -> ", "-to-")
    return "".join(one if one.isascii() and (one.isalnum() or one in "-._") else "-" for one in name).strip("-.")


def _part(records: Sequence[FitRecord], name: str) -> PlannedPart:
    first = records[0]
    by_configuration: dict[str, list[FitRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda one: (one.configuration_id, one.repeat, one.fold, one.key)):
        by_configuration[record.configuration_id].append(record)
    settings = {identifier: flat(found[0].configuration) for identifier, found in by_configuration.items()}
    factors = telling(list(settings.values()))
    folds = _planned_folds(records)
    return PlannedPart(
        name=name,
        role="grid",
        fingerprint=first.cohort.fingerprint,
        folds=first.folds,
        sample="sample",
        trained_on="",
        factors=factors,
        tables=_tables(name, settings),
        configurations=tuple(
            _configuration(found, settings[identifier], factors, folds)
            for identifier, found in by_configuration.items()
        ),
    )


def _planned_folds(records: Sequence[FitRecord]) -> list[tuple[int, int]]:
    """Return every (repeat, fold) that the recorded fold plan has, of as many repeats as were found, and those found.

    A ledger that was copied in part lacks some for all configurations alike; they are incomplete then.
    """
    found = {(record.repeat, record.fold) for record in records}
    plan = records[0].folds
    repeats, folds = (plan.get(name, 1) for name in ("repeats", "folds"))
    if not all(isinstance(count, int) for count in (repeats, folds)):
        raise AnalysisError(f"fold fit {records[0].key[:12]}: its fold plan holds no counts ({plan})")
    repeats = max(repeats, 1 + max(repeat for repeat, _ in found))
    return sorted(found | {(repeat, fold) for repeat in range(repeats) for fold in range(folds)})


def _configuration(
    records: Sequence[FitRecord],
    settings: Mapping[str, Any],
    factors: Sequence[str],
    folds: Sequence[tuple[int, int]],
) -> PlannedConfiguration:
    keys = {(record.repeat, record.fold): record.key for record in records}
    if len(keys) < len(records):
        record = records[0]
        raise AnalysisError(
            f"configuration {record.configuration_id} has several fold fits of one fold (other seeds, weights or "
            "component versions); a study's own manifest is needed to tell them apart: give its run folder"
        )
    shown = ", ".join(_named(name, settings[name]) for name in factors if name in settings)
    return PlannedConfiguration(
        identifier=records[0].configuration_id,
        label=shown or str(settings.get("fusion.name", records[0].configuration_id)),
        configuration=records[0].configuration,
        fits=tuple(PlannedFold(repeat=repeat, fold=fold, key=keys.get((repeat, fold), "")) for repeat, fold in folds),
    )


def _tables(name: str, settings: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    prefix, title = (f"{name}_", f"{name}: ") if name else ("", "")
    tables: list[dict[str, Any]] = [
        {
            "name": f"{prefix}scores",
            "title": f"{title}All configurations",
            "kind": "scores",
            "metrics": ["mcr", "auc", "f1"],
        },
        {"name": f"{prefix}recall", "title": f"{title}Recall of each class", "kind": "per-class-recall"},
    ]
    image_only = [one for one in settings.values() if one.get("fusion.name") == "none"]
    if len(image_only) == 1 and len(settings) > 1:
        tables.append(
            {
                "name": f"{prefix}comparisons",
                "title": f"{title}Against image only",
                "kind": "comparisons",
                "metrics": ["mcr", "auc"],
                "reference": {"fusion.name": "none"},
            }
        )
    return tuple(tables)


def differing(settings: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the dotted settings that are not the same in all configurations, in order of their names."""
    names = sorted({name for one in settings for name in one})
    return tuple(name for name in names if len({canonical_json(one.get(name)) for one in settings}) > 1)


def telling(settings: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return few differing settings that tell all apart: taken greedily, those of `FIRST` first, none of them idle."""
    names = sorted(differing(settings), key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    chosen: list[str] = []
    for name in names:
        if _kinds(settings, [*chosen, name]) > _kinds(settings, chosen):
            chosen.append(name)
    for name in tuple(chosen):
        others = [other for other in chosen if other != name]
        if _kinds(settings, others) == _kinds(settings, chosen):
            chosen = others
    return tuple(chosen)


def _kinds(settings: Sequence[Mapping[str, Any]], names: Sequence[str]) -> int:
    return len({canonical_json([one.get(name) for name in names]) for one in settings})


def _named(name: str, value: Any) -> str:
    return _text(value) if name in FIRST else f"{name} {_text(value)}"


def _text(value: Any) -> str:
    if value is None or value == []:
        return ABSENT
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)
