"""Published figures beside ours: which cell stands where, when it is stamped, and what the notes say."""

import csv
import dataclasses
import io

import pytest
from pydantic import ValidationError

from analysis.published import published_names, published_table
from analysis.statistics.against_published import against_published
from analysis.tables import TableSpecification, build_tables, header_groups, render_all, text_rows

ALL = ("age", "sex", "site")
TABLE1 = {
    "name": "table1",
    "title": "Backbones and fusions",
    "rows": "backbone.name",
    "columns": "fusion.name",
    "reference": {"fusion.name": "none"},
    "published": "metanet-table1",
}
RECALL = {"name": "recall", "title": "Recall", "kind": "per-class-recall", "published": "metanet-table2"}


def configuration(backbone, fusion, depth=None, fields=ALL):
    return {
        "backbone": {"name": backbone},
        "fusion": {"name": fusion} if depth is None else {"name": fusion, "depth": depth},
        "metadata": {"fields": sorted(fields)} if depth is not None else {},
    }


def ham(make_study, **settings):
    study = make_study(**settings)
    study.cohort = dataclasses.replace(study.cohort, name="ham10000")
    return study


def backbones(study, *names):
    return [
        study.result(configuration(name, *fusion), 1.0 + number, label=f"{name} {fusion[0]}", seed=number)
        for name in names
        for number, fusion in enumerate((("none",), ("concat", 0), ("multiply", 2)))
    ]


def build(study, results, **settings):
    tables = build_tables([TableSpecification(**settings)], results, study.context(results))
    return tables[0] if len(tables) == 1 else tables


def test_each_figure_stands_beside_its_configuration_and_an_unknown_backbone_has_a_dash(make_study):
    study = ham(make_study, plan="image-level", leak=0.39)
    table = build(study, backbones(study, "alexnet", "test_resnet"), **TABLE1)
    assert header_groups(table) == [("", 1), ("none", 2), ("concat", 3), ("multiply", 3)]
    titles = [column.title for column in table.columns]
    assert titles == ["backbone", "MCR, %", "published", *["MCR, %", "Δ", "published"] * 2]
    places = [position for position, title in enumerate(titles) if title == "published"]
    rows = text_rows(table)
    printed = [rows[0][place].removesuffix("#") for place in places]
    assert printed == ["74.68 ± 0.92", "76.55 ± 1.25", "78.26 ± 1.55"]
    assert [rows[1][place] for place in places] == ["–", "–", "–"]
    assert not any(table.rows[0][place].bold or table.rows[0][place].underline for place in places)
    notes = " ".join(table.notes)
    assert "Published: Li, Zhuang et al., MetaNet, ISBI 2020, Table 1; mean ± SD over folds, as printed" in notes
    assert "–: the paper prints no figure for this configuration." in notes
    assert "the smallest two-sided p of that test is 0.0625" in notes


@pytest.mark.parametrize(
    ("plan", "leak", "cohort", "stamp"),
    [
        ("image-level", 0.39, "ham10000", ""),
        ("from-file", 0.38, "ham10000", ""),
        ("from-file", 0.0, "ham10000", "different split"),
        ("grouped", 0.0, "ham10000", "different split"),
        ("grouped", 0.0, "phantom", "different data"),
        ("image-level", 0.39, "phantom", "different data"),
    ],
)
def test_the_heading_is_stamped_where_the_figures_measure_something_else(make_study, plan, leak, cohort, stamp):
    study = make_study(plan=plan, leak=leak)
    study.cohort = dataclasses.replace(study.cohort, name=cohort)
    table = build(study, backbones(study, "alexnet"), **TABLE1)
    assert {column.subtitle for column in table.columns if column.title == "published"} == {stamp}
    assert {record["published_stamp"] for record in table.records} == {stamp or None}
    said = [note for note in table.notes if note.startswith("Different ")]
    assert [note.partition(":")[0].lower() for note in said] == ([stamp] if stamp else [])


