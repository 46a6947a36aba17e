"""An external test set: joined by name, evaluated only, and nothing of it that a model may have seen or cannot name."""

import pickle
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from array_cohorts import ArrayImages

from models.errors import InputError
from trainables.cohorts import Cohort, Field, Problem, TableSettings, Target, open_cohort
from trainables.cohorts.base import fingerprint
from trainables.cohorts.external import join_external
from trainables.cohorts.sites import GENERAL
from trainables.configuration import Configuration
from trainables.data import FitData
from trainables.fit import FoldFit
from trainables.folds import FoldSettings, make_splits
from trainables.images import ImageSettings, open_pixels
from trainables.metadata import MetadataSettings, fit_encoder

CLASSES = ("akiec", "mel", "nv")
SEX = Field("sex", "category", ("female", "male"))
AGE = Field("age", "number", minimum=0.0, maximum=120.0, scale=85.0)
SITE = Field("site", "category", ("back", "chest", "face", "lower extremity", "trunk"))
MAIN = [  # id, group, label, grey, then sex, age, site
    ("ISIC_0000002", "HAM_1", "nv", 1, "male", 40.0, "back"),
    ("ISIC_0000001", "HAM_1", "nv", 2, "male", 45.0, "chest"),
    ("ISIC_0000003", "HAM_2", "mel", 3, None, np.nan, None),
    ("ISIC_0000004", "HAM_3", "akiec", 4, "female", 70.0, "trunk"),
]


def made(
    rows: list[tuple],
    *,
    name: str = "main",
    classes: tuple[str, ...] = CLASSES,
    fields: tuple[Field, ...] = (SEX, AGE, SITE),
    target: str = "diagnosis",
    images: tuple[str, ...] = ("dermoscopy",),
) -> Cohort:
    """A cohort of these rows; pictures of one grey, so that two of the same grey are the same file."""
    rows = sorted(rows)
    columns = {"group": [row[1] for row in rows], f"target:{target}": [row[2] for row in rows]}
    columns |= {f"field:{field.name}": [row[4 + number] for row in rows] for number, field in enumerate(fields)}
    samples = pd.DataFrame(columns, index=pd.Index([row[0] for row in rows], name="sample"))
    source = ArrayImages(np.array([[row[3]] * 3 for row in rows]))
    digests = [[source.digest(row, image) for image in images] for row in range(len(rows))]
    targets = (Target(target, classes),)
    return Cohort(
        name, "lesion", samples, fields, targets, images, source, fingerprint(samples, fields, targets, digests)
    )


def main() -> Cohort:
    return made(MAIN)


def other(*rows: tuple, **options) -> Cohort:
    """An external cohort named `test` of these rows, or of two sound ones."""
    sound = (("ISIC_0000009", "T_1", "mel", 9, "male", 50.0, "face"), ("ISIC_0000008", "T_2", "nv", 8, *[None] * 3))
    return made(list(rows or sound), **{"name": "test", **options})


def test_both_cohorts_become_one_sorted_by_id_with_the_external_samples_listed():
    joined = join_external(main(), other())
    assert joined.name == "main -> test"
    assert joined.samples.index.tolist() == [f"ISIC_000000{number}" for number in (1, 2, 3, 4, 8, 9)]
    assert joined.external == {"ISIC_0000008", "ISIC_0000009"}
    assert joined.samples.loc["ISIC_0000009"].tolist() == ["T_1", "mel", "male", 50.0, "face"]
    assert joined.samples["field:site"].isna().tolist() == [False, False, True, False, True, False]
    assert joined.fields == (SEX, AGE, SITE)
    assert joined.targets == (Target("diagnosis", CLASSES),)
    assert joined.labels("diagnosis").tolist() == [2, 2, 1, 0, 2, 1]
    assert joined.left_out == ()
    assert joined.notes == ("external: 2 samples of 2 lesions of test are evaluated only",)


