"""Before anything starts: open the cohort, expand the space, cut the folds, plan every fold fit, and check all."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.evaluation import ConfigurationResult, evaluate
from analysis.ledger import FitRecord, Ledger, digest
from analysis.tables import check_tables
from models.errors import InputError
from searchspace.grid import expand
from searchspace.study import Study
from trainables.cohorts import Cohort, open_cohort
from trainables.configuration import Configuration
from trainables.environment import device_for
from trainables.features import FeatureSource
from trainables.images.pixels import Tick
from trainables.losses import create_loss
from trainables.metadata import fit_encoder
from trainables.planning import PlannedFit, Trial, TrialContext, plan_trial, splits_for
from trainables.trial import SETTLED
from trainables.weights import Weights, find_weights, read_weights


@dataclass(frozen=True)
class Request:
    """What the command line asked for, with absolute paths."""

    study: Study
    data: Path | None
    weights: Path | None
    skip_bad: bool
    cache: Path


@dataclass(frozen=True)
class Plan:
    """All trials of a study with what they share, and the records that the ledger held when it was made."""

    study: Study
    trials: tuple[Trial, ...]
    context: TrialContext
    known: dict[str, FitRecord]

    @property
    def fits(self) -> list[PlannedFit]:
        """Every planned fold fit."""
        return [fit for trial in self.trials for fit in trial.fits]

    def open_fits(self, trial: Trial) -> list[PlannedFit]:
        """The fold fits of a trial that have to be trained."""
        return [fit for fit in trial.fits if fit.key not in self.known or self.known[fit.key].state not in SETTLED]

    @property
    def open_trials(self) -> list[Trial]:
        """The trials with anything left to train."""
        return [trial for trial in self.trials if self.open_fits(trial)]


def prepare_plan(request: Request, ledger: Ledger) -> Plan:
    """Open, check and plan everything; nothing is trained.

    Raises:
        InputError: whatever is wrong with the study, the data, the weights or the folds.
    """
    configurations = expand(request.study)
    cohort = open_cohort(request.study.cohort, request.data, request.skip_bad)
    for configuration in configurations.values():
        _check_fits(configuration, cohort)
    context = TrialContext(
        cohort=cohort,
        folds=request.study.folds,
        splits=splits_for(cohort, request.study.folds, list(configurations.values())),
        ledger=ledger,
        cache=request.cache,
        weights=_weights(request, list(configurations.values())),
        threads=request.study.resources.threads,
        gpu=request.study.resources.gpu > 0,
    )
    trials = tuple(plan_trial(label, configuration, context) for label, configuration in configurations.items())
    for table in request.study.tables:
        if table.target is not None:
            cohort.target(table.target)
    check_tables(
        request.study.tables, [_unevaluated(trial) for trial in trials], [target.name for target in cohort.targets]
    )
    known = ledger.records(fit.key for trial in trials for fit in trial.fits)
    plan = Plan(request.study, trials, context, known)
    for source in _distinct_features(context, trials):
        if not source.is_cached(context.cache):
            source.build_backbone()
    return plan


def compute_features(plan: Plan, workers: int, tick: dict[str, Tick]) -> None:
    """Compute the features of the open trials on this node, with all its cores, so that no trial waits for them."""
    context = plan.context
    for source in _distinct_features(context, plan.open_trials):
        device = device_for(context.gpu)
        source.open(context.cache, workers=workers, device=device, tick=tick.__getitem__)


def missing_features(plan: Plan) -> list[Configuration]:
    """Return one configuration for each set of features that the open trials need and this node does not have."""
    return [
        trial.configuration
        for trial in _by_features(plan.context, plan.open_trials).values()
        if not plan.context.features_of(trial.configuration).is_cached(plan.context.cache)
    ]


def _by_features(context: TrialContext, trials: Iterable[Trial]) -> dict[str, Trial]:
    """Return the last trial of each distinct set of features."""
    return {digest(context.features_of(trial.configuration).identity): trial for trial in trials}


def _distinct_features(context: TrialContext, trials: Iterable[Trial]) -> list[FeatureSource]:
    return [context.features_of(trial.configuration) for trial in _by_features(context, trials).values()]


def _unevaluated(trial: Trial) -> ConfigurationResult:
    """Return what tables know of a trial before any of its fold fits."""
    planned = [(fit.identity["repeat"], fit.identity["fold"]) for fit in trial.fits]
    return evaluate(trial.identifier, trial.configuration.canonical(), trial.label, planned, [], {})


def _check_fits(configuration: Configuration, cohort: Cohort) -> None:
    """Build what depends on both configuration and cohort once, so that a mismatch is found now and not in a trial."""
    fit_encoder(configuration.metadata, cohort, np.arange(len(cohort.samples)))
    classes = [np.bincount(cohort.labels(target.name), minlength=len(target.classes)) for target in cohort.targets]
    create_loss(configuration.loss, classes)


def _weights(request: Request, configurations: list[Configuration]) -> dict[str, Weights]:
    """Read the weights file of every backbone that wants one."""
    wanted = sorted({c.backbone.name for c in configurations if c.backbone.weights == "file"})
    study, given = request.study.name, request.weights
    if wanted and given is None:
        advice = "give --weights <file or folder>, or --set backbone.weights=none"
        raise InputError(f"study {study} needs the weights of {', '.join(wanted)}: {advice}")
    if not wanted and given is not None:
        advice = "say --set backbone.weights=file"
        raise InputError(f"--weights {given}: no configuration of study {study} reads weights; {advice}")
    if len(wanted) > 1 and given is not None and given.is_file():
        raise InputError(
            f"--weights {given} is one file, but {', '.join(wanted)} each need one; give a folder of files"
        )
    return {name: read_weights(find_weights(given, name)) for name in wanted if given}
