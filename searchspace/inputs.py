"""What a study's models read: its cohorts, opened once each, and what a user should know of their metadata."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.ledger import digest
from models.errors import InputError
from searchspace.study import External, Study
from trainables.cohorts import Cohort, Field, open_cohort
from trainables.cohorts.external import join_external
from trainables.cohorts.files import with_origin
from trainables.cohorts.probe import probe_missingness
from trainables.configuration import Configuration
from trainables.mirror import Mirrors, Place


@dataclass
class OpenedCohorts:
    """Cohorts by how they were opened: arms that differ in folds or models only share one."""

    skip_bad: bool
    mirrors: Mirrors
    _opened: dict[str, Cohort] = field(default_factory=dict)

    def open(self, study: Study, data: Place | None) -> Cohort:
        """Return the cohort of a study, joined with the external one where it names one.

        Raises:
            InputError: the data are not there or faulty, or the two cohorts cannot be joined.
            AnalysisError: data at a URI that cannot be read.
        """
        cohort = self._open(study.cohort, data, study.allow_outcome_fields)
        if study.external is None:
            return cohort
        other = self._open(study.external.cohort, self._folder(study.external, data), study.allow_outcome_fields)
        return join_external(cohort, other)

    def _open(self, settings: Any, data: Place | None, allow_outcomes: bool) -> Cohort:
        key = digest([settings.model_dump(mode="json"), str(data), allow_outcomes])
        if key not in self._opened:
            folder = None if data is None else data.path
            cohort = open_cohort(settings, folder, self.skip_bad, allow_outcomes)
            self._opened[key] = with_origin(cohort, data.path, data.origin) if data and data.origin else cohort
        return self._opened[key]

    def _folder(self, external: External, data: Place | None) -> Place | None:
        if external.data is None:
            return data
        return folder_of(external.data, "external.data", self.mirrors)


def outcomes_read(cohort: Cohort, configurations: Sequence[Configuration]) -> tuple[Field, ...]:
    """Return the fields that follow from the diagnosis and that any configuration sees."""
    seen = _seen(configurations)
    return tuple(one for one in cohort.fields if one.outcome and one.name in seen)


def declare(study: Study, outcomes: Sequence[Field]) -> tuple[str, ...]:
    """Return what every table of a study must say of its inputs."""
    if not study.allow_outcome_fields:
        return ()
    named = "; ".join(f"{one.name} ({one.outcome})" for one in outcomes)
    used = f"models see {named}: such scores say nothing about new patients" if named else "no model sees any"
    return (f"allow_outcome_fields: fields that follow from the diagnosis are allowed as inputs; {used}",)


def probe(cohort: Cohort, configurations: Sequence[Configuration]) -> tuple[str, ...]:
    """Return warnings where it tells the label which values are missing of the fields that any configuration sees."""
    seen = _seen(configurations)
    return probe_missingness(cohort, seen) if seen else ()


def _seen(configurations: Sequence[Configuration]) -> set[str]:
    return {name for one in configurations if one.uses_metadata for name in one.metadata.fields}


def folder_of(given: str, name: str, mirrors: Mirrors) -> Place:
    """Return the folder that a setting of a study names; `name` is the setting's.

    Raises:
        InputError: there is no such folder.
        AnalysisError: it is a URI that cannot be read.
    """
    place = mirrors.fetch(given, name)
    if not place.path.is_dir():
        raise InputError(f"{name}={given}: there is no such folder")
    return place