def test_every_row_reads_its_own_picture_in_another_process_too(tmp_path):
    joined = join_external(main(), other())
    greys = [2, 1, 3, 4, 8, 9]
    images = pickle.loads(pickle.dumps(joined.images))
    assert [int(images.read(row, "dermoscopy")[0, 0, 0]) for row in range(6)] == greys
    assert len({images.digest(row, "dermoscopy") for row in range(6)}) == 6
    pixels = open_pixels(joined, ImageSettings(size=(32, 32)), tmp_path, workers=2)
    assert pixels[:, 0, 0, 0, 0].tolist() == greys


def test_rows_of_both_cohorts_in_turn_keep_their_pictures():
    """Ids of the external cohort sort before, between and after those of the main one, some of them left out."""
    own = made([("b", "p1", "nv", 1), ("d", "p2", "mel", 2), ("f", "p3", "nv", 3)], fields=())
    rows = [("a", "q1", "nv", 11), ("c", "q2", "odd", 12), ("e", "q3", "mel", 13), ("g", "q4", "nv", 14)]
    joined = join_external(own, other(*rows, classes=("mel", "nv", "odd"), fields=()))
    assert joined.samples.index.tolist() == ["a", "b", "d", "e", "f", "g"]
    assert [int(joined.images.read(row, "dermoscopy")[0, 0, 0]) for row in range(6)] == [11, 1, 2, 13, 3, 14]
    assert joined.samples["group"].tolist() == ["q1", "p1", "p2", "q3", "p3", "q4"]


def test_what_either_cohort_has_to_say_is_kept():
    own = replace(main(), left_out=(Problem("m", "no image"),), notes=("odd",), official_split={"ISIC_0000001": "test"})
    theirs = replace(other(), left_out=(Problem("t", "no label"),), notes=("odder",), group_name="patient")
    joined = join_external(own, theirs)
    assert joined.left_out == (Problem("m", "no image"), Problem("t", "no label"))
    assert joined.notes[0] == "odd"
    assert "external: odder" in joined.notes
    assert joined.group_name == "patient"
    assert joined.official_split == {"ISIC_0000001": "test"}


def test_the_fingerprint_sees_both_cohorts():
    before = join_external(main(), other()).fingerprint
    assert join_external(main(), other()).fingerprint == before
    row = ("ISIC_0000009", "T_1", "mel", 9, "male", 50.0, "face")
    assert join_external(main(), other(row)).fingerprint != before
    assert join_external(made(MAIN[:-1]), other()).fingerprint != before


def test_samples_are_trained_on_or_evaluated_never_both():
    joined = join_external(main(), other())
    (split,) = make_splits(joined, FoldSettings(plan="external"))
    assert set(joined.samples.index[split.test]) == joined.external
    assert len(split.train) == len(main())
    assert split.leak_share == 0.0
    encoder = fit_encoder(MetadataSettings(fields=("age",)), joined, split.train)
    filled = encoder.encode(np.array([4]))[0, 0]  # the external sample without an age
    assert filled == pytest.approx((40 + 45 + 70) / 3 / 85)


def test_classes_go_by_name_and_those_without_one_are_left_out_and_named():
    rows = [("x1", "g1", "NV", 11), ("x2", "g2", "AK", 12), ("x3", "g3", "SCC", 13), ("x4", "g4", "SCC", 14)]
    joined = join_external(main(), other(*rows, classes=("NV", "AK", "SCC"), fields=()))
    assert joined.samples.loc[["x1", "x2"], "target:diagnosis"].tolist() == ["nv", "akiec"]
    assert joined.external == {"x1", "x2"}
    assert joined.left_out == tuple(
        Problem(name, "external: diagnosis 'SCC' is not a class of the main cohort") for name in ("x3", "x4")
    )
    assert "external: 2 samples left out, as models of the main cohort have no class for them" in joined.notes
    assert "external: diagnosis: AK as akiec" in joined.notes


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (("x1", "HAM_2", "mel", 21), "lesion 'HAM_2' is in the main cohort too"),
        (("x1", "g1", "mel", 3), "the image file of 'x1' is in the main cohort too"),
        (("ISIC_0000003_downsampled", "g1", "mel", 21), "of the ISIC archive is in the main cohort too"),
        (("isic_0000003", "g1", "mel", 21), "of the ISIC archive is in the main cohort too"),
    ],
)
def test_whole_groups_that_were_trained_on_are_left_out(first, why):
    sibling = ("x2", first[1], "nv", 22)
    joined = join_external(main(), other(first, sibling, ("x3", "g3", "nv", 23), fields=()))
    assert joined.external == {"x3"}
    assert [problem.sample for problem in joined.left_out] == sorted([first[0], "x2"])
    assert all(problem.what.endswith(why) for problem in joined.left_out)
    assert "external: 2 samples left out, as the main cohort has them too" in joined.notes


