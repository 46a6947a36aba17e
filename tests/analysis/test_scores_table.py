"""The table of scores: metrics across, figures of a paper and printed rows beside, differences where asked for."""

import csv
import dataclasses
import io

import pytest
from pydantic import ValidationError

from analysis.scoring import METRICS
from analysis.tables import TableSpecification, build_tables, header_groups, render_all, text_rows

FIELDS = ["age", "sex", "site"]
ZOOME = {
    "backbone": {"name": "resnext50_32x4d", "gate": "zoom-se"},
    "fusion": {"name": "metadata-embedding"},
    "metadata": {"fields": FIELDS},
}
RESNET = {"backbone": {"name": "resnet50"}, "fusion": {"name": "none"}, "metadata": {}}
MARON = {"name": "zoome", "title": "ZooME", "kind": "scores", "published": "zoome-table1"}
FOUR = ("accuracy", "sensitivity", "specificity", "auc")


@pytest.fixture
def melanoma(make_study):
    """A two-class study on the paper's cohort, split by image as the paper's folds are."""
    study = make_study(lesions=(60, 30), plan="image-level", leak=0.6)
    study.cohort = dataclasses.replace(study.cohort, name="isic2020")
    return study, [study.result(RESNET, 0.5, label="resnet50"), study.result(ZOOME, 1.5, label="zoome", seed=2)]


def build(study, results, **settings):
    (table,) = build_tables([TableSpecification(**settings)], results, study.context(results))
    return table


def test_every_metric_has_a_column_with_estimate_and_interval(melanoma):
    study, results = melanoma
    table = build(study, results, name="all", title="All", kind="scores", metrics=tuple(METRICS))
    assert [column.title for column in table.columns] == ["configuration", *(f"{name}, %" for name in METRICS.values())]
    for position, metric in enumerate(METRICS, start=1):
        scores = results[1].scores_of(metric)
        interval = scores.max_se_interval()
        cell = table.rows[1][position]
        assert (cell.value, cell.low, cell.high) == (scores.estimate, interval.low, interval.high)
    assert table.name == "all"
    assert len(table.records) == 2 * len(METRICS)


def test_the_papers_figures_stand_beside_metric_by_metric_and_its_free_row_below(melanoma):
    study, results = melanoma
    context = study.context(results)
    context = dataclasses.replace(context, cohort=dataclasses.replace(context.cohort, n_samples=33_000))
    (table,) = build_tables([TableSpecification(**MARON, metrics=FOUR)], results, context)
    assert header_groups(table) == [("", 1), *((METRICS[metric], 2) for metric in FOUR)]
    rows = text_rows(table)
    assert [text.removesuffix("#") for text in rows[1][2::2]] == [
        "84.59 ± 2.94",
        "85.95 ± 2.81",
        "84.63 ± 3.03",
        "92.23 ± 1.69",
    ]
    assert rows[2][0] == "Kaur et al. (re-run of the paper) (published)"
    assert rows[2][1::2] == ["", "", "", ""]
    assert rows[2][2::2] == ["79.88 ± 4.38", "80.77 ± 7.01", "79.17 ± 4.23", "85.85 ± 2.01"]
    notes = " ".join(table.notes)
    assert "Published: Xing et al., ZooME, EMBC 2021, Table I; mean ± SD over folds, as printed" in notes
    assert "Different" not in notes


def test_a_part_of_the_paper_s_data_is_other_data(melanoma):
    study, results = melanoma
    table = build(study, results, **MARON, metrics=FOUR)
    n_samples = study.context(results).cohort.n_samples
    assert f"Different data: the published figures are of 33,126 evaluated samples, ours of {n_samples}." in table.notes
    assert text_rows(table)[2][0] == "Kaur et al. (re-run of the paper) (published, different data)"


