"""The sampler of one trial, made afresh from (seed, trial number), so that a suggestion is a function of the record.

A sampler that lives on carries random state and a decomposition of the space that grew in the order of calls; a resumed
search could not restore either. Optuna's `constant_liar` stays on: trials that run count as bad, so that concurrent
suggestions keep apart.
"""

import warnings

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from searchspace.search.settings import RandomSearch, TreeParzenSearch
from trainables.seeds import derive

RANDOM_AFTER = 10
"""After this many suggestions in a row that were impossible or known already, any model is set aside."""


def sampler_for(settings: TreeParzenSearch | RandomSearch, number: int, skipped: int = 0) -> BaseSampler:
    """Return the sampler of trial `number`, after `skipped` suggestions in a row that could not be used."""
    seed = derive(settings.seed, "search", number) % 2**32
    if isinstance(settings, RandomSearch) or skipped >= RANDOM_AFTER:
        return RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=settings.startup_trials)
