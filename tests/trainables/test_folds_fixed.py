"""The plans that the data fix, external and official, and what other plans do with external samples: nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from array_cohorts import cohort_of, grouped_cohort

from models.errors import InputError
from trainables.cohorts import Cohort
from trainables.folds import FOLD_PLANS, FoldSettings, describe, make_splits

EXTERNAL, OFFICIAL = FoldSettings(plan="external"), FoldSettings(plan="official")


def with_parts(cohort: Cohort, parts: list[str | None]) -> Cohort:
    """The cohort with an official split: the part of each sample in order, None where the split does not list it."""
    listed = zip(cohort.samples.index, parts, strict=True)
    return replace(cohort, official_split={name: part for name, part in listed if part is not None})


def with_external(cohort: Cohort, rows: list[int]) -> Cohort:
    return replace(cohort, external=frozenset(cohort.samples.index[rows]))


def test_the_external_samples_are_evaluated_and_all_others_train():
    cohort = with_external(cohort_of(list("abababab")), [1, 4])
    (split,) = make_splits(cohort, EXTERNAL)
    assert split.test.tolist() == [1, 4]
    assert split.train.tolist() == [0, 2, 3, 5, 6, 7]
    assert split.inner.size == 0
    assert split.leak_share == 0.0


def test_repeats_of_a_fixed_plan_are_seeds_on_the_same_samples():
    cohort = with_external(grouped_cohort(), [0, 1, 2])
    splits = make_splits(cohort, FoldSettings(plan="external", repeats=3))
    assert [(split.repeat, split.fold) for split in splits] == [(0, 0), (1, 0), (2, 0)]
    assert len({split.assignment(cohort) for split in splits}) == 1
    assert describe(EXTERNAL, splits)["folds"] == 1


def test_the_inner_part_is_cut_from_the_training_cohort():
    cohort = with_external(grouped_cohort(), [0, 1, 2])
    (split,) = make_splits(cohort, EXTERNAL, inner_share=0.2)
    assert not set(split.inner) & {0, 1, 2}
    assert 0.1 < len(split.inner) / (len(split.inner) + len(split.train)) < 0.3
    assert split.test.tolist() == [0, 1, 2]


@pytest.mark.parametrize("plan", sorted(set(FOLD_PLANS.names()) - {"external"}))
def test_other_plans_cut_the_folds_of_the_cohort_alone(plan, tmp_path):
    """External samples are on neither side of any split, and move no other sample into another fold."""
    own = grouped_cohort()
    own = with_parts(own, ["test" if row % 3 == 0 else "train" for row in range(len(own))])
    more = cohort_of([*own.samples["target:diagnosis"], "b", "c"], [*own.samples["group"], "x", "y"])
    joined = replace(with_external(more, [len(own), len(own) + 1]), official_split=own.official_split)
    rows = [(name, 0, row % 4) for row, name in enumerate(own.samples.index)]
    pd.DataFrame(rows, columns=["id", "repeat", "fold"]).to_csv(tmp_path / "folds.csv", index=False)
    file = str(tmp_path / "folds.csv") if plan == "from-file" else None
    settings = FoldSettings(plan=plan, file=file)
    for alone, split in zip(
        make_splits(own, settings, inner_share=0.2), make_splits(joined, settings, inner_share=0.2), strict=True
    ):
        for part in ("train", "inner", "test"):
            np.testing.assert_array_equal(getattr(split, part), getattr(alone, part))


def test_the_official_parts_by_hand():
    cohort = with_parts(cohort_of(list("ababab")), ["train", "valid", "test", None, "train", "test"])
    (split,) = make_splits(cohort, OFFICIAL)
    assert (split.train.tolist(), split.inner.tolist(), split.test.tolist()) == ([0, 1, 4], [], [2, 5])
    (watched,) = make_splits(cohort, OFFICIAL, inner_share=0.1)
    assert (watched.train.tolist(), watched.inner.tolist(), watched.test.tolist()) == ([0, 4], [1], [2, 5])


def test_the_official_validation_part_is_kept_whatever_the_share():
    cohort = with_parts(cohort_of(list("ababab")), ["train", "valid", "test", "valid", "train", "test"])
    assignments = {make_splits(cohort, OFFICIAL, share)[0].assignment(cohort) for share in (0.05, 0.1, 0.5)}
    assert len(assignments) == 1


def test_an_official_split_without_a_validation_part_has_one_cut():
    cohort = grouped_cohort()
    cohort = with_parts(cohort, ["test" if row % 4 == 0 else "train" for row in range(len(cohort))])
    (split,) = make_splits(cohort, OFFICIAL, inner_share=0.2)
    groups = cohort.samples["group"].to_numpy()
    assert len(split.inner)
    assert not set(groups[split.inner]) & set(groups[split.train])


def test_a_leak_of_an_official_split_is_measured():
    cohort = with_parts(cohort_of(list("abab"), ["p", "q", "p", "r"]), ["train", "train", "test", "test"])
    assert make_splits(cohort, OFFICIAL)[0].leak_share == 0.5


def test_a_cohort_without_what_the_plan_needs_is_told_what_to_do():
    cohort = cohort_of(list("abab"))
    with pytest.raises(InputError, match=r"needs a second cohort to evaluate on: give external: \{cohort"):
        make_splits(cohort, EXTERNAL)
    with pytest.raises(InputError, match="cohort 'array' has no official split; choose another plan"):
        make_splits(cohort, OFFICIAL)
    with pytest.raises(InputError, match="no sample of the official test part is in cohort"):
        make_splits(with_parts(cohort, ["train", "train", "valid", None]), OFFICIAL)
    with pytest.raises(InputError, match="no sample of the official train part is in cohort"):
        make_splits(with_parts(cohort, ["test", "test", "valid", None]), OFFICIAL)


def test_training_only_on_external_samples_is_no_plan():
    cohort = with_external(cohort_of(list("ab")), [0, 1])
    with pytest.raises(InputError, match="leaves no training samples"):
        make_splits(cohort, EXTERNAL)
