"""After a search: the best few again, on folds and seeds that the search has not seen.

The score of the best of many is optimistic, because it was chosen by the folds that gave it. On a re-split of the same
data the choice is no longer favoured, but the data are those that were searched: it is called a re-split, not a test.
"""

import dataclasses
from collections.abc import Sequence

from analysis.tables import TableSpecification
from searchspace.exploration import Exploration
from searchspace.plan import Plan
from searchspace.search import Entry
from searchspace.study import Study
from trainables.planning import plan_trial, splits_for
from trainables.seeds import derive

OTHER_FOLDS = "The best of the search again, on other folds (re-split of searched data)"
OTHER_SEEDS = "The best of the search again, with other seeds on the same folds"
FIXED_PLANS = ("from-file", "official", "external")
"""Fold plans that draw nothing: another seed leaves their folds as they are."""


def finalists(exploration: Exploration) -> list[Entry]:
    """Return the complete trials to confirm, best first."""
    complete = [entry for entry in exploration.proposer.entries if entry.state == "complete" and entry.feasible]
    ranked = sorted(complete, key=lambda entry: (-(entry.value or 0.0), entry.number))
    return ranked[: exploration.settings.confirm]


def confirmation(exploration: Exploration) -> Plan | None:
    """Return the finalists as a plan of their own, or None when there are none or the search is not over."""
    chosen = finalists(exploration)
    if not chosen or exploration.proposer.finished is None:
        return None
    plan, study = exploration.plan, exploration.plan.study
    folds = study.folds.model_copy(update={"seed": derive(study.folds.seed, "confirmation") % 2**31})
    trials = {proposal.number: proposal.trial for proposal in exploration.proposer.proposals}
    configurations = tuple(trials[entry.number].configuration for entry in chosen)
    splits = splits_for(plan.context.cohort, folds, list(configurations))
    context = dataclasses.replace(plan.context, folds=folds, splits=splits)
    again = tuple(
        plan_trial(trials[entry.number].label, trials[entry.number].configuration, context) for entry in chosen
    )
    return dataclasses.replace(
        plan,
        study=study.model_copy(update={"folds": folds, "tables": (_table(study),)}),
        context=context,
        candidates=configurations,
        trials=again,
        known=context.ledger.records(fit.key for trial in again for fit in trial.fits),
    )


def _table(study: Study) -> TableSpecification:
    title = OTHER_SEEDS if study.folds.plan in FIXED_PLANS else OTHER_FOLDS
    return TableSpecification(name="confirmation", title=title, kind="leaderboard", metrics=("mcr", "auc"))


def told_again(exploration: Exploration, plans: Sequence[Plan]) -> list[str]:
    """Return a line for each finalist with its score in the search and on other folds; none before all are trained."""
    if not plans:
        return []
    lines = []
    for entry, trial in zip(finalists(exploration), plans[0].trials, strict=True):
        records = plans[0].context.ledger.records(fit.key for fit in trial.fits)
        scores = [record.metrics.get("mcr") for record in records.values() if record.state == "done"]
        values = [score for score in scores if score is not None]
        if len(values) == len(trial.fits) and entry.value is not None:
            mean = sum(values) / len(values)
            lines.append(f"{trial.label}: MCR {100 * entry.value:.1f} in the search, {100 * mean:.1f} again")
    return lines
