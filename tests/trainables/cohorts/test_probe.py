"""The leak probe: silent on blanks at random and on HAM10000, loud on a form that only biopsied patients fill in."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from array_cohorts import ArrayImages

from trainables.cohorts import Cohort, Field, Ham10000Settings, PhantomSettings, Target, open_cohort
from trainables.cohorts.probe import probe_missingness

PAD = {"BCC": 845, "ACK": 730, "NEV": 244, "SEK": 235, "SCC": 192, "MEL": 52}
"""PAD-UFES-20's images per class; 804 of them, none of BCC, MEL or SCC, have blank clinical fields."""


def cohort_with(labels: list[str], blank: dict[str, np.ndarray], groups: list[str] | None = None) -> Cohort:
    """A cohort of these labels whose fields are blank in these samples, and otherwise say nothing."""
    columns = {f"field:{name}": np.where(missing, None, "yes") for name, missing in blank.items()}
    index = pd.Index([f"s{row:06d}" for row in range(len(labels))], name="sample")
    groups = groups or list(index)
    samples = pd.DataFrame({"group": groups, "target:diagnosis": labels, **columns}, index=index)
    fields = tuple(Field(name, "category", ("no", "yes")) for name in blank)
    targets = (Target("diagnosis", tuple(sorted(set(labels)))),)
    images = ArrayImages(np.zeros((len(labels), 3)))
    return Cohort("made-up", "patient", samples, fields, targets, ("clinical",), images, "f")


def pad_like(extra: dict[str, np.ndarray] | None = None) -> Cohort:
    labels = np.array([name for name, count in PAD.items() for _ in range(count)])
    blank = np.zeros(len(labels), dtype=bool)
    blank[np.flatnonzero(np.isin(labels, ["ACK", "NEV", "SEK"]))[:804]] = True
    return cohort_with(labels.tolist(), {"itch": blank, "smoke": blank} | (extra or {}))


def test_fields_that_were_asked_of_biopsied_patients_are_found():
    overall, absent = probe_missingness(pad_like())
    assert "which metadata cells are blank predicts diagnosis" in overall
    assert "(chance 16.7 %" in overall
    assert "the 804 samples without itch, smoke" in absent
    for name in ("BCC (296 expected)", "SCC (67 expected)", "MEL (18 expected)"):
        assert name in absent
    assert "ACK" not in absent


def test_the_recall_is_that_of_the_rule_anyone_would_read_off():
    """A field that is blank in 9 of 10 samples of `a` and 1 of 10 of `b`: the recall is .9, and no class is absent."""
    labels = ["a"] * 500 + ["b"] * 500
    blank = np.arange(1000) % 10 < np.where(np.arange(1000) < 500, 9, 1)
    (only,) = probe_missingness(cohort_with(labels, {"x": blank}))
    assert "90.0 % (chance 50.0 %" in only


def test_a_rare_class_counts_as_much_as_a_common_one():
    """Blank in 1 of 10 of 950 `a` and 6 of 10 of 50 `b`: most blanks are `a`, yet the recalls are .9 and .6."""
    labels = ["a"] * 950 + ["b"] * 50
    blank = np.arange(1000) % 10 < np.where(np.arange(1000) < 950, 1, 6)
    (only,) = probe_missingness(cohort_with(labels, {"x": blank}))
    assert "75.0 % (chance 50.0 %" in only


def test_the_more_is_looked_at_the_rarer_an_absence_must_be():
    """5.6 samples of `b` expected without `x`: by chance none is in 1 of 270 such fields, and two classes are asked."""
    labels = ["a"] * 900 + ["b"] * 100
    blank = {"x": np.arange(1000) < 56}
    assert "b (6 expected) never occurs" in probe_missingness(cohort_with(labels, blank))[-1]
    blank |= {name: np.arange(1000) % 10 == number for number, name in enumerate("yz")}
    assert not any("never occurs" in line for line in probe_missingness(cohort_with(labels, blank)))


def test_what_is_significant_but_small_is_no_finding():
    """Blank in 52 % of 40,000 `a` and half of 40,000 `b`: 51 % against 50 %, six standard errors."""
    row = np.arange(80_000)
    blank = row % 100 < np.where(row < 40_000, 52, 50)
    assert probe_missingness(cohort_with(["a"] * 40_000 + ["b"] * 40_000, {"x": blank})) == ()


def test_only_the_fields_that_models_are_fed_are_looked_at():
    cohort = pad_like({"age": np.arange(sum(PAD.values())) % 7 == 0})
    assert probe_missingness(cohort, ["age"]) == ()
    assert probe_missingness(cohort, ["age", "smoke"])


def test_samples_of_an_external_cohort_are_not_looked_at():
    cohort = pad_like()
    blank = cohort.samples["field:itch"].isna()
    assert probe_missingness(replace(cohort, external=frozenset(cohort.samples.index[blank]))) == ()


@pytest.mark.parametrize("seed", range(8))
def test_blanks_at_random_are_no_finding(seed):
    chance = np.random.default_rng(seed)
    labels = chance.choice(["a", "b", "c"], size=3000, p=[0.6, 0.3, 0.1]).tolist()
    blank = {name: chance.uniform(size=3000) < share for name, share in [("x", 0.01), ("y", 0.1), ("z", 0.5)]}
    assert probe_missingness(cohort_with(labels, blank)) == ()


def test_many_images_of_few_patients_are_no_evidence():
    """40 images without the field are one patient's: that none is of class `b` says nothing."""
    labels = ["a", "b"] * 200
    blank = np.zeros(400, dtype=bool)
    blank[0:80:2] = True
    groups = ["one" if missing else f"p{row // 40}" for row, missing in enumerate(blank)]
    assert probe_missingness(cohort_with(labels, {"x": blank}, groups)) == ()
    assert probe_missingness(cohort_with(labels, {"x": blank}))


