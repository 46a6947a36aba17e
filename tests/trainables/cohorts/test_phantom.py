"""The phantom: reproducible pictures, metadata whose effect is known by construction."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trainables.cohorts import PhantomSettings, open_cohort

SITES = ("arm", "back", "chest", "face", "leg", "scalp")
GOLDEN = [[162.9, 125.1, 102.9], [186.3, 142.8, 117.1], [172.6, 128.3, 102.0]]


@pytest.fixture(scope="module")
def phantom():
    return open_cohort(PhantomSettings())


@pytest.fixture(scope="module")
def many():
    """One row per lesion of a large phantom; no picture of it is drawn."""
    return open_cohort(PhantomSettings(lesions=6_000, missing_rate=0.1)).samples.drop_duplicates("group")


def test_shape(phantom):
    assert 780 <= len(phantom) <= 880
    assert phantom.samples["group"].nunique() == 520
    assert phantom.samples["group"].value_counts().between(1, 4).all()
    assert phantom.samples.groupby("group").nunique().max().max() == 1  # a lesion has one class, age, site and sex
    assert phantom.samples.index.is_monotonic_increasing
    shares = phantom.samples.drop_duplicates("group")["target:kind"].value_counts(normalize=True)
    assert shares.round(2).to_dict() == {"plain": 0.4, "ragged": 0.25, "dark": 0.2, "rosy": 0.15}
    assert len(pickle.dumps(phantom)) < 200_000


def test_any_worker_draws_the_same_picture(phantom):
    there = pickle.loads(pickle.dumps(phantom)).images
    again = open_cohort(PhantomSettings())
    assert again.fingerprint == phantom.fingerprint
    for row in (7, 0, 400):
        picture = phantom.images.read(row, "dermoscopy")
        assert (picture.shape, picture.dtype) == ((64, 64, 3), np.uint8)
        np.testing.assert_array_equal(picture, there.read(row, "dermoscopy"))
        np.testing.assert_array_equal(picture, again.images.read(row, "dermoscopy"))


def test_pictures_are_golden(phantom):
    """When this fails the pixels have changed: raise VERSION in phantom.py, then take the new means."""
    means = [phantom.images.read(row, "dermoscopy").mean(axis=(0, 1)) for row in (0, 1, 500)]
    np.testing.assert_allclose(means, GOLDEN, atol=0.1)


def test_views_of_a_lesion_differ_but_resemble_each_other(phantom):
    groups = phantom.samples["group"].to_numpy()
    colours = np.stack([phantom.images.read(row, "dermoscopy").mean(axis=(0, 1)) for row in range(300)])
    same = [np.abs(colours[a] - colours[b]).mean() for a, b in pairwise(range(300)) if groups[a] == groups[b]]
    other = [np.abs(colours[a] - colours[b]).mean() for a, b in pairwise(range(300)) if groups[a] != groups[b]]
    assert 0 < np.mean(same) < 0.6 * np.mean(other)


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"size": 32}, {"image_strength": 0.5}, {"age_strength": 0.5}, {"missing_rate": 0.1}]
)
def test_settings_make_another_fingerprint(change):
    base = PhantomSettings(lesions=40)
    assert open_cohort(base.model_copy(update=change)).fingerprint != open_cohort(base).fingerprint


def test_sex_and_missingness_depend_on_nothing(many):
    kind = many["target:kind"]
    sex = many["field:sex"].fillna("missing")
    assert (
        chi2_contingency(np.array([[(sex[kind == k] == s).sum() for s in set(sex)] for k in set(kind)])).pvalue > 0.01
    )
    for field in ("sex", "site", "age"):
        missing = many[f"field:{field}"].isna()
        assert missing.mean() == pytest.approx(0.1, abs=0.02)
        table = np.array([[(missing[kind == k] == flag).sum() for flag in (False, True)] for k in set(kind)])
        assert chi2_contingency(table).pvalue > 0.01


def test_age_and_site_depend_on_the_class_and_on_each_other_only_through_it(many):
    assert many.groupby("target:kind")["field:age"].mean().round().to_dict() == {
        "dark": 68,
        "plain": 28,
        "ragged": 36,
        "rosy": 60,
    }
    for kind, rows in many.dropna().groupby("target:kind"):
        old = rows["field:age"] > rows["field:age"].median()
        table = np.array(
            [[(old[rows["field:site"] == site] == flag).sum() for flag in (False, True)] for site in SITES]
        )
        assert chi2_contingency(table[table.sum(axis=1) > 20]).pvalue > 0.001, kind


@pytest.mark.parametrize("source", ["age", "site"])
def test_strength_zero_makes_a_field_worthless(source):
    settings = PhantomSettings(lesions=6_000, **{f"{source}_strength": 0.0})
    samples = open_cohort(settings).samples.drop_duplicates("group").dropna()
    values = samples[f"field:{source}"]
    codes = values > values.median() if source == "age" else values
    kind = samples["target:kind"]
    table = np.array([[(codes[kind == k] == value).sum() for value in set(codes)] for k in set(kind)])
    assert chi2_contingency(table).pvalue > 0.01


def test_pictures_tell_something_but_not_everything(phantom):
    """Mean colour inside and outside alone: far above the chance of 1/4, far from certain."""
    pictures = np.stack([phantom.images.read(row, "dermoscopy") for row in range(len(phantom))]) / 255
    centre, rim = pictures[:, 24:40, 24:40].mean(axis=(1, 2)), pictures[:, :6].mean(axis=(1, 2))
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=500))
    labels = phantom.labels("kind")
    guess = cross_val_predict(model, np.concatenate([centre, rim], axis=1), labels, cv=5)
    assert 0.35 < balanced_accuracy_score(labels, guess) < 0.8
