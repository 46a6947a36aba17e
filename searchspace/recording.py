"""What a run leaves for the analysis: the manifest of its study, from the plans of its arms or of its search."""

from collections.abc import Sequence
from importlib.metadata import version

from analysis.manifest import Manifest, PlannedConfiguration, PlannedFold, PlannedPart, Role
from searchspace.grid import same_model
from searchspace.plan import Plan
from searchspace.study import Study
from trainables.describe import describe_training
from trainables.planning import Trial
from trainables.recipes import find_recipe


def manifest_of(study: Study, plans: Sequence[Plan], ledger: str | None, *, ended: bool = False) -> Manifest:
    """Return the manifest of a study: `plans` are its arms, or a search and then the confirmation of its best.

    `ledger`: where the fold fits are, None when that is the run folder's own. `ended`: the run came to its own end.
    """
    return Manifest(
        study=study.name,
        question=study.question,
        source=study.source,
        expected=study.expected,
        parts=tuple(_part(plan, again=number > 0) for number, plan in enumerate(plans)),
        settings=study.model_dump(mode="json", exclude_unset=True),
        across=tuple(table.model_dump(mode="json", exclude_unset=True) for table in study.tables_across),
        software=version("fusesearch"),
        ledger=ledger,
        ended=ended,
    )


def _part(plan: Plan, *, again: bool) -> PlannedPart:
    cohort = plan.context.cohort
    role: Role = "grid" if plan.space is None else "confirmation" if again else "search"
    return PlannedPart(
        name=plan.arm,
        role=role,
        fingerprint=cohort.fingerprint,
        folds=plan.context.fold_summary,
        sample="image" if len(cohort.image_names) == 1 else "sample",
        trained_on=trained_on(plan),
        factors=tuple(plan.factors),
        adjusted=adjusted(plan.study),
        declarations=plan.declarations,
        notes=tuple(cohort.notes),
        left_out=tuple(dict.fromkeys((problem.sample, problem.what) for problem in cohort.left_out)),
        tables=tuple(table.model_dump(mode="json", exclude_unset=True) for table in plan.study.tables),
        configurations=tuple(_configuration(trial, plan.dropped.get(trial.identifier)) for trial in plan.trials),
    )


def _configuration(trial: Trial, dropped: str | None) -> PlannedConfiguration:
    return PlannedConfiguration(
        identifier=trial.identifier,
        label=trial.label,
        configuration=trial.configuration.canonical(),
        fits=tuple(
            PlannedFold(repeat=fit.identity["repeat"], fold=fit.identity["fold"], key=fit.key) for fit in trial.fits
        ),
        dropped=dropped,
    )


def adjusted(study: Study) -> tuple[str, ...]:
    """Return the dotted settings that the study or its recipe sets where others have certain values."""
    of_recipe = find_recipe(study.recipe).adjust if study.recipe else ()
    return tuple(dict.fromkeys(name for one in (*of_recipe, *study.adjust) for name in one.set))


def trained_on(plan: Plan) -> str:
    """Say what the models see, with the metadata fields or the fusion that labels leave out."""
    configurations = [trial.configuration for trial in plan.trials] or list(plan.candidates)
    trained, same = describe_training(configurations), same_model(configurations)
    if plan.space is None and same:
        return f"{trained}; all configurations: {same}"
    fields = {name: None for configuration in configurations for name in configuration.metadata.fields}
    return f"{trained}; metadata: {', '.join(fields)}" if plan.arm and fields else trained
