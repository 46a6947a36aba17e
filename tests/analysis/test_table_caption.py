"""What every table must say of its study, and the specifications and contexts that are refused."""

import dataclasses
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from analysis.errors import AnalysisError
from analysis.evaluation import ClassCount
from analysis.tables import TableSpecification, build_tables, study_context
from analysis.tables.caption import _small_classes

SPECIFICATION = TableSpecification(
    name="subsets", title="Subsets", rows="metadata.fields", columns="fusion.name", reference={"fusion.name": "none"}
)


def table_of(study, results, **context):
    return build_tables([SPECIFICATION], results, study.context(results, **context))[0]


def two(study, configure):
    return [study.result(configure("none"), 0.5, label="image only"), study.result(configure("concat", "age"), 1.0)]


def test_caption_states_estimand_data_and_folds(make_study, configure):
    study = make_study(repeats=2)
    caption = table_of(study, two(study, configure), sample="image").caption
    assert caption == (
        "Mean class recall (MCR), in percent: the mean performance of models trained on 4/5 of the data by this "
        f"procedure, not that of one model. Data: phantom, {len(study.samples)} images of 114 lesions; "
        "5 folds, 2 repeats (grouped)."
    )


def test_notes_name_method_heuristics_correction_family_and_what_was_tried(metadata_study):
    study, results = metadata_study
    notes = " ".join(table_of(study, results, n_configurations=40).notes)
    for said in (
        "larger of the lesion-clustered SE and fold SD/√k with k = 5; a heuristic of this project",
        "corrected t (Nadeau and Bengio 2003)",
        "derived for random splits, for k folds it is a heuristic",
        "Holm-adjusted within this table's family of 4 comparisons",
        "differs from image only",
        "40 configurations were tried on these folds",
        "Frozen features, no augmentation.",
    ):
        assert said in notes
    assert "Leak" not in notes


def test_image_level_folds_show_the_measured_leak(make_study, configure):
    study = make_study(plan="image-level", leak=0.387)
    table = table_of(study, two(study, configure), sample="image")
    said = "Leak: 39 % of the evaluated images have a sibling of the same lesion in the training part (measured)"
    assert any(note.startswith(said) for note in table.notes)
    assert "(image-level)" in table.caption


def test_left_out_samples_mixed_devices_and_inner_parts_are_told(make_study, configure):
    study = make_study()
    study.cohort = dataclasses.replace(study.cohort, left_out=3)
    results = two(study, configure)
    study.records[0] = dataclasses.replace(study.records[0], environment={"device": "H200"}, n_inner=20)
    table = table_of(study, results, features="")
    assert "3 samples could not be used and were left out." in table.notes
    assert "Warning: fold fits mix device: H200, cpu x86_64." in table.notes
    assert "4/5 of the data (a part of it kept aside to watch the training)" in table.caption


def test_an_external_test_set_is_told_from_what_was_trained_on(make_study, configure):
    study = make_study(plan="external", folds=1, repeats=2)
    study.cohort = dataclasses.replace(study.cohort, name="ham10000 -> isic2018-test")
    results = two(study, configure)
    caption = table_of(study, results, sample="image").caption
    tested, trained = results[0].n_test[0, 0], results[0].n_train[0, 0]
    assert caption == (
        "Mean class recall (MCR), in percent: the mean performance of models trained on ham10000 by this procedure, "
        f"not that of one model. Data: trained on ham10000 ({trained} images), evaluated on isic2018-test ({tested} "
        f"images of {results[0].scores_of('mcr').evaluated[1]} lesions); one split, 2 repeats (external)."
    )
    notes = " ".join(table_of(study, results).notes)
    assert "There is one split: no fold SD and no corrected t" in notes


def test_an_official_split_is_told_too(make_study, configure):
    study = make_study(plan="official", folds=1)
    results = two(study, configure)
    caption = table_of(study, results, sample="case").caption
    assert "models trained on the training part of the split by this procedure" in caption
    trained, tested = results[0].n_train[0, 0], results[0].n_test[0, 0]
    assert f"Data: phantom, trained on the official training and validation parts ({trained} cases), evaluated on" in (
        caption
    )
    assert f"the official test part ({tested} cases of " in caption


def test_small_classes_are_named_by_target():
    counts = {"DIAG": (ClassCount("BCC", 9, 8), ClassCount("NEV", 90, 80)), "STR": (ClassCount("absent", 15, 15),)}
    context = SimpleNamespace(cohort=SimpleNamespace(classes=counts, group="case"))
    (note,) = _small_classes(context)
    assert (
        "fewer than 20 cases in DIAG: BCC (8); STR: absent (15): intervals are too narrow there and tests unreliable."
        in note
    )


@pytest.mark.parametrize("kind", ["ablation", "scores", "cost", "per-class-f1", "per-target", "leaderboard"])
def test_what_a_study_declares_is_a_warning_in_every_table(make_study, configure, kind):
    study = make_study()
    results = two(study, configure)
    laid_out = {"rows": "metadata.fields", "reference": {"fusion.name": "none"}} if kind == "ablation" else {}
    context = study.context(results, declarations=["metadata hold biopsed, an outcome"])
    specification = TableSpecification(name="t", title="T", kind=kind, **laid_out)
    for table in build_tables([specification], results, context):
        assert table.notes.count("Warning: metadata hold biopsed, an outcome.") == 1


def test_context_counts_what_was_evaluated(make_study, configure):
    study = make_study(plan="holdout", folds=1)
    results = two(study, configure)
    context = study.context(results)
    assert context.cohort.n_samples == results[0].n_test[0, 0] < len(study.samples)
    assert context.n_configurations == 2


def test_contexts_of_mixed_cohorts_or_plans_and_empty_ledgers_are_refused(make_study, configure):
    study = make_study()
    results = two(study, configure)
    with pytest.raises(AnalysisError, match="the ledger holds none of its fold fits yet"):
        study_context(study="s", question="q", records=[], results=results)
    for change, message in (
        ({"cohort": dataclasses.replace(study.cohort, fingerprint="0" * 64)}, "two versions of cohort phantom"),
        ({"folds": {"plan": "grouped", "folds": 5, "repeats": 1, "seed": 1}}, "two fold plans"),
    ):
        mixed = [*study.records, dataclasses.replace(study.records[0], **change)]
        with pytest.raises(AnalysisError, match=message):
            study_context(study="s", question="q", records=mixed, results=results)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"row": "a.b"}, "Extra inputs are not permitted"),
        ({"rows": None}, "needs rows"),
        ({"reference": {}}, "needs a reference"),
        ({"kind": "comparisons", "reference": {}}, "kind comparisons needs a reference"),
        ({"columns": "metadata.fields"}, "rows and columns are both metadata.fields"),
        ({"metrics": ("kappa",)}, "'mcr', 'auc', 'accuracy'"),
        ({"name": "a/b"}, "should match pattern"),
        ({"alpha": 0.9}, "less than 0.5"),
    ],
)
def test_specifications_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        TableSpecification(**SPECIFICATION.model_dump() | settings)
