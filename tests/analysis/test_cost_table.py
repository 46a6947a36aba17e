"""The table of cost: medians over fold fits in the units of the columns, with the paper's sizes beside."""

import csv
import dataclasses
import io

import pytest
from pydantic import ValidationError

from analysis.tables import TableSpecification, build_tables, render_all, text_rows

COST = {
    "parameters": 20_013_928,
    "layers": 201,
    "megabytes": 80.06,
    "seconds_per_epoch": 12.34,
    "inference_seconds": 0.004321,
}
DENSENET = {
    "backbone": {"name": "densenet201"},
    "fusion": {"name": "soft-attention"},
    "metadata": {"fields": ["age", "sex", "site"]},
}
SIZES = {"name": "sizes", "title": "Sizes", "kind": "cost"}


@pytest.fixture
def study(make_study):
    study = make_study(plan="image-level", leak=0.39)
    study.cohort = dataclasses.replace(study.cohort, name="ham10000")
    return study


def build(study, results, **settings):
    (table,) = build_tables([TableSpecification(**SIZES | settings)], results, study.context(results))
    return table


def test_each_cost_stands_in_its_unit_beside_the_metrics(study):
    table = build(study, [study.result(DENSENET, 1.0, label="densenet", cost=COST)], metrics=("accuracy",))
    assert [column.title for column in table.columns] == [
        *("configuration", "parameters, M", "layers", "size, MB", "s per epoch", "inference, ms per sample"),
        "accuracy, %",
    ]
    assert text_rows(table)[0][:6] == ["densenet", "20.0", "201", "80.1", "12.3", "4.32"]
    assert table.rows[0][6].low is not None
    assert any("Times are those of cpu x86_64." in note for note in table.notes)


def test_costs_are_medians_over_the_folds_and_a_slow_one_does_not_count(study):
    original = study.record

    def record(identifier, settings, repeat, fold, **changes):
        seconds = {"seconds_per_epoch": [1.0, 2.0, 3.0, 4.0, 500.0][fold]}
        return dataclasses.replace(original(identifier, settings, repeat, fold, **changes), cost=seconds)

    study.record = record
    table = build(study, [study.result(DENSENET, 1.0)], costs=("seconds_per_epoch", "layers"))
    assert text_rows(table)[0][1:3] == ["3.00", "–"]


def test_costs_of_unfinished_configurations_are_shown_but_no_score(study):
    result = study.result(DENSENET, 1.0, label="late", missing=[(0, 0)], cost=COST)
    table = build(study, [result], costs=("layers",))
    assert text_rows(table) == [["late", "201", "– (4/5)"]]


def test_the_papers_sizes_stand_beside_with_their_own_digits_and_without_a_stamp(study):
    table = build(study, [study.result(DENSENET, 1.0, cost=COST)], published="softattention-table3")
    assert [(column.group, column.title) for column in table.columns[1:5]] == [
        ("parameters, M", "ours"),
        ("parameters, M", "published"),
        ("layers", "ours"),
        ("layers", "published"),
    ]
    assert text_rows(table)[0][1:7] == ["20.0", "20.2", "201", "402", "80.1", "80"]
    assert {column.subtitle for column in table.columns} == {""}
    notes = " ".join(table.notes)
    assert "whole backbones with 1000 classes" in notes
    assert "own training" not in notes


def test_accuracy_and_time_of_the_paper_stand_beside_too(study):
    results = [study.result(DENSENET, 1.0, label="densenet", cost=COST)]
    settings = {"costs": ("seconds_per_epoch",), "metrics": ("accuracy",), "published": "softattention-table9"}
    table = build(study, results, **settings)
    row = text_rows(table)[0]
    assert (row[1], row[2], row[4]) == ("12.3", "1000", "89")
    rows = list(csv.DictReader(io.StringIO(render_all([table])["sizes_long.csv"].decode())))
    assert [(row["metric"], row["cost"], row["published"]) for row in rows] == [
        ("seconds_per_epoch", "12.34", "1000"),
        ("accuracy", "", "0.89"),
    ]


def test_hours_are_the_sum_and_memory_stands_where_it_was_recorded(study):
    cost = {"seconds": 1800.0, "peak_memory": 3.25e9}
    table = build(study, [study.result(DENSENET, 1.0, cost=COST | cost)])
    shown = dict(zip([column.title for column in table.columns], text_rows(table)[0], strict=True))
    assert (shown["training, hours"], shown["peak memory, GB"]) == ("2.50", "3.25")
    short = build(study, [study.result(DENSENET, 1.0, cost=COST | {"seconds": 60.0})], costs=("hours",))
    assert short.columns[1].title == "training, minutes"
    assert short.rows[0][1].value == pytest.approx(5.0)
    assert short.records[0]["cost"] == pytest.approx(5 / 60)  # the unit of the long CSV is always the first
    assert short.records[0]["unit"] == "training, hours"


def test_small_networks_keep_their_digits(study):
    table = build(study, [study.result(DENSENET, 1.0, cost={"parameters": 3_591})], costs=("parameters",))
    assert table.columns[1].title == "parameters, k"
    assert text_rows(table)[0][1] == "3.59"


def test_a_small_network_beside_large_ones_keeps_its_digits(study):
    large = study.result(DENSENET, 1.0, label="densenet", cost=COST)
    others = [
        study.result(DENSENET | {"head": {"dropout": dropout}}, 1.0, cost={"parameters": number})
        for dropout, number in ((0.1, 30_000_000), (0.2, 7), (0.3, 3_591), (0.4, 812_345))
    ]
    table = build(study, [large, *others], costs=("parameters",))
    assert [row[1] for row in text_rows(table)] == ["20014", "30000", "0.00700", "3.59", "812"]


def test_what_costs_leave_out_is_told(study):
    frozen = DENSENET | {"backbone": {"name": "densenet201", "features": "pooled"}}
    late = frozen | {"fusion": {"name": "late", "estimator_weight": 0.5}}
    alone = {"fusion": {"name": "metadata-only"}, "metadata": {"fields": ["age"]}}

    def notes(*configurations):
        results = [study.result(one, 1.0, cost=COST) for one in configurations]
        return " ".join(build(study, results, costs=("parameters",)).notes)

    said = "parameters, layers, size and times are those of the fusion and the heads alone, without the backbone"
    assert f"Frozen features: {said}" in notes(frozen, late, alone)
    assert "Fusion late: parameters, layers, size and times are those of the network" in notes(late)
    assert f"Configurations on frozen features: {said}" in notes(DENSENET, frozen)
    assert "those of the" not in notes(DENSENET)


def test_a_cost_that_is_not_known_is_refused():
    with pytest.raises(ValidationError, match="parameters"):
        TableSpecification(**SIZES, costs=("watts",))
