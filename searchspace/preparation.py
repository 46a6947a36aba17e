"""Before anything starts: open the cohorts, expand the space, cut the folds, plan every fold fit, and check all."""

import dataclasses
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.errors import AnalysisError
from analysis.evaluation import ConfigurationResult, evaluate
from analysis.ledger import Ledger
from analysis.tables import check_arm_tables, check_tables
from models.errors import InputError
from searchspace.grid import expand
from searchspace.inputs import OpenedCohorts, declare, folder_of, outcomes_read, probe
from searchspace.node import check_networks, without_download
from searchspace.plan import Plan
from searchspace.points import configuration_at
from searchspace.search import AbstractSpace, open_space
from searchspace.search.space import FunctionSpace
from searchspace.study import Study
from trainables.cohorts import Cohort
from trainables.configuration import Configuration
from trainables.losses import create_loss
from trainables.metadata import fit_encoder
from trainables.mirror import Mirrors, Place
from trainables.network import check_modalities
from trainables.planning import Trial, TrialContext, plan_trial, splits_for
from trainables.weights import Weights, find_weights, read_weights

PROBES = 256
"""Random points of a search space that are checked before it is searched."""


@dataclass(frozen=True)
class Request:
    """What the command line asked for, with absolute paths or URIs; a dry run downloads no weights of a hub."""

    study: Study
    data: str | None
    weights: str | None
    skip_bad: bool
    cache: Path
    dry_run: bool = False


def prepare_plans(request: Request, ledger: Ledger, mirrors: Mirrors | None = None) -> tuple[Plan, ...]:
    """Open, check and plan everything, one plan for each arm of the study; nothing is trained.

    `mirrors` copies what is at a URI to this node; without it that happens silently.

    Raises:
        InputError: whatever is wrong with the study, the data, the weights or the folds.
        AnalysisError: tables that the configurations do not fill.
    """
    opened = OpenedCohorts(request.skip_bad, mirrors or Mirrors(request.cache))
    plans = []
    for arm, study in request.study.parts.items():
        data = _data_of(request, arm, opened.mirrors)
        try:
            plans.append(prepare_plan(dataclasses.replace(request, study=study), data, ledger, opened, arm))
        except (InputError, AnalysisError) as error:
            raise type(error)(f"arm {arm}: {error}" if arm else str(error)) from error
    _check_across(request, plans)
    return tuple(plans)


def prepare_plan(request: Request, data: Place | None, ledger: Ledger, opened: OpenedCohorts, arm: str = "") -> Plan:
    """Open, check and plan a study without arms, or one arm; `data` is its folder.

    Raises:
        InputError, AnalysisError: as `prepare_plans`.
    """
    study = request.study
    space = None if study.search is None else open_space(study.search)
    labelled = expand(study, brief=bool(arm)) if space is None else probed(study, space)
    candidates = list(labelled.values())
    cohort = opened.open(study, data)
    counts = [np.bincount(cohort.labels(target.name), minlength=len(target.classes)) for target in cohort.targets]
    for configuration in candidates:
        _check_fits(configuration, cohort, counts)
    context = _context(request, cohort, candidates, ledger, opened.mirrors)
    _check_batches(study, candidates)
    _check_halving(study, candidates)
    grid = labelled if space is None else {}  # a search plans its trials when it suggests them
    trials = tuple(plan_trial(label, configuration, context) for label, configuration in grid.items())
    _check_tables(study, cohort, trials)
    check_networks(context, map(without_download, candidates) if request.dry_run else candidates)
    declared = declare(study, outcomes_read(cohort, candidates))
    return Plan(
        study=study,
        context=context,
        candidates=tuple(candidates),
        trials=trials,
        known=ledger.records(fit.key for trial in trials for fit in trial.fits) if space is None else {},
        space=space,
        arm=arm,
        declarations=(*declared, *probe(cohort, candidates)),
    )


def _data_of(request: Request, arm: str, mirrors: Mirrors) -> Place | None:
    """Return the data folder of an arm: its own, else the one of its name inside --data, else --data."""
    settings = (request.study.arms or {}).get(arm)
    if settings is not None and settings.data is not None:
        return folder_of(settings.data, f"arms.{arm}.data", mirrors)
    if request.data is None:
        return None
    given = mirrors.fetch(request.data, "--data")
    inside = given.inside(arm) if settings is not None and settings.cohort is not None else None
    return inside if inside is not None and inside.path.is_dir() else given


def _check_across(request: Request, plans: Sequence[Plan]) -> None:
    """Check what only all arms together can tell: tables across, names of files, whether anything reads the weights."""
    study, given = request.study, request.weights
    if study.tables_across:
        check_arm_tables(study.tables_across, {plan.arm: list(map(_unevaluated, plan.trials)) for plan in plans})
    tables = [(table, plan) for plan in plans for table in plan.study.tables]
    tables += [(table, plans[0]) for table in study.tables_across]
    names = [
        name.lower()
        for table, plan in tables
        for name in table.file_names([target.name for target in plan.context.cohort.targets])
    ]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"tables: two tables would write {twice[0]}.md; give each a name of its own")
    if given is not None and not any(plan.context.weights for plan in plans):
        advice = "say --set backbone.weights=file"
        raise InputError(f"--weights {given}: no configuration of study {study.name} reads weights; {advice}")


