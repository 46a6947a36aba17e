"""Metadata encodings: width, order and names, what is fitted and on which rows, missing values, dropped fields."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.errors import InputError
from trainables.cohorts import Cohort, Field, Ham10000Settings, Target, open_cohort
from trainables.cohorts.ham10000 import FIELDS
from trainables.metadata import ENCODINGS, MetadataSettings, fit_encoder

NAMES = tuple(field.name for field in FIELDS)


def cohort_of(sex: list, site: list, age: list, fields: tuple[Field, ...] = FIELDS) -> Cohort:
    """A HAM10000-shaped cohort without images."""
    size = len(age)
    samples = pd.DataFrame(
        {
            "group": [f"g{row}" for row in range(size)],
            "target:diagnosis": ["mel"] * size,
            "field:sex": pd.Series(sex, dtype=object),
            "field:site": pd.Series(site, dtype=object),
            "field:age": pd.Series(age, dtype=float),
        }
    )
    refused = (("dx_type", "it follows from the diagnosis"),)
    targets = (Target("diagnosis", ("mel", "nv")),)
    return Cohort("shaped", "lesion", samples, fields, targets, ("dermoscopy",), None, "0", refused_fields=refused)  # type: ignore[arg-type]


@pytest.fixture
def small() -> Cohort:
    """Four training rows and one more, whose every field is missing."""
    return cohort_of(
        ["male", "female", "male", None, None],
        ["back", "acral", None, "back", None],
        [20.0, np.nan, 40.0, 60.0, np.nan],
    )


TRAINING = np.arange(4)


def encoded(cohort: Cohort, field: str, encoding: str, rows=(0, 4)) -> list[list[float]]:
    encoder = fit_encoder(MetadataSettings(fields=(field,), encoding=encoding), cohort, TRAINING)
    return encoder.encode(np.array(rows)).tolist()


def test_impute_is_metanets(small):
    assert encoded(small, "age", "impute") == [[pytest.approx(20 / 85)], [pytest.approx(40 / 85)]]
    assert encoded(small, "sex", "impute") == [[0, 1], [0, 1]]  # the mode is male
    (known, missing) = encoded(small, "site", "impute", rows=(1, 4))
    assert (np.argmax(known), np.argmax(missing)) == (1, 2)  # acral; the mode is back


def test_impute_takes_the_first_declared_of_equally_frequent():
    cohort = cohort_of(["male", "female", None, None, None], [None] * 5, [1.0] * 5)
    assert encoded(cohort, "sex", "impute") == [[0, 1], [1, 0]]


def test_keep_unknown_marks_what_is_missing(small):
    assert encoded(small, "age", "keep-unknown") == [[pytest.approx(20 / 85), 0], [pytest.approx(40 / 85), 1]]
    assert encoded(small, "sex", "keep-unknown") == [[0, 1, 0], [0, 0, 1]]


def test_out_of_vocabulary_is_soft_attentions(small):
    spread = np.std([20, 40, 60])
    assert encoded(small, "age", "out-of-vocabulary") == [[pytest.approx(-20 / spread)], [0]]
    assert encoded(small, "sex", "out-of-vocabulary") == [[0, 0, 1, 0], [0, 0, 0, 1]]  # none, female, male, unknown


def test_zero_fill_standardises_and_leaves_zeros(small):
    spread = np.std([20, 40, 60])
    assert encoded(small, "age", "zero-fill") == [[pytest.approx(-20 / spread)], [0]]
    assert encoded(small, "sex", "zero-fill") == [[0, 1], [0, 0]]


WIDTHS = {
    "impute": (2, 14, 1),
    "keep-unknown": (3, 15, 2),
    "out-of-vocabulary": (4, 16, 1),  # papers' 21-d
    "zero-fill": (2, 14, 1),
}


def test_every_encoding_has_its_width_here():
    assert set(WIDTHS) == set(ENCODINGS.names())


@pytest.mark.parametrize("encoding", ENCODINGS.names())
@pytest.mark.parametrize("subset", [subset for n in range(4) for subset in combinations(NAMES, n)])
def test_columns_stand_in_the_cohorts_order(small, encoding, subset):
    forwards = fit_encoder(MetadataSettings(fields=subset, encoding=encoding), small, TRAINING)
    backwards = fit_encoder(MetadataSettings(fields=subset[::-1], encoding=encoding), small, TRAINING)
    widths = [width for name, width in zip(NAMES, WIDTHS[encoding], strict=True) if name in subset]
    assert list(forwards.field_columns) == [name for name in NAMES if name in subset]
    assert [part.stop - part.start for part in forwards.field_columns.values()] == widths
    assert forwards.width == len(forwards.names) == len(set(forwards.names)) == sum(widths)
    rows = np.arange(5)
    assert forwards.encode(rows).dtype == np.float32
    assert forwards.encode(rows).shape == (5, sum(widths))
    np.testing.assert_array_equal(forwards.encode(rows), backwards.encode(rows))
    for name, part in forwards.field_columns.items():
        assert all(column.startswith(name) for column in forwards.names[part])


sexes = st.sampled_from([None, "female", "male"])
sites = st.sampled_from([None, *FIELDS[1].categories])
ages = st.one_of(st.just(np.nan), st.floats(0, 120))
people = st.lists(st.tuples(sexes, sites, ages), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(rows=people, data=st.data())
def test_one_hot_sums_widths_and_no_nan_whatever_is_missing(rows, data):
    cohort = cohort_of(*(list(column) for column in zip(*rows, strict=True)))
    cut = data.draw(st.integers(1, len(rows)))
    for encoding in ENCODINGS.names():
        encoder = fit_encoder(MetadataSettings(fields=NAMES, encoding=encoding), cohort, np.arange(cut))
        values = encoder.encode(np.arange(len(rows)))
        assert encoder.width == sum(WIDTHS[encoding])
        assert np.isfinite(values).all()
        for name in ("sex", "site"):
            missing = cohort.samples[f"field:{name}"].isna().to_numpy()
            sums = values[:, encoder.field_columns[name]].sum(axis=1)
            np.testing.assert_array_equal(sums, ~missing if encoding == "zero-fill" else np.ones(len(rows)))


@settings(max_examples=60, deadline=None)
@given(rows=people, other=st.tuples(sexes, sites, ages))
def test_an_evaluation_row_never_changes_how_others_are_encoded(rows, other):
    changed = [*rows[:-1], other]
    training = np.arange(len(rows) - 1)
    for encoding in ENCODINGS.names():
        choice = MetadataSettings(fields=NAMES, encoding=encoding)
        one, two = (
            fit_encoder(choice, cohort_of(*(list(column) for column in zip(*people, strict=True))), training)
            for people in (rows, changed)
        )
        np.testing.assert_array_equal(one.encode(training), two.encode(training))
        assert one.names == two.names


@pytest.mark.parametrize("encoding", ENCODINGS.names())
def test_a_field_missing_from_all_training_rows_has_a_defined_answer(encoding):
    """A number becomes 0; a category the first one, its own, or none."""
    cohort = cohort_of([None] * 4 + ["male"], ["back"] * 5, [np.nan] * 4 + [34.0])
    assert encoded(cohort, "age", encoding, rows=[0])[0][0] == 0.0
    first = {"impute": [1, 0], "keep-unknown": [0, 0, 1], "out-of-vocabulary": [0, 0, 0, 1], "zero-fill": [0, 0]}[
        encoding
    ]
    assert encoded(cohort, "sex", encoding, rows=[0]) == [first]


def test_a_constant_number_is_not_divided_by_its_spread_of_zero():
    cohort = cohort_of(["male"] * 5, ["back"] * 5, [50.0] * 5)
    assert encoded(cohort, "age", "zero-fill") == [[0.0], [0.0]]


def test_dropping_takes_whole_fields_of_single_samples(small):
    choice = MetadataSettings(fields=NAMES, encoding="zero-fill", drop_probability=0.3)
    encoder = fit_encoder(choice, small, TRAINING)
    mask = encoder.drop_mask(20_000, np.random.default_rng(0))
    assert (mask.shape, mask.dtype) == ((20_000, 17), np.float32)
    assert set(np.unique(mask)) == {0.0, 1.0}
    dropped = []
    for part in encoder.field_columns.values():
        np.testing.assert_array_equal(mask[:, part], np.repeat(mask[:, part][:, :1], part.stop - part.start, axis=1))
        dropped.append(mask[:, part.start] == 0)
    np.testing.assert_allclose(np.mean(dropped, axis=1), 0.3, atol=0.015)  # 4.6 standard errors
    np.testing.assert_allclose(np.corrcoef(dropped)[np.triu_indices(3, 1)], 0, atol=0.035)
    np.testing.assert_array_equal(mask, encoder.drop_mask(20_000, np.random.default_rng(0)))


def test_a_dropped_field_looks_as_a_missing_one(small):
    encoder = fit_encoder(MetadataSettings(fields=NAMES, encoding="zero-fill"), small, TRAINING)
    assert not encoder.encode(np.array([4])).any()


def test_only_zero_fill_drops(small):
    assert fit_encoder(MetadataSettings(fields=NAMES, encoding="zero-fill"), small, TRAINING).drop_probability == 0.1
    for encoding in set(ENCODINGS.names()) - {"zero-fill"}:
        encoder = fit_encoder(MetadataSettings(fields=NAMES, encoding=encoding), small, TRAINING)
        assert encoder.drop_probability == 0.0
        assert encoder.drop_mask(50, np.random.default_rng(0)).all()


@pytest.mark.parametrize(
    ("choice", "canonical"),
    [
        ({}, {}),
        ({"encoding": "zero-fill", "drop_probability": 0.5}, {}),
        ({"fields": ("site", "age")}, {"fields": ["age", "site"], "encoding": "impute"}),
        ({"fields": ("age",), "encoding": "keep-unknown"}, {"fields": ["age"], "encoding": "keep-unknown"}),
        (
            {"fields": ("age",), "encoding": "zero-fill"},
            {"fields": ["age"], "encoding": "zero-fill", "drop_probability": 0.1},
        ),
    ],
)
def test_canonical(choice, canonical):
    assert MetadataSettings(**choice).canonical() == canonical


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"fields": ("age", "age")}, "twice"),
        ({"encoding": "zerofill"}, "did you mean 'zero-fill'"),
        ({"drop_probability": 0.2}, "zero-fill"),
        ({"encoding": "zero-fill", "drop_probability": 1.0}, "less than 1"),
        ({"feilds": ("age",)}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_make_no_sense(choice, message):
    with pytest.raises(ValidationError, match=message):
        MetadataSettings(**choice)


def test_unknown_field_is_told_the_right_one(small):
    with pytest.raises(InputError, match=r"'aeg' .*cohort 'shaped'; did you mean 'age'\? \(known: sex, site, age\)"):
        fit_encoder(MetadataSettings(fields=("aeg",)), small, TRAINING)
    with pytest.raises(InputError, match="'dx_type' cannot be an input: it follows from the diagnosis"):
        fit_encoder(MetadataSettings(fields=("dx_type",)), small, TRAINING)


def test_ham10000_keeps_seventeen_columns_without_any_acral_in_training(real_data):
    cohort = open_cohort(Ham10000Settings(), real_data / "ham10000")
    training = np.flatnonzero(cohort.samples["field:site"] != "acral")
    encoder = fit_encoder(MetadataSettings(fields=NAMES), cohort, training)
    assert encoder.width == 17
    values = encoder.encode(np.arange(len(cohort)))
    assert values[:, encoder.names.index("site=acral")].sum() == 7
    assert values[:, encoder.field_columns["age"]].max() == 1.0
    assert cohort.samples["field:age"].to_numpy()[training].size + 7 == len(cohort)


def test_encoder_follows_fields_of_another_cohort(small):
    scaled = replace(small, fields=(replace(FIELDS[2], scale=10.0), FIELDS[0]))
    encoder = fit_encoder(MetadataSettings(fields=("sex", "age")), scaled, TRAINING)
    assert encoder.names == ("age", "sex=female", "sex=male")
    assert encoder.encode(np.array([0])).tolist() == [[2.0, 0.0, 1.0]]
