"""`--dry-run`: the trials, the fold fits that the ledger has already, and what the rest would cost. Trains nothing."""

import math

from rich.console import Console
from rich.table import Table

from searchspace.capacity import lacking_here
from searchspace.node import missing_inputs, without_download
from searchspace.plan import Plan
from searchspace.search.settings import SearchSettings
from trainables.configuration import Configuration
from trainables.estimate import seconds_per_fit, seconds_per_sample

TIMED = 5
"""Configurations of a search space that are timed; they stand for all."""


def show_plan(plan: Plan, console: Console, cores: int) -> None:
    """Print the plan of a study, or of one of its arms."""
    if plan.arm:
        console.print(f"arm {plan.arm}", highlight=False)
    if plan.space is None:
        _show_grid(plan, console)
        lines = _work(plan, cores)
    else:
        lines = _search(plan, cores)
    for line in (_data(plan), *lines, *_room(plan)):
        console.print(line, highlight=False)


def _show_grid(plan: Plan, console: Console) -> None:
    table = Table()
    for heading in ("configuration", "trial", "in the ledger", "to train"):
        table.add_column(heading, justify="left" if heading in ("configuration", "trial") else "right")
    for trial in plan.trials:
        left = len(plan.open_fits(trial))
        table.add_row(trial.identifier, trial.label, str(len(trial.fits) - left), str(left))
    console.print(table)


def _data(plan: Plan) -> str:
    cohort, folds = plan.context.summary, plan.context.fold_summary
    splits = plan.context.splits_of(plan.candidates[0])
    repeats, count = len({split.repeat for split in splits}), folds["folds"]
    counted = f"; {len(plan.trials)} configurations, {len(plan.fits)} fold fits" if plan.space is None else ""
    return (
        f"{cohort.n_samples:,} samples of {cohort.n_groups:,} {cohort.group}s; plan {folds['plan']}, "
        f"{count} fold{'s' if count > 1 else ''}, {repeats} repeat{'s' if repeats > 1 else ''}{counted}"
    )


def _work(plan: Plan, cores: int) -> list[str]:
    left = [fit for trial in plan.trials for fit in plan.open_fits(trial)]
    if not left:
        return ["nothing to train: every fold fit is in the ledger"]
    cost = _Cost(plan)
    train = sum(cost.seconds(trial.configuration) * len(plan.open_fits(trial)) for trial in plan.open_trials)
    steps = sum(_steps(plan, trial.configuration) * len(plan.open_fits(trial)) for trial in plan.open_trials)
    return [
        f"work: {_inputs(plan, cores)}; train {len(left)} fold fits, {steps:,} optimisation steps "
        f"(about {_duration(train / _slots(plan, cores))} on {cores} cores)",
        "the times come from a few samples and steps on made-up numbers on this machine; start-up not counted",
    ]


def _search(plan: Plan, cores: int) -> list[str]:
    settings = plan.study.strategy
    assert isinstance(settings, SearchSettings)
    limits = {name: getattr(settings, name) for name in ("trials", "fold_fits", "hours") if getattr(settings, name)}
    timed = plan.candidates[:: max(1, len(plan.candidates) // TIMED)][:TIMED]
    cost = _Cost(plan)
    seconds = sum(cost.seconds(configuration) for configuration in timed) / len(timed)
    ends = [name for name in ("racing", "halving") if getattr(settings, name)]
    early = f"; {' and '.join(ends)} may end a trial early" if ends else ""
    return [
        f"search: {plan.study.strategy.name} over {', '.join(plan.factors)}",
        f"budget: {', '.join(f'{name} {value:g}' for name, value in limits.items())}{early}; "
        f"then the best {settings.confirm} again on other folds",
        f"work: {_inputs(plan, cores)}; a fold fit takes about {_duration(seconds)} on {plan.context.threads} "
        f"CPU{'s' if plan.context.threads > 1 else ''}, by {len(timed)} configurations of the space",
        "the times come from a few samples and steps on made-up numbers on this machine; start-up not counted",
    ]


def _room(plan: Plan) -> list[str]:
    """Say what a process of the study wants and this machine lacks; a cluster may have it."""
    lacking = lacking_here(plan.hungriest)
    return [f"here it would stop: {lacking}"] if lacking else []


class _Cost:
    """Seconds of a fold fit; of fine-tuned ones each backbone at each size is timed once, whatever is fused with it."""

    def __init__(self, plan: Plan) -> None:
        self._context = plan.context
        self._timed: dict[tuple[object, ...], float] = {}

    def seconds(self, configuration: Configuration) -> float:
        backbone, training = configuration.backbone, configuration.training
        configuration = without_download(configuration)
        if not configuration.fine_tuned:
            return seconds_per_fit(configuration, self._context)
        gate = (backbone.gate, backbone.gate_pool, backbone.gate_position)
        size = (backbone.name, *gate, backbone.frozen_stages, configuration.input_size)
        kind = (*size, training.batch_size, training.epochs, training.inner_share)
        if kind not in self._timed:
            self._timed[kind] = seconds_per_fit(configuration, self._context)
        return self._timed[kind]


def _inputs(plan: Plan, cores: int) -> str:
    missing, n_samples = missing_inputs(plan), len(plan.context.cohort.samples)
    if not missing:
        return "images and features are cached on this node"
    seconds = sum(seconds_per_sample(without_download(one), plan.context) for one in missing) * n_samples / cores
    return f"prepare {n_samples * len(missing):,} samples (about {_duration(seconds)})"


def _slots(plan: Plan, cores: int) -> int:
    return max(1, cores // plan.context.threads)


def _steps(plan: Plan, configuration: Configuration) -> int:
    split, training = plan.context.splits_of(configuration)[0], configuration.training
    if not configuration.uses_image:
        return 0
    return training.epochs * math.ceil(len(split.train) / training.batch_size)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
