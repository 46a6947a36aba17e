"""The ablation table: who stands where, what is bold, what is compared with what, and which questions it refuses."""

import pytest

from analysis.errors import AnalysisError
from analysis.statistics.comparisons import compare
from analysis.tables import Cell, TableSpecification, build_tables, header_groups, text_rows
from analysis.tables.dimensions import matching

SUBSETS = {
    "name": "subsets",
    "title": "Metadata subsets",
    "rows": "metadata.fields",
    "columns": "fusion.name",
    "reference": {"fusion.name": "none"},
}


def build(study, results, **settings):
    tables = build_tables([TableSpecification(**SUBSETS | settings)], results, study.context(results))
    return tables[0] if len(tables) == 1 else tables


def headings(table, width=1):
    return [tuple(row[:width]) for row in text_rows(table)]


def test_image_only_stands_first_in_every_column_and_subsets_are_ticked(metadata_study):
    table = build(*metadata_study)
    assert header_groups(table) == [("", 3), ("concat", 2), ("multiply", 2)]
    assert headings(table, 3) == [("image only", "", ""), ("image +", "✓", ""), ("image +", "✓", "✓")]
    first = table.rows[0]
    assert first[3] == first[5]
    assert first[4] == first[6] == Cell(text="reference")


def test_cells_hold_the_scores_and_the_paired_differences(metadata_study):
    study, results = metadata_study
    table = build(study, results)
    scores, reference = results[3].scores_of("mcr"), results[0].scores_of("mcr")
    score, difference = table.rows[2][3:5]
    interval = scores.max_se_interval()
    assert (score.value, score.low, score.high) == (scores.estimate, interval.low, interval.high)
    expected = compare(reference, scores).max_se.interval
    assert (difference.value, difference.low, difference.high) == (expected.estimate, expected.low, expected.high)


def test_best_is_bold_second_underlined_and_the_clear_winner_supported(metadata_study):
    table = build(*metadata_study)
    cells = [cell for row in table.rows for cell in row]
    ranked = sorted({cell.value for row in table.rows for cell in (row[3], row[5])}, reverse=True)
    assert {cell.value for cell in cells if cell.bold} == {ranked[0]}
    assert {cell.value for cell in cells if cell.underline} == {ranked[1]}
    assert table.rows[1][4].marks == "†"
    assert table.rows[1][6].marks == ""
    assert any("family of 4 comparisons" in note for note in table.notes)


def test_two_metrics_are_two_tables_and_two_families(metadata_study):
    mcr, auc = build(*metadata_study, metrics=("mcr", "auc"))
    assert (mcr.name, auc.name) == ("subsets_mcr", "subsets_auc")
    assert (mcr.title, auc.title) == ("Metadata subsets (MCR)", "Metadata subsets (AUC)")
    assert mcr.rows[1][3].value != auc.rows[1][3].value
    assert {record["metric"] for record in auc.records} == {"auc"}
    assert {record["rope"] for record in auc.records} == {None, 0.005}


def test_rows_and_columns_keep_the_order_of_the_study_or_of_the_specification(metadata_study):
    study, results = metadata_study
    turned = build(study, [results[0], results[2], results[4], results[1], results[3]])
    assert header_groups(turned)[1:] == [("multiply", 2), ("concat", 2)]
    ordered = build(study, results, row_order=([], ["sex", "age"]), column_order=("none", "multiply"))
    assert headings(ordered, 3)[1:] == [("image +", "✓", "✓"), ("image +", "✓", "")]
    assert header_groups(ordered)[1][0] == "multiply"


def test_an_incomplete_configuration_is_stamped_explained_and_not_compared(metadata_study, configure):
    study, results = metadata_study
    partial = study.result(configure("concat", "sex"), 3.0, label="concat sex", diverged=[(0, 1)], missing=[(0, 3)])
    table = build(study, [*results, partial])
    assert table.stamps == ("INCOMPLETE (1 of 6 configurations; 3/5 folds)",)
    assert text_rows(table)[3][3:] == ["– (3/5)", "–", "–", "–"]
    assert any("family of 5 comparisons" in note for note in table.notes)
    assert any(
        "concat sex is incomplete" in note and "diverged (the loss is not finite), and 1 more" in note
        for note in table.notes
    )
    assert "–: this combination is not part of the study." in table.notes
    record = table.records[-1]
    assert (record["folds_done"], record["folds_planned"], record["estimate"], record["verdict"]) == (3, 5, None, None)


def test_without_a_complete_reference_nothing_is_compared(make_study, configure):
    study = make_study()
    results = [
        study.result(configure("none"), 1.0, label="image only", missing=[(0, 0)]),
        study.result(configure("concat", "age"), 2.0),
    ]
    table = build(study, results)
    assert text_rows(table)[1][-1] == "–"
    assert any(note.startswith("No comparison was possible: that takes image only") for note in table.notes)