NOTHING_ELSE = "what both cohorts hold is known by image files and by the ISIC archive's image ids only"


@pytest.mark.parametrize(
    ("own", "theirs", "seen"),
    [
        ({"HAM_7": "HAM_2"}, {}, {"x1": "HAM_7"}),
        ({}, {"HAM_2": "HAM_7"}, {"x1": "HAM_2"}),
        ({"HAM_8": "HAM_2"}, {"HAM_8": "HAM_7"}, {"x1": "HAM_8"}),
        ({"HAM_8": "HAM_2"}, {"HAM_9": "HAM_7"}, {}),
        ({"HAM_7": "HAM_0"}, {}, {}),
        ({"ham_7": "HAM_2"}, {}, {"x1": "HAM_7"}),
    ],
)
def test_what_was_merged_away_on_either_side_is_recognised(own, theirs, seen):
    """HAM_2 is in the main cohort, HAM_7 is in the external one; HAM_0 is in none, as its samples were left out."""
    given = other(("x1", "HAM_7", "mel", 21), ("x2", "T_1", "nv", 22), fields=())
    joined = join_external(replace(main(), merged=own), replace(given, merged=theirs))
    assert {problem.sample: problem.what for problem in joined.left_out} == {
        sample: f"external: lesion {group!r} is in the main cohort too" for sample, group in seen.items()
    }
    assert joined.merged == theirs | own


def test_lesions_that_two_folders_merge_are_recognised(ham, ham_settings, ham_rows, image, tmp_path):
    """The main folder holds HAM_3's picture under HAM_2 too, so that HAM_3 is no group any more."""
    data, folder = ham(), tmp_path / "clinic"
    shutil.copy(data / "images" / "ISIC_0000004.jpg", data / "images" / "ISIC_0000003.jpg")
    image(folder / "1.png", 150)
    image(folder / "2.png", 151)
    (folder / "table.csv").write_text("id,label,lesion\n1,mel,HAM_3\n2,nv,T_1\n")
    settings = {"csv": "table.csv", "id": "id", "images": {"photo": "id"}, "group": {"column": "lesion"}}
    settings |= {"targets": {"diagnosis": {"column": "label"}}}
    clinic = open_cohort(TableSettings.model_validate(settings), folder)
    own = open_cohort(ham_settings, data)
    assert own.merged == {"HAM_3": "HAM_2"}
    joined = join_external(own, clinic)
    assert joined.external == {"2"}
    assert joined.left_out == (Problem("1", "external: group 'HAM_3' is in the main cohort too"),)


@pytest.mark.parametrize("number", ["1", "0042", "17.0"])
def test_groups_that_are_counted_off_are_not_compared_by_id(number):
    own = made([("a", number, "nv", 1), ("b", "p2", "mel", 2)], fields=())
    joined = join_external(own, other(("c", number, "mel", 8), ("d", "p2", "nv", 9), fields=()))
    assert joined.external == {"c"}
    assert [problem.sample for problem in joined.left_out] == ["d"]
    assert f"external: ids of lesions that are mere numbers are not compared; {NOTHING_ELSE}" in joined.notes
    copied = join_external(own, other(("c", number, "mel", 1), ("d", "q2", "nv", 9), fields=()))
    assert copied.external == {"d"}


