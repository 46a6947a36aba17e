"""`--dry-run`: the trials, the fold fits that the ledger has already, and what the rest would cost. Trains nothing."""

import math

from rich.console import Console
from rich.table import Table

from searchspace.preparation import Plan, missing_features
from trainables.estimate import seconds_per_fit, seconds_per_sample


def show_plan(plan: Plan, console: Console, cores: int) -> None:
    """Print the plan of a study."""
    table = Table()
    for heading in ("configuration", "trial", "in the ledger", "to train"):
        table.add_column(heading, justify="left" if heading in ("configuration", "trial") else "right")
    for trial in plan.trials:
        left = len(plan.open_fits(trial))
        table.add_row(trial.identifier, trial.label, str(len(trial.fits) - left), str(left))
    console.print(table)
    cohort, folds = plan.context.summary, plan.context.fold_summary
    repeats = len({fit.identity["repeat"] for fit in plan.fits})
    console.print(
        f"{cohort.n_samples:,} samples of {cohort.n_groups:,} {cohort.group}s; plan {folds['plan']}, "
        f"{folds['folds']} folds, "
        f"{repeats} repeat{'s' if repeats > 1 else ''}; {len(plan.trials)} configurations, {len(plan.fits)} fold fits",
        highlight=False,
    )
    for line in _work(plan, cores):
        console.print(line, highlight=False)


def _work(plan: Plan, cores: int) -> list[str]:
    left = [fit for trial in plan.trials for fit in plan.open_fits(trial)]
    if not left:
        return ["nothing to train: every fold fit is in the ledger"]
    missing = missing_features(plan)
    n_samples = len(plan.context.cohort.samples)
    encode = sum(seconds_per_sample(configuration, plan.context) for configuration in missing) * n_samples / cores
    per_trial = {trial.identifier: seconds_per_fit(trial.configuration, plan.context) for trial in plan.open_trials}
    train = sum(per_trial[trial.identifier] * len(plan.open_fits(trial)) for trial in plan.open_trials)
    train /= max(1, cores // plan.context.threads)
    steps = sum(_steps(plan, trial_number) for trial_number in range(len(plan.trials)))
    images = (
        f"encode {n_samples * len(missing):,} samples (about {_duration(encode)})"
        if missing
        else "features are cached on this node"
    )
    return [
        f"work: {images}; train {len(left)} fold fits, {steps:,} optimisation steps "
        f"(about {_duration(train)} on {cores} cores)",
        "the times come from a few samples and steps on made-up numbers on this machine; start-up not counted",
    ]


def _steps(plan: Plan, number: int) -> int:
    trial = plan.trials[number]
    training = trial.configuration.training
    splits = plan.context.splits_of(trial.configuration)
    return sum(
        training.epochs * math.ceil(len(splits[fit.split].train) / training.batch_size) for fit in plan.open_fits(trial)
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