def test_an_interrupted_study_still_gives_every_kind_of_table(make_study, configure):
    study = make_study()
    results = [
        study.result(configure("none"), 1.0, label="image only", missing=study.planned[2:]),
        study.result(configure("concat", "age"), 1.0, label="failed", diverged=study.planned),
        study.result(configure("multiply", "age"), 1.0, label="not begun", missing=study.planned),
    ]
    kinds = ("comparisons", "per-class-recall", "ablation")
    specifications = [TableSpecification(**SUBSETS | {"kind": kind, "name": kind}) for kind in kinds]
    tables = build_tables(specifications, results, study.context(results))
    assert {table.stamps for table in tables} == {
        ("INCOMPLETE (3 of 3 configurations; 0/5 folds of the least complete)",)
    }
    assert all("– (2/5)" in text_rows(table)[0] for table in tables)
    assert all(cell.value is None for table in tables for row in table.rows for cell in row)


def backbones(study, configure):
    configurations = [
        (configure(fusion, *(["age"] if fusion != "none" else []), backbone={"name": backbone}), skill)
        for backbone, gain in (("swin", 0.4), ("alexnet", 0.0))
        for fusion, skill in (("none", 0.5 + gain), ("concat", 1.5 + gain))
    ]
    return [study.result(configuration, skill, label=str(i)) for i, (configuration, skill) in enumerate(configurations)]


def test_a_reference_in_every_row_compares_within_the_row(make_study, configure):
    study = make_study()
    results = backbones(study, configure)
    table = build(study, results, rows="backbone.name")
    assert headings(table) == [("swin",), ("alexnet",)]
    assert [column.title for column in table.columns] == ["backbone", "MCR, %", "MCR, %", "Δ"]  # references need no Δ
    for row, (reference, other) in zip(table.rows, ((0, 1), (2, 3)), strict=True):
        expected = results[other].scores_of("mcr").estimate - results[reference].scores_of("mcr").estimate
        assert row[3].value == pytest.approx(expected)
    assert any("differs from its reference (fusion none)" in note for note in table.notes)


def test_a_reference_in_every_column_compares_within_the_column(make_study, configure):
    study = make_study()
    results = backbones(study, configure)
    table = build(study, results, rows="fusion.name", columns="backbone.name")
    assert headings(table) == [("none",), ("concat",)]
    assert text_rows(table)[0][2] == text_rows(table)[0][4] == "reference"
    expected = results[3].scores_of("mcr").estimate - results[2].scores_of("mcr").estimate
    assert table.rows[1][4].value == pytest.approx(expected)


def test_a_reference_that_shares_its_row_keeps_its_own_column(make_study, configure):
    study = make_study()
    table = build(study, backbones(study, configure)[:2], rows="backbone.name")
    assert headings(table) == [("swin",)]
    assert [group for group, _ in header_groups(table)] == ["", "none", "concat"]


def test_depth_by_fusion_spans_image_only_and_shows_gaps(make_study, configure):
    study = make_study()
    results = [study.result(configure("none"), 0.5, label="image only")]
    for fusion, depth in (("concat", 0), ("concat", 1), ("multiply", 1)):
        configuration = configure(fusion, "age") | {"fusion": {"name": fusion, "depth": depth}}
        results.append(study.result(configuration, 1.0, label=f"{fusion} {depth}"))
    table = build(study, results, rows="fusion.depth")
    assert headings(table) == [("image only",), ("0",), ("1",)]
    assert text_rows(table)[1][3:] == ["–", "–"]


def test_one_dimension_alone_and_a_value_held_by_where(make_study, configure):
    study = make_study()
    results = [
        study.result(configure(fusion, *fields, loss={"name": loss}), skill, label=f"{fusion} {loss}")
        for fusion, fields, skill in (("none", (), 0.5), ("concat", ("age",), 1.0))
        for loss in ("focal", "weighted")
    ]
    settings = {"rows": "loss.name", "columns": None, "reference": {"loss.name": "focal", "fusion.name": "concat"}}
    table = build(study, results, **settings, where={"fusion.name": "concat"})
    assert headings(table) == [("focal",), ("weighted",)]
    assert [column.title for column in table.columns] == ["loss", "MCR, %", "Δ"]
    with pytest.raises(AnalysisError, match=r"'none focal' and 'concat focal' fall into one cell, .* fusion\.name"):
        build(study, results, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"rows": "metadata.field"},
            r"no configuration has a setting 'metadata.field'; did you mean 'metadata.fields'\?",
        ),
        ({"columns": "fusion"}, "it is a section, choose one of fusion.name"),
        (
            {"reference": {"fusion.name": "non"}},
            r"no configuration matches reference=\{fusion.name: non\}; there are fusion.name: none, concat, multiply$",
        ),
        (
            {"reference": {"fusion.name": "concat", "metadata.fields": "age + site"}},
            r"age \+ site\}; there are metadata.fields: none, age, age \+ sex$",
        ),
        (
            {"reference": {"fusion.name": "none", "metadata.fields": "age"}},
            "each of these values is there, but not together",
        ),
        ({"reference": {"loss.name": "focal"}}, "matches 5 configurations"),
        ({"column_order": ("multipy",)}, r"no configuration has fusion.name 'multipy'; did you mean 'multiply'\?"),
        ({"target": "diagnosys"}, "no metric 'mcr' of target 'diagnosys'"),
    ],
)
def test_questions_that_the_study_cannot_answer_are_refused(metadata_study, settings, message):
    with pytest.raises(AnalysisError, match=message):
        build(*metadata_study, **settings)