@pytest.mark.parametrize(("names", "compared"), [(("lesion", "patient"), False), (("group", "lesion"), True)])
def test_groups_that_are_something_else_are_not_compared_by_id(names, compared):
    own = replace(made([("a", "A1", "nv", 1), ("b", "A2", "mel", 2)], fields=()), group_name=names[0])
    theirs = replace(other(("c", "A1", "mel", 8), ("d", "B1", "nv", 9), fields=()), group_name=names[1])
    joined = join_external(own, theirs)
    assert joined.external == ({"d"} if compared else {"c", "d"})
    note = f"external: ids of {names[0]}s and of {names[1]}s are not compared; {NOTHING_ELSE}"
    assert (note in joined.notes) is not compared


def test_ids_that_collide_without_being_the_same_sample_are_told_apart():
    own = made([("1", "p1", "nv", 1), ("2", "p2", "mel", 2)], fields=())
    joined = join_external(own, other(("1", "q1", "mel", 8), ("3", "q3", "nv", 9), fields=()))
    assert joined.external == {"external:1", "3"}
    assert joined.samples.loc["1", "target:diagnosis"] == "nv"
    assert joined.samples.loc["external:1", "target:diagnosis"] == "mel"


def test_an_external_cohort_of_which_nothing_is_left_is_refused():
    with pytest.raises(InputError, match=r"'test': none of 4 samples can be evaluated; the first, ISIC_0000001: "):
        join_external(main(), made(MAIN, name="test"))


def test_only_fields_that_both_have_remain_and_asking_for_another_says_why():
    joined = join_external(main(), other(("x", "g", "nv", 9, 33.0, "male"), fields=(AGE, replace(SEX, name="gender"))))
    assert [field.name for field in joined.fields] == ["sex", "age"]
    assert joined.samples.loc["x", "field:sex"] == "male"
    assert "external: fields left out, as test does not have them: site" in joined.notes
    with pytest.raises(InputError, match="'site' cannot be an input: the external cohort 'test' has no such field"):
        fit_encoder(MetadataSettings(fields=("site",)), joined, np.arange(4))


def test_numbers_keep_the_main_scale_and_kinds_must_agree():
    scaled = replace(AGE, scale=1.0, maximum=200.0)
    joined = join_external(main(), other(("x", "g", "nv", 9, 33.0), fields=(scaled,)))
    assert joined.fields == (AGE,)
    assert joined.samples.loc["x", "field:age"] == 33.0
    named = Field("age", "category", ("old", "young"))
    assert join_external(main(), other(("x", "g", "nv", 9, "old"), fields=(named,))).fields == ()


def test_categories_go_by_name_and_the_rest_is_missing_and_counted():
    sex = Field("sex", "category", ("FEMALE", "Male", "diverse"))
    rows = [("x1", "g1", "nv", 9, "FEMALE"), ("x2", "g2", "nv", 10, "diverse"), ("x3", "g3", "nv", 11, None)]
    joined = join_external(main(), other(*rows, fields=(sex,)))
    assert joined.fields == (SEX,)
    assert joined.samples.loc["x1", "field:sex"] == "female"
    assert joined.samples.loc[["x2", "x3"], "field:sex"].isna().all()
    assert "sex: 1 external values have no name in common and are missing (diverse)" in joined.notes


def test_sites_of_two_vocabularies_are_mapped_on_both_sides():
    general = Field("site", "category", tuple(site for site in GENERAL if site != "torso"))
    joined = join_external(main(), other(("x", "g", "nv", 9, "lateral torso"), fields=(general,)))
    (field,) = joined.fields
    assert field.categories == general.categories
    sites = joined.samples["field:site"].to_dict()
    assert sites["ISIC_0000002"] == "posterior torso"
    assert sites["ISIC_0000001"] == "anterior torso"
    assert sites["x"] == "lateral torso"
    assert sites["ISIC_0000004"] is None or np.isnan(sites["ISIC_0000004"])
    assert "site: 1 values have no name in common and are missing (trunk)" in joined.notes


def test_sites_of_one_vocabulary_stay_as_they_are():
    few = Field("site", "category", ("BACK", "Face"))
    joined = join_external(main(), other(("x", "g", "nv", 9, "Face"), fields=(few,)))
    assert joined.fields == (SITE,)
    assert joined.samples.loc["x", "field:site"] == "face"


