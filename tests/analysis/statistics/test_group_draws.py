"""Strata and draws of the bootstrap, by hand and by their distribution."""

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.statistics.group_draws import GroupDraws, class_strata, draw_groups


def test_a_group_belongs_to_its_class_and_one_of_several_classes_to_the_rarest():
    groups = np.array(["b", "b", "a", "a", "c", "d", "d"])
    labels = np.array([0, 0, 0, 1, 2, 2, 2])  # class 1 has one sample, the others three
    names, strata = class_strata(groups, labels)
    assert names.tolist() == ["a", "b", "c", "d"]
    assert strata.tolist() == [1, 0, 2, 2]


def test_of_two_classes_equally_rare_the_first_is_the_stratum():
    assert class_strata(np.array([7, 7]), np.array([3, 1]))[1].tolist() == [1]


@pytest.mark.parametrize(("groups", "labels"), [([], []), ([1, 2], [0]), ([[1]], [[0]])])
def test_groups_and_labels_that_do_not_fit_are_refused(groups, labels):
    with pytest.raises(AnalysisError, match=r"groups \(n,\) and labels \(n,\) do not fit"):
        class_strata(np.array(groups), np.array(labels))


def test_every_replicate_draws_as_many_groups_of_a_class_as_there_are():
    strata = np.array([0, 1, 0, 2, 1, 0])
    drawn = draw_groups(strata, replicates=500, rng=np.random.default_rng(0))
    for stratum, size in ((0, 3), (1, 2), (2, 1)):
        assert (drawn[strata == stratum].sum(axis=0) == size).all()
    assert (drawn[3] == 1).all()  # the only group of its class
    # a group of three is drawn binomially: mean 1, variance 3 * 1/3 * 2/3
    assert drawn[0].mean() == pytest.approx(1, abs=0.15)
    assert drawn[0].var() == pytest.approx(2 / 3, abs=0.15)


def test_draws_are_those_of_the_generator():
    strata = np.repeat([0, 1], [40, 7])
    first = draw_groups(strata, replicates=300, rng=np.random.default_rng(5))
    assert (first == draw_groups(strata, replicates=300, rng=np.random.default_rng(5))).all()
    assert (first != draw_groups(strata, replicates=300, rng=np.random.default_rng(6))).any()
    with pytest.raises(AnalysisError, match="replicates=0"):
        draw_groups(strata, replicates=0, rng=np.random.default_rng(5))
    with pytest.raises(AnalysisError, match="needs groups"):
        draw_groups(np.array([]), replicates=10, rng=np.random.default_rng(5))


def test_groups_of_samples_are_drawn_in_order():
    groups, labels = np.array(["b", "a", "b", "c"]), np.array([1, 0, 1, 0])
    draws = GroupDraws.of(groups, labels, replicates=50, rng=np.random.default_rng(0))
    assert draws.groups.tolist() == ["a", "b", "c"]
    assert draws.strata.tolist() == [0, 1, 0]
    assert (draws.counts == draw_groups(draws.strata, replicates=50, rng=np.random.default_rng(0))).all()
