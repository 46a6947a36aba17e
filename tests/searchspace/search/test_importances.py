"""Importances of a search with a known answer, against Optuna asked directly."""

import json

import numpy as np
import optuna
import pytest
from optuna.distributions import distribution_to_json
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances

from analysis.citations import CITATIONS
from analysis.search_record import Entry, FoldEntry
from searchspace.search import importances

SPACE = {
    "training.learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
    "fusion.name": optuna.distributions.CategoricalDistribution(["none", "concat"]),
    "fusion.depth": optuna.distributions.IntDistribution(1, 4),
}


def entry(number, parameters, value, *, raced=False):
    fold = FoldEntry(repeat=0, fold=0, key=str(number), state="done", mcr=value, seconds=1.0)
    return Entry(
        study="small", number=number, state="pruned" if raced else "complete", asked=2 * number, asked_at=0.0,
        parameters=parameters, folds=(fold,), value=None if raced else value,
        distributions={name: distribution_to_json(SPACE[name]) for name in parameters},
        dropped={"rule": "racing", "evidence": {}} if raced else None, intermediate={1: value} if raced else {},
    )  # fmt: skip


def made(count=60, *, raced=()):
    """The rate decides nearly everything, the fusion a little; a depth exists with concat only and does nothing."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(count):
        rate, fusion = float(10 ** rng.uniform(-4, -1)), str(rng.choice(["none", "concat"]))
        parameters = {"training.learning_rate": rate, "fusion.name": fusion}
        if fusion == "concat":
            parameters["fusion.depth"] = int(rng.integers(1, 5))
        value = 0.6 - 0.1 * abs(np.log10(rate) + 2) + 0.01 * (fusion == "concat")
        found.append(entry(number, parameters, float(value), raced=number in raced))
    return found


def test_two_evaluators_are_named_with_their_settings_and_find_what_decides():
    ped, forest = importances(made())
    assert (ped.evaluator, forest.evaluator) == ("PED-ANOVA", "fANOVA")
    assert (ped.settings, forest.settings) == ("best 10% of the trials against all, no seed", "64 trees, seed 0")
    for one in (ped, forest):
        assert max(one.shares, key=one.shares.get) == "training.learning_rate"
        assert sum(one.shares.values()) == pytest.approx(1.0, abs=1e-5)
        assert one.citation in CITATIONS
        assert (one.n_trials, one.n_estimated) == (60, 0)
    assert forest.shares["training.learning_rate"] > 0.9
    assert set(ped.shares) == set(SPACE)
    assert forest.left_out == ("fusion.depth",)
    assert importances(made()) == (ped, forest)


def test_they_are_optunas_own():
    study = optuna.create_study(direction="maximize")
    entries = made()
    for one in entries:
        distributions = {name: SPACE[name] for name in one.parameters}
        study.add_trial(optuna.create_trial(value=one.value, params=one.parameters, distributions=distributions))
    ped, forest = importances(entries)
    assert ped.shares == pytest.approx(get_param_importances(study, evaluator=PedAnovaImportanceEvaluator()), abs=1e-5)
    peer = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    assert forest.shares == pytest.approx(peer, abs=1e-5)  # it, too, leaves out what some trials lack


def test_raced_trials_count_by_their_estimate():
    everything, some = importances(made()), importances(made(raced=range(0, 60, 2)))
    assert [one.n_estimated for one in some] == [30, 30]
    assert [one.shares for one in some] == [one.shares for one in everything]


def test_with_few_trials_the_best_five_count():
    assert importances(made(12))[0].settings == "best 42% of the trials against all, no seed"


def test_nothing_is_said_of_too_few_trials_or_equal_scores():
    assert importances(made(9)) == ()
    assert importances(()) == ()
    assert importances([entry(number, {"fusion.name": "none"}, 0.5) for number in range(20)]) == ()


def test_what_failed_or_was_dropped_in_its_first_fold_does_not_count():
    halved = Entry(study="small", number=60, state="pruned", asked=0, asked_at=0.0, intermediate={0: 0.9},
                   parameters={"fusion.name": "none"}, dropped={"rule": "halving", "evidence": {}},
                   distributions={"fusion.name": distribution_to_json(SPACE["fusion.name"])})  # fmt: skip
    failed = Entry(study="small", number=61, state="failed", asked=0, asked_at=0.0)
    assert importances([*made(), halved, failed]) == importances(made())
    assert json.dumps([one.shares for one in importances(made())])