def probed(study: Study, space: AbstractSpace) -> dict[str, Configuration]:
    """Return distinct configurations at random points of a space and at its starting points, each under a label.

    Raises:
        InputError: a starting point is outside the space or impossible, or every random point is.
    """
    space.starting_points(study.starting_points)
    found = {}
    impossible = None
    # Those of a function are in the names that it gives to Optuna, and mean nothing before it is called.
    for point in () if isinstance(space, FunctionSpace) else study.starting_points:
        configuration = configuration_at(study, point)
        found[configuration.identifier] = configuration
    for point in space.probe(PROBES):
        try:
            configuration = configuration_at(study, point)
            found.setdefault(configuration.identifier, configuration)
        except InputError as error:
            impossible = error
    if impossible is not None and not found:
        raise InputError(f"search: none of {PROBES} random points is possible; the last one: {impossible}")
    return found


def _context(
    request: Request, cohort: Cohort, candidates: Sequence[Configuration], ledger: Ledger, mirrors: Mirrors
) -> TrialContext:
    study = request.study
    return TrialContext(
        cohort=cohort,
        folds=study.folds,
        splits=splits_for(cohort, study.folds, list(candidates)),
        ledger=ledger,
        cache=request.cache,
        weights=_weights(request, candidates, mirrors),
        threads=study.resources.threads,
        gpu=study.resources.gpu > 0,
        ranks_per_fit=study.resources.ranks_per_fit,
        checkpoint_every=study.resources.checkpoint_every,
        maps=study.maps,
        heads_on_gpu=study.resources.heads == "gpu",
        time_limit=60.0 * study.resources.time_limit,
        session=uuid.uuid4().hex,
    )


def _check_tables(study: Study, cohort: Cohort, trials: Sequence[Trial]) -> None:
    for table in study.tables:
        if table.target is not None:
            cohort.target(table.target)
    results = [_unevaluated(trial) for trial in trials]
    check_tables(study.tables, results, [target.name for target in cohort.targets], search=study.search is not None)


def _unevaluated(trial: Trial) -> ConfigurationResult:
    """Return what tables know of a trial before any of its fold fits."""
    planned = [(fit.identity["repeat"], fit.identity["fold"]) for fit in trial.fits]
    return evaluate(trial.identifier, trial.configuration.canonical(), trial.label, planned, [], {})


def _check_fits(configuration: Configuration, cohort: Cohort, counts: Sequence[np.ndarray]) -> None:
    """Build what depends on both configuration and cohort once, so that a mismatch is found now and not in a trial.

    `counts`: the samples of each class, per target.
    """
    if configuration.uses_image:
        check_modalities(configuration.modalities, configuration.loss, cohort.image_names)
    fit_encoder(configuration.metadata, cohort, np.arange(len(cohort.samples)))
    create_loss(configuration.loss, counts)


def _check_batches(study: Study, candidates: Sequence[Configuration]) -> None:
    ranks = study.resources.ranks_per_fit
    for configuration in candidates:
        if configuration.fine_tuned and configuration.training.batch_size < 2 * ranks:
            raise InputError(
                f"training.batch_size={configuration.training.batch_size} leaves fewer than two samples to each of "
                f"resources.ranks_per_fit={ranks} processes; make the batch larger"
            )


def _check_halving(study: Study, candidates: Sequence[Configuration]) -> None:
    halving = getattr(study.strategy, "halving", None)
    if halving is not None and not all(configuration.training.inner_share for configuration in candidates):
        raise InputError(
            "strategy.halving reads the inner part of the training folds; set training.inner_share, for example 0.1, "
            "or strategy.halving=false"
        )


def _weights(request: Request, configurations: Sequence[Configuration], mirrors: Mirrors) -> dict[str, Weights]:
    """Read the weights file of every backbone that wants one."""
    wanted = sorted({c.backbone.name for c in configurations if c.uses_image and c.backbone.weights == "file"})
    study, given = request.study.name, request.weights
    if wanted and given is None:
        advice = "give --weights <file or folder>, or --set backbone.weights=none"
        raise InputError(f"study {study} needs the weights of {', '.join(wanted)}: {advice}")
    if not wanted or given is None:
        return {}
    place = mirrors.fetch(given, "--weights").path
    if len(wanted) > 1 and place.is_file():
        raise InputError(
            f"--weights {given} is one file, but {', '.join(wanted)} each need one; give a folder of files"
        )
    return {name: read_weights(find_weights(place, name)) for name in wanted}
