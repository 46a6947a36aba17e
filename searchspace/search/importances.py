"""Which dimensions of a finished search decided the score, by two of Optuna's evaluators, from the record.

PED-ANOVA (Watanabe, Bansal & Hutter, IJCAI 2023) asks what the best trials have in common; it is Optuna 5's default and
handles conditional dimensions. fANOVA (Hutter, Hoos & Leyton-Brown, ICML 2014) asks which dimension explains the
variance of a random forest's surface; it needs dimensions that every trial has.

Trials that racing dropped count with their fold-blocked estimate, as if they had seen all folds: without them the
worse half of the space would be missing. Those dropped in their first fold, and failed ones, have no comparable score.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import json_to_distribution
from optuna.importance import (
    BaseImportanceEvaluator,
    FanovaImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)
from optuna.trial import TrialState

from analysis.importances import Importances
from analysis.search_record import Entry
from analysis.search_space import comparable

FEWEST = 10
"""Trials below which an importance would be chance."""

BEST = 5
"""Trials that PED-ANOVA wants among the best at least (Optuna's documentation); else the best tenth."""

SEED = 0
TREES = 64


def importances(entries: Sequence[Entry]) -> tuple[Importances, ...]:
    """Return the importances by PED-ANOVA and by fANOVA; none with fewer than ten scored trials, or equal scores.

    Args:
        entries: the record of the search, of one space.
    """
    scored = [(entry, score) for entry in entries if (score := comparable(entry)) is not None]
    if len(scored) < FEWEST or len({score for _, score in scored}) == 1:
        return ()
    study = _study(scored)
    share = max(0.1, BEST / len(scored))
    names = list(dict.fromkeys(name for entry, _ in scored for name in entry.parameters))
    everywhere = [name for name in names if len({entry.distributions.get(name) for entry, _ in scored}) == 1]
    counts: dict[str, Any] = {"n_trials": len(scored), "n_estimated": sum(entry.value is None for entry, _ in scored)}
    found = [
        Importances(
            evaluator="PED-ANOVA",
            settings=f"best {share:.0%} of the trials against all, no seed",
            citation="watanabe2023",
            shares=_shares(study, PedAnovaImportanceEvaluator(target_quantile=share), names),
            **counts,
        )
    ]
    if everywhere:
        forest = FanovaImportanceEvaluator(n_trees=TREES, seed=SEED)
        found.append(
            Importances(
                evaluator="fANOVA",
                settings=f"{TREES} trees, seed {SEED}",
                citation="hutter2014",
                shares=_shares(study, forest, everywhere),
                left_out=tuple(name for name in names if name not in everywhere),
                **counts,
            )
        )
    return tuple(one for one in found if any(one.shares.values()))


def _study(scored: Sequence[tuple[Entry, float]]) -> optuna.Study:
    """Return a study of its own, in memory, in which every scored trial is complete."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", storage=optuna.storages.InMemoryStorage())
    for entry, score in scored:
        distributions = {name: json_to_distribution(text) for name, text in entry.distributions.items()}
        study.add_trial(
            optuna.create_trial(
                state=TrialState.COMPLETE, value=score, params=entry.parameters, distributions=distributions
            )
        )
    return study


def _shares(study: optuna.Study, evaluator: BaseImportanceEvaluator, names: Sequence[str]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an experimental evaluator says so every time
        try:
            found = get_param_importances(study, evaluator=evaluator, params=list(names), normalize=True)
        except RuntimeError:  # fANOVA: no tree of the forest saw two different scores
            return {name: 0.0 for name in names}
    return {name: round(float(found[name]), 6) for name in names}