@pytest.mark.parametrize("printed", ["age+sex", "age + sex", "sex+age", ["sex", "age"]])
def test_a_list_may_be_given_as_it_prints(metadata_study, printed):
    _, results = metadata_study
    (found,) = matching(results, {"fusion.name": "concat", "metadata.fields": printed})
    assert found.label == "concat age+sex"
    several = matching(results, {"fusion.name": "concat", "metadata.fields": ["age", "age+sex"]})
    assert [one.label for one in several] == ["concat age", "concat age+sex"]
    for absent in ("", "none", None, float("nan")):
        assert [one.label for one in matching(results, {"metadata.fields": absent})] == ["image only"]


def test_a_list_of_numbers_may_be_given_as_it_prints(make_study, configure):
    study = make_study(folds=2)
    results = [study.result(configure("none", size=size), 0.5) for size in ([150, 200], [224, 224])]
    for given in ("150+200", "150 + 200", [150, 200], (150, 200)):
        assert matching(results, {"size": given}) == (results[0],)


def test_a_configuration_given_twice_is_refused(metadata_study):
    study, results = metadata_study
    with pytest.raises(AnalysisError, match="given twice"):
        build(study, [*results, results[0]])


def test_two_targets_are_averaged_unless_one_is_named(make_study, configure):
    study = make_study(targets=("diagnosis", "elevation"))
    results = [study.result(configure("none"), 0.5, label="image only"), study.result(configure("concat", "age"), 1.0)]
    mean, one = build(study, results), build(study, results, target="elevation")
    assert "mean over 2 targets (diagnosis, elevation)" in mean.caption
    assert "of target elevation" in one.caption
    assert mean.records[0]["target"] == "mean over targets"
    values = [results[1].scores_of("mcr", target).estimate for target in ("diagnosis", "elevation")]
    assert mean.rows[1][2].value == pytest.approx(sum(values) / 2)
    assert one.rows[1][2].value == pytest.approx(values[1])


def test_a_fold_without_auc_is_a_dash_with_its_reason(make_study, configure):
    study = make_study()
    lonely = study.labels == 1  # fold 0 evaluates nothing but nv
    study.fold_of[0] = (study.fold_of[0] == 0) * 1 + 1
    study.fold_of[0][lonely] = 0
    study.folds = 3
    results = [study.result(configure("none"), 0.5, label="image only"), study.result(configure("concat", "age"), 1.0)]
    table = build(study, results, metrics=("auc",))
    assert text_rows(table)[0][2] == "–"
    assert any("is undefined for image only" in note for note in table.notes)


def test_a_partial_table_never_says_more_than_the_finished_one(make_study, configure):
    """Holm counts the comparisons to come as p = 1: one finished comparison of two has its p doubled."""
    study = make_study()
    reference = study.result(configure("none"), 1.0, label="image only")
    one = study.result(configure("concat", "age"), 2.0)
    other = study.result(configure("multiply", "age"), 1.5)
    waiting = study.result(configure("multiply", "age"), 1.5, missing=study.planned)
    alone, partial, whole = (
        next(record for record in build(study, results).records if record["configuration"] == one.identifier)
        for results in ([reference, one], [reference, one, waiting], [reference, one, other])
    )
    assert partial["p_max_se_holm"] == pytest.approx(min(1.0, 2 * alone["p_max_se"]))
    assert partial["p_max_se_holm"] >= whole["p_max_se_holm"]


def test_a_reference_in_every_row_leaves_out_the_row_that_has_none(metadata_study):
    """Multiply against concat on the same fields; image only stands in neither column and is compared with nothing."""
    study, results = metadata_study
    table = build(study, results, reference={"fusion.name": "concat"})
    compared = {record["label"]: record["reference"] for record in table.records if record["reference"]}
    by_identifier = {result.identifier: result.label for result in results}
    assert compared
    for label, reference in compared.items():
        assert label.startswith("multiply")
        assert by_identifier[reference] == label.replace("multiply", "concat")


def test_where_takes_one_value_or_any_of_a_list(metadata_study):
    study, results = metadata_study
    one = build(study, results, where={"fusion.name": "concat"})
    both = build(study, results, where={"fusion.name": ["none", "concat"]})
    assert [record["label"] for record in one.records] == [record["label"] for record in both.records]
    subsets = build(study, results, where={"metadata.fields": [["age"], ["age", "sex"]]})
    assert len(subsets.records) == len(results)
    single = build(study, results, where={"metadata.fields": ["age"]})
    assert [record["label"] for record in single.records] == ["image only", "concat age", "multiply age"]
