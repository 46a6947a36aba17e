"""Folds as blocks: by hand, against statsmodels, and by what a hard fold must not do."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from searchspace.search.blocks import blocked_estimate, fold_effects, residual_sd


def scores(values, folds=None):
    return {(0, fold): value for fold, value in zip(folds or range(len(values)), values, strict=True)}


def test_the_residual_sd_by_hand():
    # Rows differ by .1 and columns by .2; only the last cell is off by .04: residuals are +-.01, one degree of freedom.
    assert residual_sd([scores([0.5, 0.7]), scores([0.6, 0.84])]) == pytest.approx(0.02)
    assert residual_sd([scores([0.5, 0.7]), scores([0.6, 0.8])]) == pytest.approx(0.0)


def test_the_residual_sd_needs_two_configurations_and_two_folds():
    assert residual_sd([]) is None
    assert residual_sd([scores([0.5, 0.7])]) is None
    assert residual_sd([scores([0.5]), scores([0.6])]) is None


def table(seed=0):
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, 0.02, 5)
    cells = []
    for _ in range(12):
        kept = sorted(rng.choice(5, size=int(rng.integers(1, 6)), replace=False).tolist())
        level = rng.normal(0.6, 0.03)
        cells.append(scores([level + effects[f] + rng.normal(0, 0.01) for f in kept], kept))
    return [*cells, scores((0.6 + effects).tolist())]


def test_an_unbalanced_fit_is_that_of_least_squares():
    cells = table()
    rows = [
        {"configuration": str(n), "fold": str(f), "score": v}
        for n, row in enumerate(cells)
        for (_, f), v in row.items()
    ]
    peer = smf.ols("score ~ C(configuration) + C(fold, Sum)", pd.DataFrame(rows)).fit()
    found = fold_effects(cells)
    for fold in range(4):
        assert found[0, fold] == pytest.approx(peer.params[f"C(fold, Sum)[S.{fold}]"], abs=1e-12)
    assert sum(found.values()) == pytest.approx(0.0)
    levels = peer.predict(pd.DataFrame([{"configuration": "0", "fold": str(fold)} for fold in range(5)]))
    assert blocked_estimate(cells[0], cells[1:]) == pytest.approx(levels.mean(), abs=1e-12)


def test_a_complete_configuration_keeps_its_mean():
    cells = table()
    assert blocked_estimate(cells[-1], cells[:-1]) == pytest.approx(np.mean(list(cells[-1].values())))


def test_a_configuration_that_saw_only_the_hard_fold_is_not_taken_for_a_bad_one():
    others = [scores([0.5, 0.6, 0.7]), scores([0.52, 0.62, 0.72])]
    assert blocked_estimate(scores([0.53]), others) == pytest.approx(0.63)
    assert blocked_estimate(scores([0.53]), []) == pytest.approx(0.53)
