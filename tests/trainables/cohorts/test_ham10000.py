"""HAM10000: the golden counts of the real folder, and the layouts that downloads have."""

import pickle

import numpy as np
import pytest
from PIL import Image

from models.errors import InputError
from trainables.cohorts import Ham10000Settings, open_cohort
from trainables.cohorts.ham10000 import LOOKALIKES

COUNTS = {"akiec": 327, "bcc": 514, "bkl": 1099, "df": 115, "mel": 1113, "nv": 6705, "vasc": 142}
LESIONS = {"akiec": 228, "bcc": 327, "bkl": 727, "df": 73, "mel": 614, "nv": 5403, "vasc": 98}


@pytest.fixture(scope="module")
def real(real_data):
    return open_cohort(Ham10000Settings(), real_data / "ham10000")


def test_real_counts(real):
    samples = real.samples
    assert len(real) == 10_015
    assert samples["group"].nunique() == 7_470 - 18
    assert samples["target:diagnosis"].value_counts().to_dict() == COUNTS
    assert {field.name: int(samples[f"field:{field.name}"].isna().sum()) for field in real.fields} == {
        "sex": 57,
        "site": 234,
        "age": 57,
    }
    assert samples["field:age"].mean() == pytest.approx(51.86, abs=0.005)
    assert real.left_out == ()


def test_real_fields_are_metanets_seventeen_columns(real):
    sex, site, age = real.fields
    assert (sex.name, sex.categories) == ("sex", ("female", "male"))
    assert (site.name, len(site.categories)) == ("site", 14)
    assert list(site.categories) == sorted(site.categories)
    assert "unknown" not in site.categories
    assert (age.name, age.scale) == ("age", 85.0)


def test_real_cohort_travels_light_and_reads_after_the_journey(real):
    carried = pickle.dumps(real)
    assert len(carried) < 2_000_000
    arrived = pickle.loads(carried)
    row = arrived.samples.index.get_loc("ISIC_0027419")
    assert arrived.images.read(row, "dermoscopy").shape == (150, 200, 3)
    assert arrived.fingerprint == real.fingerprint


def test_real_identical_images_are_of_one_lesion_and_are_no_duplicates(real):
    (note,) = real.notes
    assert note == (
        "lesions merged into another because they show the same: 18 (known pairs: 18), "
        "the first is HAM_0001186 into HAM_0000825"
    )
    row = real.samples.index.get_loc
    same = [real.images.digest(row(f"ISIC_00{number}"), "dermoscopy") for number in ("24366", "29861")]
    assert same[0] == same[1]


def test_real_lookalikes_share_a_group_unless_they_are_kept_apart(real, real_data):
    for first, second in LOOKALIKES:
        pair = real.samples.loc[[f"ISIC_00{first}", f"ISIC_00{second}"]]
        assert pair["group"].nunique() == 1
        assert pair["target:diagnosis"].nunique() == 1
    apart = open_cohort(Ham10000Settings(lookalikes="keep"), real_data / "ham10000")
    assert apart.samples["group"].nunique() == 7_470
    assert apart.samples.drop_duplicates("group")["target:diagnosis"].value_counts().to_dict() == LESIONS
    assert apart.notes == ()
    assert apart.fingerprint != real.fingerprint


def test_real_fingerprints_of_the_first_release_hold(real):
    """Recorded before outcome fields and duplicates were handled: a ledger of then is read now."""
    assert real.fingerprint == "02fba6de797fae52593264895e183b2ee5663efc382cd6a0362c2920e624eb08"


def test_real_dx_type_is_a_field_only_where_outcomes_are_allowed(real, real_data):
    allowed = open_cohort(Ham10000Settings(), real_data / "ham10000", allow_outcomes=True)
    assert [field.name for field in allowed.fields] == ["sex", "site", "age", "dx_type"]
    assert [bool(field.outcome) for field in allowed.fields] == [False, False, False, True]
    counts = allowed.samples["field:dx_type"].value_counts().to_dict()
    assert counts == {"histo": 5340, "follow_up": 3704, "consensus": 902, "confocal": 69}
    assert allowed.fingerprint != real.fingerprint


