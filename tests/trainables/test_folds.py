"""Fold plans: every sample once, groups whole, classes balanced, the leak measured, files and small classes refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from array_cohorts import cohort_of, grouped_cohort
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import InputError
from trainables.cohorts import Cohort
from trainables.folds import FOLD_PLANS, FoldSettings, make_splits


def write_folds(path, rows) -> FoldSettings:
    pd.DataFrame(rows, columns=["id", "repeat", "fold"]).to_csv(path, index=False)
    return FoldSettings(plan="from-file", file=str(path))


def with_parts(cohort: Cohort, parts: str) -> Cohort:
    """The cohort with an official split in which its samples, in order, take these parts in turn (t, v, e or -)."""
    names = {"t": "train", "v": "valid", "e": "test"}
    turn = [parts[row % len(parts)] for row in range(len(cohort))]
    listed = zip(cohort.samples.index, turn, strict=True)
    return replace(cohort, official_split={name: names[part] for name, part in listed if part != "-"})


def with_external(cohort: Cohort, rows: list[int]) -> Cohort:
    return replace(cohort, external=frozenset(cohort.samples.index[rows]))


@pytest.fixture
def every_plan(tmp_path):
    cohort = with_parts(grouped_cohort(), "ttttve")
    file = write_folds(tmp_path / "folds.csv", [(name, 0, row % 4) for row, name in enumerate(cohort.samples.index)])
    others = {"from-file": file}
    return cohort, {plan: others.get(plan, FoldSettings(plan=plan)) for plan in FOLD_PLANS.names()}


@pytest.mark.parametrize("plan", FOLD_PLANS.names())
def test_every_plan_keeps_its_parts_apart_and_is_the_same_again(plan, every_plan):
    cohort, plans = every_plan
    if plan == "external":
        cohort = with_external(cohort, list(range(0, len(cohort), 5)))
    splits = make_splits(cohort, plans[plan], inner_share=0.2)
    again = make_splits(cohort, plans[plan], inner_share=0.2)
    for split, twin in zip(splits, again, strict=True):
        parts = [set(part.tolist()) for part in (split.train, split.inner, split.test)]
        assert not parts[0] & parts[1]
        assert not parts[0] & parts[2]
        assert not parts[1] & parts[2]
        assert all(parts)
        assert split.assignment(cohort) == twin.assignment(cohort)


@settings(max_examples=20, deadline=None)
@given(n_groups=st.integers(30, 80), folds=st.integers(2, 5), seed=st.integers(0, 2**40), repeats=st.integers(1, 2))
def test_grouped_folds_evaluate_every_sample_once_per_repeat_and_never_cut_a_group(n_groups, folds, seed, repeats):
    cohort = grouped_cohort(n_groups)
    splits = make_splits(cohort, FoldSettings(folds=folds, seed=seed, repeats=repeats))
    groups = cohort.samples["group"].to_numpy()
    for repeat in range(repeats):
        tested = np.concatenate([split.test for split in splits if split.repeat == repeat])
        assert sorted(tested.tolist()) == list(range(len(cohort)))
    for split in splits:
        assert not set(groups[split.test]) & set(groups[split.train])
        assert split.leak_share == 0.0


def test_inner_part_is_grouped_even_where_the_folds_are_not():
    cohort = grouped_cohort()
    groups = cohort.samples["group"].to_numpy()
    for split in make_splits(cohort, FoldSettings(plan="image-level"), inner_share=0.2):
        assert not set(groups[split.inner]) & set(groups[split.train])


def test_inner_part_does_not_move_the_evaluation_fold():
    cohort = grouped_cohort()
    without, with_inner = make_splits(cohort, FoldSettings()), make_splits(cohort, FoldSettings(), inner_share=0.1)
    for one, other in zip(without, with_inner, strict=True):
        np.testing.assert_array_equal(one.test, other.test)
        np.testing.assert_array_equal(one.train, np.union1d(other.train, other.inner))


def test_leak_share_is_the_share_of_evaluation_samples_with_a_sibling_in_training(tmp_path):
    # evaluated: s0 (sibling s1 trains), s2 (alone), s3 and s4 (siblings of each other only) -> 1 of 4
    cohort = cohort_of(list("ababba"), ["p", "p", "q", "r", "r", "t"])
    names = cohort.samples.index
    file = write_folds(tmp_path / "f.csv", [(names[row], 0, "train" if row in (1, 5) else 0) for row in range(6)])
    (split,) = make_splits(cohort, file)
    assert split.leak_share == 0.25
    assert split.train.tolist() == [1, 5]


def test_an_id_that_the_file_does_not_list_takes_no_part(tmp_path):
    cohort = cohort_of(list("abab"))
    names = cohort.samples.index
    first, second = make_splits(
        cohort, write_folds(tmp_path / "f.csv", [(names[0], 0, 0), (names[1], 0, 0), (names[2], 0, 1)])
    )
    assert first.test.tolist() == [0, 1]
    assert first.train.tolist() == [2]
    assert second.train.tolist() == [0, 1]


def test_holdout_cuts_about_the_share_once():
    (split,) = make_splits(grouped_cohort(200), FoldSettings(plan="holdout", test_share=0.3))
    assert 0.25 < len(split.test) / (len(split.test) + len(split.train)) < 0.35


def test_image_level_folds_of_ham10000_leak_as_published(real_data):
    """38.7 % of evaluation images beside a sibling in image-level 5-folds; when grouped none, and df 23 a fold."""
    from trainables.cohorts import Ham10000Settings, open_cohort

    cohort = open_cohort(Ham10000Settings(name="ham10000"), real_data / "ham10000")
    leaks = [split.leak_share for split in make_splits(cohort, FoldSettings(plan="image-level"))]
    assert np.mean(leaks) == pytest.approx(0.387, abs=0.01)
    grouped = make_splits(cohort, FoldSettings())
    assert {int((cohort.labels("diagnosis")[split.test] == 3).sum()) for split in grouped} == {23}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("nobody", 0, 0), ("s0000", 0, 1)], "1 ids are not in the cohort, the first is 'nobody'"),
        ([("s0000", 0, 0), ("s0000", 0, 1)], "'s0000' is in two folds"),
        ([("s0000", 0, "test")], "'test' is neither a number nor 'train'"),
        ([("s0000", 0, "train")], "nothing would be evaluated"),
        ([("s0000", 0, 0)], "leaves no training samples"),
        ([], "no rows"),
    ],
)
def test_a_wrong_fold_file_is_explained(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        make_splits(cohort_of(list("abab")), write_folds(tmp_path / "f.csv", rows))


def test_a_fold_file_that_is_not_there_or_has_other_columns(tmp_path):
    cohort = cohort_of(list("abab"))
    with pytest.raises(InputError, match="cannot be read"):
        make_splits(cohort, FoldSettings(plan="from-file", file=str(tmp_path / "none.csv")))
    with pytest.raises(InputError, match=r"needs folds\.file"):
        make_splits(cohort, FoldSettings(plan="from-file"))
    (tmp_path / "x.csv").write_text("image,fold\na,0\n")
    with pytest.raises(InputError, match="column id, repeat is missing"):
        make_splits(cohort, FoldSettings(plan="from-file", file=str(tmp_path / "x.csv")))


def test_a_class_with_fewer_groups_than_folds_is_named():
    cohort = cohort_of(list("aaaaaabb"), ["1", "2", "3", "4", "5", "6", "7", "7"])
    advice = "take the rows of that class out of the cohort's file"
    for plan, setting, parts in (("grouped", "folds.folds=5", 5), ("holdout", "folds.plan=holdout", 2)):
        message = f"{setting}: class 'b' has only 1 lesion, and {parts} parts need one each; {advice}"
        with pytest.raises(InputError, match=message):
            make_splits(cohort, FoldSettings(plan=plan))
    message = "class 'b' has only 2 images, and 5 parts need one each; set folds.folds to 2 or less, or take"
    with pytest.raises(InputError, match=message):
        make_splits(cohort, FoldSettings(plan="image-level"))


def test_an_unknown_plan_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="fold plan 'groupd' is not known; did you mean 'grouped'"):
        FoldSettings(plan="groupd")


def test_too_few_groups_for_an_inner_part():
    with pytest.raises(InputError, match="too few to cut"):
        make_splits(cohort_of(list("abababab")), FoldSettings(folds=2), inner_share=0.1)


def test_the_inner_part_is_not_training_when_the_leak_is_measured():
    cohort = grouped_cohort()
    groups = cohort.samples["group"].to_numpy()
    for split in make_splits(cohort, FoldSettings(plan="image-level"), inner_share=0.2):
        assert split.leak_share == np.isin(groups[split.test], groups[split.train]).mean()


@pytest.mark.parametrize("settings", [{"file": "x.csv"}, {"test_share": 0.3}, {"plan": "holdout", "file": "x.csv"}])
def test_settings_of_another_plan_are_refused(settings):
    with pytest.raises(ValueError, match=r"folds\.(file|test_share) belongs to folds\.plan="):
        FoldSettings(**settings)


def test_the_papers_folds_come_from_their_file_or_are_image_level(tmp_path):
    assert FoldSettings(plan="paper").plan == "image-level"
    assert FoldSettings(plan="paper", file=str(tmp_path / "folds.csv")).plan == "from-file"
