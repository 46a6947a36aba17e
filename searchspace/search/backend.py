"""The Optuna study behind a search: asked and told here, and kept equal to the record.

The study lives in a database that `optuna-dashboard` opens. The record is the truth: at start the study is compared
with it and made again where they differ, so no trial is left running, doubled or half told by a killed process.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import optuna
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.trial import FrozenTrial, TrialState

from analysis.errors import StorageError
from analysis.search_record import Entry
from models.errors import InputError
from searchspace.search.samplers import sampler_for
from searchspace.search.settings import RandomSearch, TreeParzenSearch
from searchspace.search.space import AbstractSpace

SQLITE = "sqlite:///"
_STATES = {
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "skipped": TrialState.FAIL,
    "damaged": TrialState.FAIL,
}


P = ParamSpec("P")
R = TypeVar("R")


def _written(work: Callable[P, R]) -> Callable[P, R]:
    """Say in one line that the database cannot be written, as on a full disk; the record goes before it and is kept."""

    @functools.wraps(work)
    def run(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return work(*arguments, **named)
        except optuna.exceptions.StorageInternalError as error:
            raise StorageError("cannot write the database of the search, optuna.db (is the disk full?)") from error

    return run


def open_study(name: str, url: str | None, entries: Sequence[Entry]) -> optuna.Study:
    """Return the study of that name, holding exactly the entries.

    Args:
        name: tells the studies of a database apart.
        url: of the database, as Optuna takes it (`sqlite:////runs/x/optuna.db`); None keeps the study in memory.
        entries: the record, by number.

    Raises:
        InputError: the database cannot be opened. A damaged SQLite file is set aside and made again.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if url is None:
        return _filled(name, optuna.storages.InMemoryStorage(), entries)
    try:
        return _filled(name, _database(url), entries)
    except Exception as error:  # whichever database library it is, it raises errors of its own
        if not url.startswith(SQLITE) or not Path(url.removeprefix(SQLITE)).is_file():
            raise _cannot_open(url, error) from error
    try:
        damaged = Path(url.removeprefix(SQLITE))
        damaged.rename(damaged.with_name(f"{damaged.name}.damaged"))
        return _filled(name, _database(url), entries)
    except Exception as error:
        raise _cannot_open(url, error) from error


@_written
def ask_study(
    study: optuna.Study,
    space: AbstractSpace,
    settings: TreeParzenSearch | RandomSearch,
    skipped: int,
) -> tuple[FrozenTrial, dict[str, Any]]:
    """Return the next trial and its dotted settings; `skipped` suggestions before it could not be used."""
    number = len(study.get_trials(deepcopy=False))
    study.sampler = sampler_for(settings, number, skipped)
    if number < len(settings.start):
        study.enqueue_trial(space.starting_points(settings.start)[number])
    trial = study.ask()
    point = space.suggest(trial)
    return study.get_trials(deepcopy=False)[trial.number], point


@_written
def tell_study(study: optuna.Study, entry: Entry) -> None:
    """Tell the study how a trial ended."""
    trial = optuna.Trial(study, study.get_trials(deepcopy=False)[entry.number]._trial_id)
    for step, estimate in entry.intermediate.items():
        trial.report(estimate, step)
    for name, excess in entry.constraints.items():
        trial.set_constraint(name, excess)
    for name, text in _annotations(entry).items():
        trial.set_user_attr(name, text)
    study.tell(entry.number, entry.value, state=_STATES[entry.state])


@_written
def add_to_study(study: optuna.Study, entry: Entry) -> None:
    """Add a trial as the record has it, running or ended."""
    study.add_trial(_frozen(entry))


def suggestion_of(trial: FrozenTrial) -> dict[str, Any]:
    """Return what the record keeps of a suggestion: the fields `parameters`, `distributions` and `attributes`."""
    distributions = {name: distribution_to_json(given) for name, given in trial.distributions.items()}
    return {"parameters": dict(trial.params), "distributions": distributions, "attributes": dict(trial.system_attrs)}


def _database(url: str) -> optuna.storages.BaseStorage:
    return optuna.storages.RDBStorage(url)


def _filled(name: str, storage: optuna.storages.BaseStorage, entries: Sequence[Entry]) -> optuna.Study:
    study = _named(name, storage)
    found = study.get_trials(deepcopy=False)
    if len(found) == len(entries) and all(map(_same, found, entries)):
        return study
    optuna.delete_study(study_name=name, storage=storage)
    study = _named(name, storage)
    for entry in entries:
        add_to_study(study, entry)
    return study


def _named(name: str, storage: optuna.storages.BaseStorage) -> optuna.Study:
    pruner = optuna.pruners.NopPruner()  # the referee prunes; Optuna's default would warn about steps
    return optuna.create_study(
        study_name=name, storage=storage, direction="maximize", pruner=pruner, load_if_exists=True
    )


def _same(trial: FrozenTrial, entry: Entry) -> bool:
    wanted = _frozen(entry)
    fields = ("state", "values", "params", "distributions", "intermediate_values", "system_attrs")
    return all(getattr(trial, field) == getattr(wanted, field) for field in fields)


def _frozen(entry: Entry) -> FrozenTrial:
    value = entry.value
    if entry.state == "pruned" and entry.intermediate:
        value = entry.intermediate[max(entry.intermediate)]  # as Optuna itself fills it in
    return optuna.create_trial(
        state=_STATES[entry.state],
        value=value,
        params=entry.parameters,
        distributions={name: json_to_distribution(text) for name, text in entry.distributions.items()},
        user_attrs=_annotations(entry),
        system_attrs=dict(entry.attributes),
        intermediate_values=entry.intermediate,
        constraints=entry.constraints,
    )


def _annotations(entry: Entry) -> dict[str, str]:
    found = {"configuration": entry.configuration, "label": entry.label, "reason": entry.reason}
    return {name: value for name, value in found.items() if value is not None}


def _cannot_open(url: str, error: Exception) -> InputError:
    reason = str(error).strip().partition("\n")[0]
    place = url.rpartition("@")[2]  # never show a password
    return InputError(f"the search database {place} cannot be opened: {reason}")