def test_all_renderers_print_value_sd_and_stamp(make_study):
    study = ham(make_study)
    files = {
        name: text.decode() for name, text in render_all([build(study, backbones(study, "vgg19"), **TABLE1)]).items()
    }
    assert "multiply: published<br>different split" in files["table1_mcr.md"]
    assert "| 84.06 ± 1.16 |" in files["table1_mcr.md"]
    assert r"\footnotesize different split" in files["table1_mcr.tex"]
    assert r"84.06 & $\pm$ 1.16" in files["table1_mcr.tex"]
    assert "multiply: published (different split)" in files["table1_mcr.csv"].splitlines()[0]
    long = list(csv.DictReader(io.StringIO(files["table1_mcr_long.csv"])))
    assert [(float(row["published"]), float(row["published_sd"])) for row in long] == [
        (0.816, 0.0167),
        (0.8235, 0.0168),
        (0.8406, 0.0116),
    ]
    assert {row["published_table"] for row in long} == {"metanet-table1"}


def test_only_the_metric_that_was_published_has_the_column(make_study):
    study = ham(make_study)
    mcr, auc = build(study, backbones(study, "alexnet"), **TABLE1 | {"metrics": ("mcr", "auc")})
    assert "published" in {column.title for column in mcr.columns}
    assert "published" not in {column.title for column in auc.columns}
    assert not any("Published" in note for note in auc.notes)
    assert "published" not in auc.records[0]


def test_an_incomplete_configuration_still_has_its_published_figure(make_study):
    study = ham(make_study)
    results = backbones(study, "alexnet")[:2]
    results.append(study.result(configuration("alexnet", "multiply", 2), 1.0, label="late", missing=[(0, 0)]))
    assert text_rows(build(study, results, **TABLE1))[0][-3:] == ["– (4/5)", "–", "78.26 ± 1.55"]


def test_a_study_of_other_backbones_says_that_the_paper_has_none_of_them(make_study):
    study = ham(make_study)
    table = build(study, backbones(study, "test_resnet"), **TABLE1)
    assert "published" not in {column.title for column in table.columns}
    why = "backbone.name is test_resnet here and alexnet, vgg19, resnet50 and 3 more there."
    source = "Not shown beside: Li, Zhuang et al., MetaNet, ISBI 2020, Table 1."
    assert [note for note in table.notes if "MetaNet" in note] == [f"{source} No configuration here is in it: {why}"]
    scores = build(study, backbones(study, "test_resnet"), **TABLE1 | {"kind": "scores", "rows": None, "columns": None})
    assert [column.title for column in scores.columns] == ["configuration", "ours, %", "Δ"]
    recall = build(study, [study.result(configuration("vgg19", "none"), 1.0)], **RECALL)
    assert any("No configuration here is in it: backbone.name is vgg19 here" in note for note in recall.notes)


def test_subsets_and_depths_find_their_figures(make_study):
    study = ham(make_study)
    subsets = [study.result(configuration("legacy_senet154", "none"), 0.5, label="image only")]
    subsets.append(study.result(configuration("legacy_senet154", "multiply", 2, ["age", "site"]), 1.0))
    settings = TABLE1 | {"rows": "metadata.fields", "columns": None, "published": "metanet-table3"}
    table = build(study, subsets, **settings)
    assert [row[-1].removesuffix("#") for row in text_rows(table)] == ["85.44 ± 1.09", "87.70 ± 0.99"]
    depths = [
        study.result(configuration("legacy_senet154", fusion, depth), 1.0, label=f"{fusion} {depth}")
        for fusion in ("multiply", "concat")
        for depth in (1, 4)
    ]
    settings = TABLE1 | {
        "rows": "fusion.depth",
        "reference": {"fusion.name": "concat"},
        "published": "metanet-table4",
    }
    table = build(study, depths, **settings)
    assert [(row[0], row[3].removesuffix("#"), row[5].removesuffix("#")) for row in text_rows(table)] == [
        ("1", "86.47 ± 0.53", "86.54 ± 0.74"),
        ("4", "86.21 ± 0.70", "85.53 ± 0.67"),
    ]