def test_a_class_of_many_patients_but_few_images_is_not_missed_by_chance():
    """ISIC 2020's shape: 38 melanomas among 2,669 images of 98 patients; 1.6 % of the images are blank at random.

    Some 33 % of the patients have a melanoma and 35 of them a blank cell: 11, yet 43 images at 1.4 % are 0.6.
    """
    alarms = 0
    for seed in range(20):
        chance = np.random.default_rng(seed)
        patients = chance.integers(0, 98, size=2669)
        labels = np.where(chance.uniform(size=2669) < 38 / 2669, "malignant", "benign").tolist()
        blank = {name: chance.uniform(size=2669) < share for name, share in [("x", 0.016), ("y", 0.03)]}
        alarms += bool(probe_missingness(cohort_with(labels, blank, [f"p{patient:02d}" for patient in patients])))
    assert alarms == 0


def test_the_number_expected_is_that_of_groups_which_could_show_the_class():
    """10 patients with 40 images each and 200 with one; `b` is every fourth image of the ten, and one in ten alone.

    `x` is blank in 100 of the singles: 10 % of the samples would be 100 * 120 / 600 = 20, and 30 / 210 of the groups
    14; of each single at most 1 / 7 is expected.
    """
    labels = ["b" if row % 4 == 0 else "a" for row in range(400)] + ["a"] * 100 + ["b"] * 20 + ["a"] * 80
    groups = [f"m{row // 40}" for row in range(400)] + [f"s{row:03d}" for row in range(200)]
    blank = np.arange(600) // 100 == 4
    found = probe_missingness(cohort_with(labels, {"x": blank}, groups))
    assert any("b (14 expected) never occurs in the 100 samples without x" in line for line in found)


def test_eight_targets_do_not_warn_eight_times_as_often():
    """derm7pt's shape: in these cohorts with labels at random some recall is three standard errors above chance."""
    for seed in (8, 12, 50, 77, 87):
        chance = np.random.default_rng(seed)
        names = [f"t{number}" for number in range(8)]
        cohort = cohort_with(["a", "b", "c"] * 80, {name: chance.uniform(size=240) < 0.2 for name in "xyz"})
        labels = {f"target:{name}": chance.choice(["a", "b", "c"], size=240) for name in names}
        targets = tuple(Target(name, ("a", "b", "c")) for name in names)
        assert probe_missingness(replace(cohort, samples=cohort.samples.assign(**labels), targets=targets)) == ()


def test_a_finding_must_be_the_larger_the_more_targets_there_are():
    """Blank in 60 % of `a` and 40 % of `b`, 130 each: recall 60 %, 3.3 standard errors, enough for one target only."""
    row = np.arange(260)
    labels = np.where(row < 130, "a", "b")
    cohort = cohort_with(labels.tolist(), {"x": (row % 130) % 10 < np.where(row < 130, 6, 4)})
    assert len(probe_missingness(cohort)) == 1
    others = {f"target:t{number}": labels[np.random.default_rng(number).permutation(260)] for number in range(7)}
    targets = (*cohort.targets, *(Target(name.removeprefix("target:"), ("a", "b")) for name in others))
    assert probe_missingness(replace(cohort, samples=cohort.samples.assign(**others), targets=targets)) == ()


def test_every_target_is_probed():
    cohort = pad_like()
    other = np.where(cohort.samples["field:itch"].isna(), "low", "high")
    targets = (Target("noise", ("odd", "even")), Target("risk", ("low", "high")))
    noise = np.where(np.arange(len(cohort)) % 2, "odd", "even")
    samples = cohort.samples.assign(**{"target:noise": noise, "target:risk": other})
    found = probe_missingness(replace(cohort, samples=samples, targets=targets))
    assert found
    assert all("risk" in line for line in found)


def test_nothing_blank_everything_blank_and_no_fields_at_all_are_no_finding():
    labels = ["a"] * 50 + ["b"] * 50
    for blank in ({"x": np.zeros(100, bool)}, {"x": np.ones(100, bool)}, {}):
        assert probe_missingness(cohort_with(labels, blank)) == ()


@pytest.mark.parametrize(("labels", "groups"), [("ab", "gg"), ("aab", "ghi"), ("aaa", "ghi")])
def test_a_handful_of_samples_is_no_finding(labels, groups):
    blank = np.arange(len(labels)) == 0
    assert probe_missingness(cohort_with(list(labels), {"x": blank}, list(groups))) == ()


def test_the_probe_says_the_same_again_and_nothing_of_the_phantom():
    assert probe_missingness(pad_like()) == probe_missingness(pad_like())
    assert probe_missingness(open_cohort(PhantomSettings(missing_rate=0.2))) == ()


def test_as_many_rows_as_isic2020_take_under_a_second():
    chance = np.random.default_rng(0)
    labels = np.where(np.arange(33_126) < 584, "malignant", "benign").tolist()
    blank = {name: chance.uniform(size=33_126) < 0.1 for name in "abcdefgh"}
    groups = [f"p{row % 2056}" for row in range(33_126)]
    cohort = cohort_with(labels, blank, groups)
    begun = time.process_time()
    probe_missingness(cohort)
    assert time.process_time() - begun < 1.0


def test_which_cells_of_ham10000_are_blank_says_little(real_data):
    """254 rows miss a value; that they are mostly nv gives a recall of 14 to 15 %, chance being 14.3 %."""
    assert probe_missingness(open_cohort(Ham10000Settings(), real_data / "ham10000")) == ()
