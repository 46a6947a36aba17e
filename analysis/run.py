"""A run, read back: its manifest, the fold fits that its ledger holds, and every configuration evaluated.

run = load_run("runs/ham10000-screen")     # a run folder, or a ledger (`study=` picks one of the studies it holds)
run.parts[0].results                       # configurations, evaluated; run.parts[0].context: cohort, folds, leak
run.tables                                 # the tables that the study declares
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import ValidationError

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult, evaluate
from analysis.importances import Importances
from analysis.ledger import FitRecord, Ledger
from analysis.manifest import Manifest, PlannedConfiguration, PlannedPart
from analysis.resampling import Resampling
from analysis.search_record import Entry
from analysis.tables import (
    StudyContext,
    Table,
    TableSpecification,
    build_arm_tables,
    build_tables,
    study_context,
)
from analysis.tables.refusals import refusal


@dataclass(frozen=True)
class Part:
    """One part of a study, evaluated; `context` is None while it has no fold fits. `records` are its own, by key."""

    planned: PlannedPart
    specifications: tuple[TableSpecification, ...]
    results: tuple[ConfigurationResult, ...]
    context: StudyContext | None
    records: Mapping[str, FitRecord] = field(default_factory=dict)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The tables that the part declares; none without fold fits."""
        return build_tables(self.specifications, self.results, self.context) if self.context else ()


@dataclass(frozen=True)
class Run:
    """A study with its parts in order; `search` are the recorded trials of a search, `damaged` unreadable fold fits.

    `ledger` is where the fold fits are, and what is stored beside them; `importances` are those of a search;
    `unreadable` says which other files of the run cannot be used.
    """

    manifest: Manifest
    location: str
    parts: tuple[Part, ...]
    across: tuple[TableSpecification, ...] = ()
    search: tuple[Entry, ...] = ()
    damaged: Mapping[str, str] = field(default_factory=dict)
    ledger: Ledger | None = None
    importances: tuple[Importances, ...] = ()
    unreadable: tuple[str, ...] = ()

    @cached_property
    def tables_across(self) -> tuple[Table, ...]:
        """The tables over the arms of the study, of the arms that have fold fits."""
        started = {part.planned.name: part for part in self.parts if part.context is not None}
        if not self.across or not started:
            return ()
        results = {name: part.results for name, part in started.items()}
        contexts = {name: part.context for name, part in started.items() if part.context is not None}
        return build_arm_tables(self.across, results, contexts)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, those over arms first."""
        return (*self.tables_across, *(table for part in self.parts for table in part.tables))


def evaluate_run(
    manifest: Manifest, ledger: Ledger, location: str, *, search: Iterable[Entry] = (), replicates: int = 0
) -> Run:
    """Read the ledger and evaluate every configuration of a study.

    Args:
        manifest: what was planned.
        ledger: where its fold fits are; those of other runs that share it count as tried.
        location: what the run is called in the report.
        search: the recorded trials of a search.
        replicates: of the bootstrap; 0: none, and no bootstrap fields in the long CSV.

    Raises:
        AnalysisError: predictions that fail a check, or a table that does not fit the configurations.
    """
    everything = ledger.records()
    parts = tuple(_evaluated(manifest, planned, ledger, everything, replicates) for planned in manifest.parts)
    across = specifications(manifest.across, f"study {manifest.study}")
    return Run(manifest, location, parts, across, tuple(search), dict(ledger.damaged), ledger)


def specifications(tables: Iterable[Mapping[str, object]], source: str) -> tuple[TableSpecification, ...]:
    """Return validated table specifications.

    Args:
        tables: their settings.
        source: where they were written, as errors name it: `study ham10000-screen`, or a file.

    Raises:
        AnalysisError: one cannot be used; names the table, the setting with its value, and the choices.
    """
    found = []
    for table in tables:
        try:
            found.append(TableSpecification.model_validate(dict(table)))
        except ValidationError as error:
            name = dict(table).get("name", "?")
            raise AnalysisError(f"{source}: table {name}: {refusal(error)}") from error
    return tuple(found)


def _evaluated(
    manifest: Manifest, planned: PlannedPart, ledger: Ledger, everything: Mapping[str, FitRecord], replicates: int
) -> Part:
    wanted = [fit.key for one in planned.configurations for fit in one.fits]
    records = {key: everything[key] for key in wanted if key in everything}
    tables = specifications(planned.tables, f"study {manifest.study}")
    if not records:
        return Part(planned, tables, (), None)
    results = tuple(_evaluate(one, ledger, records) for one in planned.configurations)
    context = study_context(
        study=f"{manifest.study}, arm {planned.name}" if planned.name else manifest.study,
        question=manifest.question,
        records=records.values(),
        results=results,
        features=planned.trained_on,
        sample=planned.sample,
        n_configurations=len(_tried(planned, everything.values())),
        factors=planned.factors,
        declarations=planned.declarations,
        adjusted=planned.adjusted,
        resampling=Resampling(results, replicates=replicates) if replicates else None,
    )
    return Part(planned, tables, results, context, records)


def _evaluate(planned: PlannedConfiguration, ledger: Ledger, records: Mapping[str, FitRecord]) -> ConfigurationResult:
    found = [records[fit.key] for fit in planned.fits if fit.key in records]
    predictions = {record.key: ledger.predictions(record) for record in found if record.state == "done"}
    folds = [(fit.repeat, fit.fold) for fit in planned.fits]
    return evaluate(
        planned.identifier,
        planned.configuration,
        planned.label,
        folds,
        found,
        predictions,
        dropped=planned.dropped,
    )


def _tried(planned: PlannedPart, records: Iterable[FitRecord]) -> set[str]:
    """Return every configuration tried on this cohort and these folds, by other runs on a shared ledger too."""
    return {one.identifier for one in planned.configurations} | {
        record.configuration_id
        for record in records
        if record.cohort.fingerprint == planned.fingerprint and record.folds == planned.folds
    }
