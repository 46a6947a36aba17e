"""Tables of several targets, of F1 by class, and of the heads of single images."""

import dataclasses
from statistics import fmean, stdev

import numpy as np
import pytest
from pydantic import ValidationError

from analysis.errors import AnalysisError
from analysis.tables import TableSpecification, build_tables, check_tables, text_rows

TARGETS = ("DIAG", "PN")
SEPARATE = {"fusion": {"name": "none"}, "modalities": {"heads": "separate"}}
JOINT = {"fusion": {"name": "none"}}


def build(study, results, **settings):
    specification = TableSpecification(**{"name": "t", "title": "T"} | settings)
    tables = build_tables([specification], results, study.context(results))
    assert tuple(table.name for table in tables) == specification.file_names(list(study.targets))
    return tables[0] if len(tables) == 1 else tables


def with_heads(study, label="ssn", **changes):
    """A configuration whose folds recorded a rising score of the dermoscopy head and 0.5 of the clinical one."""
    original = study.record

    def record(identifier, settings, repeat, fold, **fields):
        metrics = {"mcr:dermoscopy": 0.6 + 0.01 * fold, "mcr:clinical": 0.5, "auc:dermoscopy": 0.9, "auc:clinical": 0.8}
        return dataclasses.replace(original(identifier, settings, repeat, fold, **fields), metrics=metrics)

    study.record = record
    try:
        return study.result(SEPARATE, 1.0, label=label, **changes)
    finally:
        study.record = original


def test_targets_stand_across_with_their_mean(make_study):
    study = make_study(targets=TARGETS)
    results = [study.result(JOINT, 1.0, label="joint"), study.result(SEPARATE, 1.5, label="ssn", seed=2)]
    table = build(study, results, kind="per-target", metrics=("accuracy",))
    assert [column.title for column in table.columns] == ["configuration", "DIAG, %", "PN, %", "mean, %"]
    for result, row in zip(results, table.rows, strict=True):
        values = [cell.value for cell in row[1:]]
        assert values == [result.scores_of("accuracy", target).estimate for target in (*TARGETS, None)]
        assert values[2] == pytest.approx(fmean(values[:2]))
    assert table.name == "t_accuracy"
    assert len(table.records) == 6


def test_one_target_has_no_mean_column(make_study):
    study = make_study()
    table = build(study, [study.result(JOINT, 1.0)], kind="per-target")
    assert [column.title for column in table.columns] == ["configuration", "diagnosis, %"]


def test_the_peers_stand_below_by_target_and_the_official_split_needs_no_stamp(make_study):
    study = make_study(targets=TARGETS, plan="official", folds=1)
    study.cohort = dataclasses.replace(study.cohort, name="derm7pt")
    settings = {"kind": "per-target", "metrics": ("accuracy",), "published": "derm7pt-peers"}
    table = build(study, [study.result(JOINT, 1.0, label="joint")], **settings)
    rows = {row[0]: row[1:] for row in text_rows(table)}
    assert rows["FusionM4Net, stage 1 (mean of five rounds) (published)"] == ["75.75", "67.70", "75.12"]
    assert rows["TFormer (abstract) (published)"] == ["80.03", "–", "77.99"]
    grouped = make_study(targets=TARGETS)
    grouped.cohort = dataclasses.replace(grouped.cohort, name="derm7pt")
    table = build(grouped, [grouped.result(JOINT, 1.0)], **settings)
    assert table.rows[1][0].text.endswith("(published, different split)")
    assert "Different split: the folds here are grouped, the published figures are of another split." in table.notes


def test_f1_by_class_is_the_sibling_of_recall_by_class(make_study):
    study = make_study()
    study.cohort = dataclasses.replace(study.cohort, name="ham10000")
    settings = {"backbone": {"name": "vgg16"}, "fusion": {"name": "soft-attention"}, "metadata": {}}
    results = [study.result(settings, 1.0, label="vgg16")]
    table = build(study, results, kind="per-class-f1", published="softattention-table6")
    assert [column.title for column in table.columns] == ["configuration", "mel", "nv", "df", "macro F1, %"]
    found = np.array([fold["diagnosis"].f1s for fold in results[0].metrics.values()])
    assert [cell.value for cell in table.rows[0][1:4]] == pytest.approx(found.mean(axis=0).tolist())
    assert [cell.spread for cell in table.rows[0][1:4]] == pytest.approx(found.std(axis=0, ddof=1).tolist())
    assert table.rows[0][4].value == pytest.approx(found.mean())
    assert text_rows(table)[1] == ["published, different split", "53", "95", "40", "–"]
    assert {row["metric"] for row in table.records} == {"class_f1"}


def test_heads_stand_beside_the_combined_prediction(make_study):
    study = make_study()
    results = [with_heads(study), study.result(JOINT, 1.0, label="joint")]
    table = build(study, results, kind="heads", metrics=("mcr", "auc"))
    titles = [(column.group, column.title) for column in table.columns[1:]]
    parts = ("combined, %", "dermoscopy, %", "clinical, %")
    assert titles == [(metric, part) for metric in ("MCR", "AUC") for part in parts]
    combined, dermoscopy, clinical = table.rows[0][1:4]
    assert (combined.value, combined.low is None) == (results[0].scores_of("mcr").estimate, False)
    assert dermoscopy.value == pytest.approx(0.62)
    assert dermoscopy.spread == pytest.approx(stdev([0.60, 0.61, 0.62, 0.63, 0.64]))
    assert (clinical.value, clinical.spread) == (0.5, 0.0)
    assert text_rows(table)[1][2:4] == ["–", "–"]
    heads = [
        (row["head"], row["estimate"]) for row in table.records if row["label"] == "ssn" and row["metric"] == "auc"
    ]
    assert heads == [
        ("combined", results[0].scores_of("auc").estimate),
        ("dermoscopy", pytest.approx(0.9)),
        ("clinical", pytest.approx(0.8)),
    ]


def test_what_the_heads_hold_and_decide_by_is_told(make_study):
    study = make_study(lesions=(60, 30))
    late = SEPARATE | {"fusion": {"name": "late", "estimator_weight": 0.5}, "head": {"threshold": "youden"}}
    results = [with_heads(study), study.result(late, 1.0, label="late")]
    notes = " ".join(build(study, results, kind="heads").notes)
    assert "Fusion late: combined holds the estimator on the metadata, the heads of an image do not." in notes
    assert "decide at thresholds of their own, chosen on the same inner part" in notes
    plain = " ".join(build(study, results[:1], kind="heads").notes)
    assert "late" not in plain
    assert "thresholds of their own" not in plain


def test_unfinished_heads_show_no_score(make_study):
    study = make_study()
    table = build(study, [with_heads(study, missing=[(0, 4)])], kind="heads")
    assert text_rows(table)[0] == ["ssn", *["– (4/5)"] * 3]


def test_a_table_of_heads_needs_some(make_study):
    study = make_study()
    specification = TableSpecification(name="t", title="T", kind="heads")
    with pytest.raises(AnalysisError, match=r"needs a configuration with modalities\.heads: separate, there is none"):
        check_tables([specification], [study.result(JOINT, 1.0)], ["diagnosis"])
    check_tables([specification], [study.result(SEPARATE, 1.0)], ["diagnosis"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "heads", "metrics": ("accuracy",)}, "only mcr and auc are recorded"),
        ({"kind": "per-target", "target": "DIAG"}, "a table of kind per-target takes no target"),
        ({"kind": "heads", "published": "derm7pt-peers"}, "a table of kind heads takes no published"),
    ],
)
def test_settings_without_effect_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        TableSpecification(name="t", title="T", **settings)
