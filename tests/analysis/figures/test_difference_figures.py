"""Slopes and posterior of a comparison: the numbers of its table, and masses as integrated by scipy."""

import numpy as np
import pytest
from scipy import integrate

from analysis.figures.rope import Posterior, posterior_info
from analysis.figures.selection import compared
from analysis.figures.slopes import slopes_info


@pytest.fixture
def headline(subsets):
    found = compared(subsets)
    return found.headline(1)[0]


def test_slopes_hold_the_fold_scores_and_the_difference_of_the_table(headline, subsets):
    result, contrast = headline
    slopes = slopes_info(result, contrast, "mcr", None)
    folds = sorted(result.metrics)
    assert slopes.before == pytest.approx([100 * contrast.reference.metrics[f]["diagnosis"].mcr for f in folds])
    assert slopes.after == pytest.approx([100 * result.metrics[fold]["diagnosis"].mcr for fold in folds])
    assert slopes.difference == pytest.approx(np.mean(slopes.after) - slopes.base)
    (record,) = [
        one
        for one in subsets.tables[-1].records
        if one["configuration"] == result.identifier and one["metric"] == "mcr"
    ]
    assert slopes.thick == pytest.approx(
        (100 * record["difference_max_se_low"], 100 * record["difference_max_se_high"])
    )
    assert slopes.thin == pytest.approx((100 * record["difference_nb_low"], 100 * record["difference_nb_high"]))
    assert slopes.verdict == record["verdict"]


def test_the_posterior_has_the_masses_of_the_comparison(headline):
    result, contrast = headline
    posterior = posterior_info(result, contrast)
    rope = contrast.comparison.rope
    masses = (posterior.below, posterior.within, posterior.above)
    assert masses == pytest.approx((rope.worse, rope.equivalent, rope.better), abs=1e-12)
    area, _ = integrate.quad(lambda x: posterior.density(np.array(x)), -posterior.rope, posterior.rope)
    assert area == pytest.approx(posterior.within, abs=1e-8)


def test_the_posterior_by_hand():
    # 4 degrees of freedom: scipy.stats.t.cdf(-1, 4) = 0.18695
    posterior = Posterior("a", "b", mean=0.0, scale=1.0, df=4, rope=1.0, below=0.18695, within=0.62610, above=0.18695)
    assert posterior.density(np.array([0.0]))[0] == pytest.approx(0.375)


def test_folds_that_all_differ_alike_have_no_posterior(make_study, make_part, configure):
    study = make_study()
    results = [study.result(configure("none"), 0.5), study.result(configure("concat", "age"), 0.5)]
    table = {"name": "t", "title": "T", "kind": "comparisons", "reference": {"fusion.name": "none"}}
    (pair,) = compared(make_part(study, results, (table,))).headline()
    assert posterior_info(*pair) is None
    assert slopes_info(*pair, "mcr", None).difference == 0.0