def test_the_long_csv_holds_ours_the_papers_and_the_printed_rows(melanoma):
    study, results = melanoma
    text = render_all([build(study, results, **MARON, metrics=FOUR)])["zoome_long.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["metric"] for row in rows] == [*FOUR, *FOUR, *FOUR]
    assert float(rows[7]["published"]) == 0.9223
    assert (rows[8]["label"], rows[8]["configuration"], rows[8]["estimate"]) == (
        "Kaur et al. (re-run of the paper)",
        "",
        "",
    )
    assert float(rows[8]["published"]) == 0.7988


def test_a_paper_that_does_not_print_a_metric_leaves_its_column_alone(melanoma):
    study, results = melanoma
    table = build(study, results, **MARON, metrics=("mcr", "auc"))
    assert [column.title for column in table.columns] == ["configuration", "MCR, %", "ours, %", "published"]


def test_with_a_reference_each_metric_has_its_difference_and_its_own_family(melanoma):
    study, results = melanoma
    settings = {"metrics": ("mcr", "auc"), "reference": {"fusion.name": "none"}}
    table = build(study, results, name="s", title="S", kind="scores", **settings)
    assert [column.title for column in table.columns] == ["configuration", *["ours, %", "Δ"] * 2]
    assert table.rows[0][2].text == "reference"
    difference = results[1].scores_of("auc").estimate - results[0].scores_of("auc").estimate
    assert table.rows[1][4].value == pytest.approx(difference)
    assert table.rows[1][4].marks
    assert "Each metric is a family of its own." in table.notes


def test_sensitivity_of_three_classes_is_a_dash_that_is_explained(make_study):
    study = make_study()
    results = [study.result(RESNET, 1.0, label="resnet50")]
    table = build(study, results, name="s", title="S", kind="scores", metrics=("mcr", "sensitivity"))
    assert text_rows(table)[0][2] == "–"
    assert any("is defined for targets of two classes" in note for note in table.notes)


def test_soft_attentions_averages_are_printed_with_their_own_digits(make_study):
    study = make_study()
    study.cohort = dataclasses.replace(study.cohort, name="ham10000")
    settings = {"backbone": {"name": "nasnetamobile"}, "fusion": {"name": "soft-attention"}}
    results = [study.result(settings | {"metadata": {"fields": FIELDS}}, 1.0, label="nasnet")]
    metrics = ("accuracy", "ovr_balanced_accuracy", "mcr")
    table = build(study, results, name="s", title="S", kind="scores", metrics=metrics, published="softattention-table8")
    assert text_rows(table)[0][2::2] == ["86", "88", "81"]
    assert table.columns[2].subtitle == "different split"
    assert any("as printed, without SD" in note for note in table.notes)


def test_incomplete_configurations_show_their_progress_and_dropped_ones_are_counted(melanoma):
    study, results = melanoma
    results = [
        *results,
        study.result(ZOOME | {"seed": 1}, 1.0, label="late", missing=[(0, 0)]),
        study.result(ZOOME | {"seed": 2}, 1.0, label="gone", missing=[(0, 0)], dropped="racing"),
    ]
    table = build(study, results, name="s", title="S", kind="scores")
    assert [row[0].text for row in table.rows] == ["resnet50", "zoome", "late"]
    assert text_rows(table)[2][1] == "– (4/5)"
    assert table.stamps == ("INCOMPLETE (1 of 3 configurations; 4/5 folds)",)
    assert any("1 configuration was dropped" in note for note in table.notes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (MARON | {"metrics": ("mcr",)}, "holds accuracy, sensitivity, specificity, auc; name it in metrics"),
        (MARON | {"kind": "ablation", "rows": "a", "reference": {"a": 1}}, "belongs to a table of kind scores"),
        (MARON | {"published": "derm7pt-peers"}, "belongs to a table of kind per-target"),
        (MARON | {"published": "softattention-table6"}, "belongs to a table of kind per-class-f1"),
        (MARON | {"published": "softattention-table3"}, "belongs to a table of kind cost"),
        (MARON | {"metrics": ("auc",), "columns": "fusion.name"}, "a table of kind scores takes no columns"),
        (MARON | {"metrics": ("auc",), "costs": ("layers",)}, r"costs=\['layers'\] belong to a table of kind cost"),
        (MARON | {"metrics": ("auc", "auc")}, "name one twice"),
        (MARON | {"metrics": ("auc",), "limit": 3}, "not to scores"),
    ],
)
def test_settings_without_effect_and_published_tables_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        TableSpecification(**settings)
