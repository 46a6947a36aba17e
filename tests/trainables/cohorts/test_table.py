"""The table cohort: two images and two targets per case, vocabularies, groups, and settings that make no sense."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from models.errors import InputError
from trainables.cohorts import COHORTS, CohortSettings, TableSettings, open_cohort
from trainables.metadata import MetadataSettings, fit_encoder


def test_two_images_two_targets(cases, case_settings):
    cohort = open_cohort(case_settings, cases())
    assert cohort.image_names == ("clinical", "dermoscopy")
    assert [target.classes for target in cohort.targets] == [("melanoma", "nevus"), ("absent", "atypical", "typical")]
    assert cohort.labels("network").tolist() == [1, 0, 2]
    assert cohort.samples["group"].tolist() == ["1", "2", "3"]
    assert cohort.group_name == "sample"
    greys = [[cohort.images.read(row, image).mean() - 19.5 for image in cohort.image_names] for row in range(3)]
    assert greys == [pytest.approx(pair, abs=2) for pair in ([0, 30], [60, 90], [120, 150])]


def test_one_of_two_images_missing_leaves_the_case_out(cases, case_settings):
    data = cases()
    (data / "pictures" / "A" / "b2.JPEG").unlink()
    cohort = open_cohort(case_settings, data, skip_bad=True)
    assert cohort.samples.index.tolist() == ["1", "3"]
    assert [problem.sample for problem in cohort.left_out] == ["2"]


def test_declared_classes_keep_their_order_and_refuse_others(cases, case_layout):
    case_layout["targets"]["diagnosis"]["classes"] = ["nevus", "melanoma"]
    settings = TableSettings.model_validate(case_layout)
    assert open_cohort(settings, cases()).labels("diagnosis").tolist() == [1, 0, 0]
    case_layout["targets"]["diagnosis"]["classes"] = ["nevus", "bcc"]
    with pytest.raises(InputError, match="1: diagnosis 'melanoma' is not one of nevus, bcc"):
        open_cohort(TableSettings.model_validate(case_layout), cases())


def test_category_values_without_declaration_come_from_the_whole_column(cases, case_rows, case_settings):
    cohort = open_cohort(case_settings, cases([*case_rows[:3], (*case_rows[3][:6], "Unknown")]))
    assert cohort.fields[1].categories == ("flat", "palpable")
    assert cohort.samples["field:elevation"].isna().tolist() == [False, False, True]


def test_a_declared_category_is_not_missing(cases, case_rows, case_layout):
    case_layout["fields"]["elevation"]["categories"] = ["flat", "palpable", "unknown"]
    rows = [*case_rows[:3], (*case_rows[3][:6], "unknown")]
    cohort = open_cohort(TableSettings.model_validate(case_layout), cases(rows))
    assert cohort.samples["field:elevation"].tolist() == ["flat", "palpable", "unknown"]


def test_groups_and_numbers(cases, case_layout):
    case_layout["group"] = {"column": "sex", "name": "patient"}
    case_layout["fields"] = {"number": {"column": "elevation", "kind": "number", "missing": ["flat"], "maximum": 3}}
    rows = [["case_num", "clinic", "derm", "diagnosis", "pigment_network", "sex", "elevation"]]
    rows += [["1", "A/a1", "A/a2", "x", "p", "m", "flat"], ["2", "A/b1", "A/b2", "y", "q", "m", "2.5"]]
    cohort = open_cohort(TableSettings.model_validate(case_layout), cases(rows))
    assert cohort.group_name == "patient"
    assert cohort.samples["group"].tolist() == ["m", "m"]
    assert cohort.samples["field:number"].fillna(-1).tolist() == [-1, 2.5]


def test_one_class_only_is_refused(cases, case_rows, case_settings):
    rows = [(*row[:3], "nevus" if row[0].isdigit() else row[3], *row[4:]) for row in case_rows]
    with pytest.raises(InputError, match=r"target 'diagnosis' \(column 'diagnosis'\) has only the class 'nevus'"):
        open_cohort(case_settings, cases(rows))


@pytest.mark.parametrize("word", ["nan", "Unknown", "NA"])
def test_a_word_for_no_value_is_a_missing_label_and_no_class(cases, case_rows, case_layout, word):
    data = cases([*case_rows[:3], (*case_rows[3][:4], word, *case_rows[3][5:])])
    settings = TableSettings.model_validate(case_layout)
    with pytest.raises(InputError, match="3: network is missing"):
        open_cohort(settings, data)
    assert open_cohort(settings, data, skip_bad=True).targets[1].classes == ("absent", "atypical")
    case_layout["targets"]["network"]["classes"] = ["absent", "atypical", word]
    declared = open_cohort(TableSettings.model_validate(case_layout), data)
    assert declared.samples["target:network"].tolist() == ["atypical", "absent", word]


@pytest.mark.parametrize("word", ["", "nan", "Unknown", "NA"])
def test_a_word_for_no_value_is_no_group(cases, case_rows, case_layout, word):
    case_layout |= {"group": {"column": "sex", "name": "patient"}, "fields": {}}
    data = cases([*case_rows[:2], *((*row[:5], word, row[6]) for row in case_rows[2:])])
    with pytest.raises(InputError, match=r"2 of 3 samples cannot be used\n  2: the patient \(sex\) is missing"):
        open_cohort(TableSettings.model_validate(case_layout), data)


@pytest.mark.parametrize("kind", ["category", "number"])
def test_an_odd_cell_of_an_allowed_outcome_is_missing_and_counted(cases, case_rows, case_layout, kind):
    limits = {"categories": ["2", "3"]} if kind == "category" else {"maximum": 3}
    case_layout["fields"]["told"] = {"column": "verdict", "kind": kind, "outcome": True, **limits}
    told = ("verdict", "2", "high", "nan")
    data = cases([(*row, cell) for row, cell in zip(case_rows, told, strict=True)])
    cohort = open_cohort(TableSettings.model_validate(case_layout), data, allow_outcomes=True)
    assert cohort.samples["field:told"].isna().tolist() == [False, True, True]
    (note,) = [note for note in cohort.notes if note.startswith("told: ")]
    assert "1 cells" in note
    assert note.endswith("'high' (1)")


@pytest.mark.parametrize("key", ["csv", "image_folder"])
@pytest.mark.parametrize("path", ["../elsewhere", "/etc"])
def test_settings_cannot_lead_outside(cases, case_layout, key, path):
    case_layout[key] = path
    with pytest.raises(InputError, match="leads outside the data folder"):
        open_cohort(TableSettings.model_validate(case_layout), cases())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": {}}, "images"),
        ({"targets": {}}, "targets"),
        ({"images": {"a": "derm", "b": "derm"}}, "two images read the same column"),
        ({"images": {"a:b": "derm"}}, "pattern"),
        ({"fields": {"dx": {"column": "diagnosis", "kind": "category"}}}, "which is target 'diagnosis'"),
        ({"fields": {"id": {"column": "case_num", "kind": "category"}}}, "which is the sample id"),
        ({"fields": {"file": {"column": "derm", "kind": "category"}}}, "'derm', which is image 'dermoscopy'"),
        ({"fields": {"a": {"column": "sex", "kind": "number", "categories": ["x"]}}}, "a number has no categories"),
        ({"fields": {"a": {"column": "sex", "kind": "category", "scale": 3}}}, "a category has no scale"),
        ({"fields": {"a": {"column": "sex", "kind": "number", "scale": 0}}}, "greater than 0"),
        ({"fields": {"a": {"column": "sex", "kind": "number", "minimum": 3, "maximum": 2}}}, "above maximum"),
        ({"fields": {"a": {"column": "sex", "kind": "category", "categories": ["x", "x"]}}}, "distinct"),
        ({"targets": {"a": {"column": "sex", "classes": ["x"]}}}, "at least 2"),
        ({"grupo": "sex"}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_make_no_sense(case_layout, changes, message):
    with pytest.raises(ValidationError, match=message):
        TableSettings.model_validate(case_layout | changes)


def test_numbers_in_yaml_are_the_cells_text(case_layout):
    case_layout["targets"] = {"melanoma": {"column": "target", "classes": [0, 1]}}
    assert TableSettings.model_validate(case_layout).targets["melanoma"].classes == ("0", "1")


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"column": "verdict", "outcome": True}, "outcome: true"),
        ({"column": "Management"}, "it reads column 'Management': what was done"),
        ({"column": "iddx_full"}, "it reads column 'iddx_full': it is the diagnosis"),
    ],
)
def test_a_field_that_is_an_outcome_is_refused_unless_allowed(cases, case_rows, case_layout, field, reason):
    case_layout["fields"]["told"] = field | {"kind": "category"}
    data = cases(
        [(*row[:6], row[6], "excision" if number else field["column"]) for number, row in enumerate(case_rows)]
    )
    settings = TableSettings.model_validate(case_layout)
    cohort = open_cohort(settings, data)
    assert [item.name for item in cohort.fields] == ["sex", "elevation"]
    assert reason in dict(cohort.refused_fields)["told"]
    assert "allow_outcome_fields: true" in dict(cohort.refused_fields)["told"]
    with pytest.raises(InputError, match=f"'{field['column'].upper()}' cannot be an input: .*allow_outcome_fields"):
        fit_encoder(MetadataSettings(fields=(field["column"].upper(),)), cohort, np.arange(3))
    allowed = open_cohort(settings, data, allow_outcomes=True)
    assert [(item.name, bool(item.outcome)) for item in allowed.fields] == [
        ("sex", False),
        ("elevation", False),
        ("told", True),
    ]
    assert reason.removeprefix(f"it reads column {field['column']!r}: ") in allowed.fields[2].outcome


def test_identical_pictures_make_one_group(cases, case_settings):
    data = cases()
    (data / "pictures" / "B" / "c2.jpg").write_bytes((data / "pictures" / "A" / "a1.jpg").read_bytes())
    cohort = open_cohort(case_settings, data)  # case 3's dermoscopy is case 1's clinical picture
    assert cohort.samples["group"].tolist() == ["1", "2", "1"]
    apart = open_cohort(case_settings.model_copy(update={"duplicates": "keep"}), data)
    assert apart.samples["group"].tolist() == ["1", "2", "3"]
    assert (cohort.merged, apart.merged) == ({"3": "1"}, {})


def test_every_registered_cohort_has_settings_by_name():
    schema = TypeAdapter(CohortSettings).json_schema()
    assert sorted(schema["discriminator"]["mapping"]) == list(COHORTS.names())
    assert (
        TypeAdapter(CohortSettings).validate_python({"name": "ham10000", "lookalikes": "merge"}).lookalikes == "merge"
    )


def test_isic2020_opens_as_a_table(real_data):
    settings = TableSettings.model_validate(
        {
            "csv": "train.csv",
            "id": "image_name",
            "images": {"dermoscopy": "image_name"},
            "image_folder": "images",
            "targets": {"melanoma": {"column": "target", "classes": [0, 1]}},
            "group": {"column": "patient_id", "name": "patient"},
            "fields": {
                "age": {"column": "age_approx", "kind": "number", "scale": 90, "minimum": 0, "maximum": 120},
                "sex": {"column": "sex", "kind": "category", "categories": ["female", "male"]},
                "site": {"column": "anatom_site_general_challenge", "kind": "category"},
            },
        }
    )
    cohort = open_cohort(settings, real_data / "isic2020")
    assert (len(cohort), cohort.samples["group"].nunique()) == (2_669, 98)
    assert cohort.labels("melanoma").sum() == 38
