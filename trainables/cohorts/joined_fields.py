"""The metadata fields of two cohorts as one: those that both have, in one vocabulary, numbers on the main scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trainables.cohorts.base import Cohort, Field
from trainables.cohorts.sites import are_sites, general_sites
from trainables.cohorts.terms import FIELDS, match_once, plain


@dataclass(frozen=True)
class JoinedField:
    """One field with the values of both cohorts, in the order of their samples."""

    field: Field
    values: tuple[list[Any], list[Any]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class JoinedFields:
    """All fields that both cohorts have, what was changed, and the names that may not be asked for, with the reason."""

    fields: tuple[JoinedField, ...]
    notes: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def join_fields(cohort: Cohort, other: Cohort) -> JoinedFields:
    """The fields of `cohort` that `other` has too, under the names, ranges and scales of `cohort`."""
    theirs = {field.name: field for field in other.fields}
    same = match_once(theirs, (field.name for field in cohort.fields), FIELDS)
    pairs = {main: theirs[name] for name, main in same.items()}
    shared = [field for field in cohort.fields if field.name in pairs and pairs[field.name].kind == field.kind]
    joined = tuple(_joined(cohort, field, other, pairs[field.name]) for field in shared)
    names = {field.name for field in shared}
    lost = [field.name for field in cohort.fields if field.name not in names]
    reasons = {name: f"the external cohort {other.name!r} has no such field" for name in lost}
    refused = {**dict(other.refused_fields), **dict(cohort.refused_fields), **reasons}
    notes = [f"external: fields left out, as {other.name} does not have them: {', '.join(lost)}"] if lost else []
    return JoinedFields(
        joined,
        (*notes, *(note for field in joined for note in field.notes)),
        tuple((name, reason) for name, reason in refused.items() if name not in names),
    )


def _joined(cohort: Cohort, field: Field, other: Cohort, same: Field) -> JoinedField:
    own = cohort.samples[f"field:{field.name}"].tolist()
    theirs = other.samples[f"field:{same.name}"].tolist()
    field = replace(field, outcome=field.outcome or same.outcome)
    if field.kind == "number":
        return JoinedField(field, (own, theirs))
    declared = {plain(name): name for name in field.categories}
    unknown = [name for name in same.categories if plain(name) not in declared]
    if unknown and are_sites(field.categories) and are_sites(same.categories):
        vocabulary, general = general_sites(field.categories, same.categories)
        values = (_mapped(own, general), _mapped(theirs, general))
        notes = (f"{field.name}: mapped to ISIC's general sites ({', '.join(vocabulary)})",)
        return JoinedField(
            replace(field, categories=vocabulary),
            values,
            notes + _lost(field.name, own, values[0]) + _lost(field.name, theirs, values[1], "external "),
        )
    values = (own, _mapped(theirs, {name: declared.get(plain(name)) for name in same.categories}))
    return JoinedField(field, values, _lost(field.name, theirs, values[1], "external "))


def _mapped(values: list[Any], names: Mapping[str, str | None]) -> list[Any]:
    return [names.get(value) if isinstance(value, str) else None for value in values]


def _lost(field: str, before: list[Any], after: list[Any], whose: str = "") -> tuple[str, ...]:
    """What became a missing value because the joint vocabulary has no name for it."""
    gone = [old for old, new in zip(before, after, strict=True) if isinstance(old, str) and new is None]
    names = ", ".join(sorted(set(gone)))
    return (f"{field}: {len(gone):,} {whose}values have no name in common and are missing ({names})",) if gone else ()
