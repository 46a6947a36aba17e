"""The fingerprint: the same for the same data however ordered, another for any change that numbers can depend on."""

import pytest

from models.errors import InputError
from trainables.cohorts import Ham10000Settings, PhantomSettings, open_cohort


def test_fingerprint_ignores_the_order_of_the_rows_and_where_the_data_lies(ham, ham_rows, ham_settings):
    first = open_cohort(ham_settings, ham())
    second = open_cohort(ham_settings, ham(ham_rows[::-1]))
    assert first.fingerprint == second.fingerprint
    assert first.samples.equals(second.samples)


@pytest.mark.parametrize(("column", "value"), [(0, "HAM_7"), (2, "bcc"), (4, "71"), (4, ""), (5, "male"), (6, "neck")])
def test_fingerprint_sees_every_cell_that_counts(ham, ham_rows, ham_settings, column, value):
    before = open_cohort(ham_settings, ham()).fingerprint
    changed = [*ham_rows[0]]
    changed[column] = value
    assert open_cohort(ham_settings, ham([changed, *ham_rows[1:]])).fingerprint != before


def test_fingerprint_sees_the_image_bytes_but_not_columns_that_are_not_read(ham, ham_rows, ham_settings, image):
    data = ham()
    before = open_cohort(ham_settings, data).fingerprint
    other_type = [(*row[:3], "consensus", *row[4:]) for row in ham_rows]
    assert open_cohort(ham_settings, ham(other_type)).fingerprint == before
    image(data / "images" / "ISIC_0000001.jpg", 21)
    assert open_cohort(ham_settings, data).fingerprint != before


def test_fingerprint_sees_a_sample_left_out(ham, ham_settings):
    data = ham()
    before = open_cohort(ham_settings, data).fingerprint
    (data / "images" / "ISIC_0000001.jpg").unlink()
    assert open_cohort(ham_settings, data, skip_bad=True).fingerprint != before


def test_unknown_target_and_cohort_suggest_the_right_name():
    cohort = open_cohort(PhantomSettings(lesions=20))
    with pytest.raises(InputError, match="target 'kinds' is not in cohort 'phantom'; did you mean 'kind'"):
        cohort.labels("kinds")
    with pytest.raises(InputError, match="did you mean 'ham10000'"):
        open_cohort(Ham10000Settings.model_construct(name="ham1000"))