def test_images_go_by_name_or_one_for_one():
    clinical = other(images=("clinical",))
    assert join_external(main(), clinical).images.read(5, "dermoscopy")[0, 0, 0] == 9
    both = other(images=("clinical", "dermoscopy"))
    assert join_external(main(), both).image_names == ("dermoscopy",)
    with pytest.raises(InputError, match="has the images clinical; models of 'pair' need clinical, dermoscopy"):
        join_external(made(MAIN, name="pair", images=("clinical", "dermoscopy")), clinical)


def test_targets_and_classes_that_do_not_fit_are_named():
    with pytest.raises(InputError, match=r"'test' has no target 'diagnosis', .*\(it has: melanoma\)"):
        join_external(main(), other(target="melanoma"))
    rows = [("x", "g", "benign", 9)]
    with pytest.raises(InputError, match=r"no class of diagnosis \(benign, malignant\) is a class of 'main'"):
        join_external(main(), other(*rows, classes=("benign", "malignant"), fields=()))
    joined = join_external(main(), other(target="DIAG"))
    assert joined.targets[0].name == "diagnosis"


def test_outcomes_stay_outcomes_and_refusals_of_both_are_kept():
    own = replace(main(), refused_fields=(("dx_type", "it follows"), ("age", "not this time")))
    theirs = replace(
        other(), refused_fields=(("biopsed", "it follows too"),), fields=(SEX, replace(AGE, outcome="why"), SITE)
    )
    joined = join_external(own, theirs)
    assert dict(joined.refused_fields) == {"dx_type": "it follows", "biopsed": "it follows too"}
    assert {field.name: field.outcome for field in joined.fields} == {"sex": "", "age": "why", "site": ""}


def test_folders_of_image_files_are_joined_and_a_copied_file_is_found(ham, ham_settings, image, tmp_path):
    data, folder = ham(), tmp_path / "clinic"
    image(folder / "1.png", 150)
    image(folder / "2.png", 151)
    shutil.copy(data / "images" / "ISIC_0000004.jpg", folder / "3.jpg")
    rows = ["id,label,gender,age", "1,Melanoma,male,50", "2,nevus,female,", "3,melanoma,female,70"]
    (folder / "table.csv").write_text("\n".join(rows))
    settings = TableSettings.model_validate(
        {
            "label": "clinic", "csv": "table.csv", "id": "id", "images": {"photo": "id"},
            "targets": {"diagnosis": {"column": "label"}},
            "fields": {"gender": {"column": "gender", "kind": "category"}, "age": {"column": "age", "kind": "number"}},
        }
    )  # fmt: skip
    own = open_cohort(ham_settings, data)
    joined = join_external(own, open_cohort(settings, folder))
    assert joined.name == "ham10000 -> clinic"
    assert joined.external == {"1", "2"}
    assert joined.samples.loc["1"].tolist() == ["1", "mel", "male", 50.0]
    assert joined.left_out[0] == Problem("3", "external: the image file of '3' is in the main cohort too")
    assert joined.images.read(1, "dermoscopy").mean() > joined.images.read(2, "dermoscopy").mean() + 50


def test_a_fold_fit_on_the_joint_cohort_predicts_the_external_samples_alone():
    own = made([(f"m{row:03d}", f"g{row}", CLASSES[row % 3], row, "male", 20.0 + row, "back") for row in range(60)])
    theirs = other(*[(f"e{row:03d}", f"x{row}", CLASSES[row % 3], 100 + row, None, 30.0, "face") for row in range(12)])
    joined = join_external(own, theirs)
    (split,) = make_splits(joined, FoldSettings(plan="external"), inner_share=0.2)
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(len(joined), 6, 1, 1)).astype(np.float32))
    data = FitData(features, torch.from_numpy(joined.labels("diagnosis")[:, None]))
    configuration = Configuration.of(
        {"metadata": {"fields": ["age", "sex"]}, "training": {"epochs": 2, "batch_size": 16, "learning_rate": 0.05}}
    )
    fit = FoldFit(configuration, split, joined, data, seed=1, threads=1)
    list(fit.run())
    assert set(fit.outcome.predictions["sample"]) == joined.external