@pytest.mark.parametrize(
    "layout",
    [
        {"folders": ("images",)},
        {"folders": ("HAM10000_images_part_1", "HAM10000_images_part_2")},
        {"folders": ("ham10000_images_part_1", "ham10000_images_part_2"), "extension": ".JPG"},
        {"folders": (".",), "extension": ".png"},
        {"folders": ("Images",)},
        {"folders": ("HAM10000_images_part_1/HAM10000_images_part_1", "HAM10000_images_part_2")},
        {"name": "HAM10000_metadata", "extension": ".jpeg"},
        {"name": "ham10000_METADATA.csv"},
    ],
)
def test_layouts_of_downloads(ham, ham_settings, layout):
    cohort = open_cohort(ham_settings, ham(**layout))
    assert list(cohort.samples.index) == ["ISIC_0000001", "ISIC_0000002", "ISIC_0000003", "ISIC_0000004"]
    greys = [cohort.images.read(row, "dermoscopy").mean() - 19.5 for row in range(4)]  # 19.5: the mean of the noise
    assert greys == pytest.approx([20, 30, 40, 50], abs=2)


def test_the_folder_above_will_do(ham, ham_settings, tmp_path):
    folder = ham()
    (tmp_path / "above").mkdir()
    target = tmp_path / "above" / "ham10000"
    target.mkdir()
    for name in ("HAM10000_metadata.csv", "images"):
        (folder / name).rename(target / name)
    assert len(open_cohort(ham_settings, tmp_path / "above")) == 4


def test_rows_sorted_by_id_labels_by_name_unknown_is_missing(ham, ham_settings):
    cohort = open_cohort(ham_settings, ham())
    assert list(cohort.samples["group"]) == ["HAM_1", "HAM_1", "HAM_3", "HAM_2"]
    assert cohort.labels("diagnosis").tolist() == [5, 5, 2, 4]  # nv nv bkl mel among akiec bcc bkl df mel nv vasc
    np.testing.assert_array_equal(cohort.samples["field:age"], [40.0, np.nan, 55.0, 70.0])
    assert cohort.samples["field:sex"].isna().tolist() == [False, False, True, False]
    assert cohort.samples["field:site"].isna().tolist() == [False, False, True, False]


@pytest.mark.parametrize("word", ["NaN", "NA", "UNK", "Unknown", "n/a"])
def test_words_for_no_value_are_those_of_the_other_cohorts(ham, ham_settings, ham_rows, word):
    cohort = open_cohort(ham_settings, ham([(*ham_rows[0][:3], *[word] * 4), *ham_rows[1:]]), allow_outcomes=True)
    fields = [f"field:{field.name}" for field in cohort.fields]
    assert len(fields) == 4
    assert cohort.samples.loc["ISIC_0000004", fields].isna().all()
    assert not any("dx_type" in note for note in cohort.notes)


def test_outcome_columns_are_no_fields_and_say_why(ham, ham_settings):
    cohort = open_cohort(ham_settings, ham())
    refused = dict(cohort.refused_fields)
    assert not {field.name for field in cohort.fields} & set(refused)
    assert "diagnosis" in refused["dx_type"]
    assert "artefact" in refused["dataset"]


def test_folder_without_metadata_file(ham_settings, tmp_path):
    with pytest.raises(InputError, match=r"holds no HAM10000_metadata\.csv; give HAM10000's own folder$"):
        open_cohort(ham_settings, tmp_path)


def test_one_file_under_two_lesions_is_a_fault(ham, ham_settings, ham_rows):
    twice = ("HAM_9", "isic_0000001", "nv", "follow_up", "40.0", "male", "back")
    with pytest.raises(InputError, match=r"isic_0000001: image 'images/ISIC_0000001\.jpg' belongs to lesion 'HAM_1'"):
        open_cohort(ham_settings, ham([*ham_rows, twice]))


def test_tiny_pictures_are_pictures(ham, ham_settings):
    folder = ham()
    Image.new("RGB", (3, 2)).save(folder / "images" / "ISIC_0000004.jpg")
    assert len(open_cohort(ham_settings, folder)) == 4