def test_published_recalls_stand_in_a_row_under_their_configuration(make_study):
    study = ham(make_study)
    results = [
        study.result(configuration("legacy_senet154", "none"), 1.0, label="image only"),
        study.result(configuration("resnet50", "none"), 1.0, label="resnet50"),
    ]
    table = build(study, results, **RECALL)
    rows = text_rows(table)
    assert [row[0] for row in rows] == ["image only", "published, different split", "resnet50"]
    assert rows[1] == ["published, different split", "84.24 ± 0.79", "95.31 ± 1.35", "63.56 ± 1.32", "–", "–"]
    assert [record["published"] for record in table.records] == [0.8424, 0.9531, 0.6356, None, None, None]
    notes = " ".join(table.notes)
    assert "The published SDs are not reliable" in notes
    assert "–: the paper prints no figure for this configuration." in notes


def test_ours_minus_published_is_unpaired_from_both_spreads_and_is_no_verdict(make_study):
    study = ham(make_study)
    results = backbones(study, "alexnet")
    table = build(study, results, **TABLE1)
    figures = [(0.7468, 0.0092), (0.7655, 0.0125), (0.7826, 0.0155)]
    places = [position for position, column in enumerate(table.columns) if column.title == "published"]
    for record, result, (mean, sd), place in zip(table.records, results, figures, places, strict=True):
        scores = result.scores_of("mcr")
        expected = against_published(
            scores.values,
            test_over_train=scores.test_over_train,
            published=mean,
            published_sd=sd,
            published_folds=5,
        )
        assert record["published_difference"] == pytest.approx(scores.estimate - mean)
        assert record["published_difference_low"] == expected.interval.low
        assert (record["published_p"], record["published_df"]) == (expected.p, expected.df)
        assert table.rows[0][place].marks == ("#" if expected.p < 0.05 else "")
    assert {table.rows[0][place].marks for place in places} == {"#", ""}
    (note,) = [note for note in table.notes if note.startswith("#")]
    assert "It is no verdict: data, folds and training differ" in note
    strict = build(study, results, **TABLE1 | {"alpha": 1e-9})
    assert not any(strict.rows[0][place].marks for place in places)


def test_without_an_sd_or_folds_of_ours_nothing_is_compared(make_study):
    one_split = ham(make_study, plan="holdout", folds=1)
    late = ham(make_study)
    for study, results in (
        (one_split, backbones(one_split, "alexnet")[:2]),
        (late, [late.result(configuration("alexnet", "none"), 1.0, missing=[(0, 0)])]),
    ):
        table = build(study, results, **TABLE1)
        assert {record["published_p"] for record in table.records} == {None}
        assert not any(note.startswith("#") for note in table.notes)
    recall = build(late, [late.result(configuration("legacy_senet154", "none"), 1.0)], **RECALL)
    assert {record["published_p"] for record in recall.records} == {None}


def test_the_folds_behind_every_published_sd_are_known():
    for name in published_names():
        table = published_table(name)
        assert any(cell.sd is not None for cell in table.cells.values()) == (table.folds is not None)
        if table.folds is not None:
            assert {5: "five folds", 10: "ten folds"}[table.folds] in table.split


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            TABLE1 | {"published": "metanet-table"},
            r"not known; did you mean 'metanet-table\d'\? \(choices: derm7pt-peers, metanet-table1",
        ),
        (TABLE1 | {"published": "metanet-table2"}, "belongs to a table of kind per-class-recall"),
        (RECALL | {"published": "metanet-table1"}, "belongs to a table of kind ablation"),
        (TABLE1 | {"kind": "comparisons"}, "belongs to a table of kind ablation"),
        (TABLE1 | {"metrics": ("auc",)}, "holds mcr; name it in metrics"),
    ],
)
def test_a_published_table_that_does_not_fit_is_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        TableSpecification(**settings)
