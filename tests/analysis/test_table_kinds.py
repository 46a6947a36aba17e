"""The settings contract of tables: names agree between settings, builders and published figures; every kind renders."""

from typing import get_args

import pytest

from analysis.published import COSTS as PUBLISHED_COSTS
from analysis.published import published_names, published_table
from analysis.published.cells import SCORES
from analysis.scoring import METRICS
from analysis.tables import KINDS, TableSpecification, build_tables, check_tables, render_all
from analysis.tables.caption import LONG_NAMES
from analysis.tables.cost import COSTS
from analysis.tables.renderers import RENDERERS
from analysis.tables.specification import CostName, KindName, MetricName, kinds_beside

LAID_OUT = {
    "ablation": {"rows": "metadata.fields", "reference": {"fusion.name": "none"}},
    "comparisons": {"reference": {"fusion.name": "none"}},
    "effects": {"rows": "fusion.name", "columns": "loss.name"},
}


def test_names_agree():
    assert set(get_args(MetricName)) == set(METRICS) == set(LONG_NAMES) == set(SCORES)
    assert set(get_args(CostName)) == set(COSTS) > set(PUBLISHED_COSTS)
    assert set(get_args(KindName)) == {*KINDS, "arms"}


@pytest.mark.parametrize("name", published_names())
def test_every_published_table_can_stand_beside_some_kind(name):
    table = published_table(name)
    kind, metrics = kinds_beside(table)[0], tuple(set(table.metrics) & set(METRICS)) or ("mcr",)
    settings = {"kind": kind, "metrics": metrics, "published": name} | LAID_OUT.get(kind, {})
    assert TableSpecification(name="t", title="T", **settings).published == name


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_writes_the_files_that_it_announces(kind, make_study, configure):
    study = make_study(targets=("diagnosis", "streaks"))
    separate = {"modalities": {"heads": "separate"}}
    results = [
        study.result(configure("none", **separate), 0.5, label="image only"),
        study.result(configure("concat", "age", **separate), 1.5, label="concat age", seed=2),
    ]
    if kind == "effects":  # it takes a full grid
        for fusion in (("none",), ("concat", "age")):
            results.append(study.result(configure(*fusion, loss={"name": "ce"}, **separate), 1.0))
    specification = TableSpecification(name="t", title="T", kind=kind, metrics=("auc", "mcr"), **LAID_OUT.get(kind, {}))
    check_tables([specification], results, study.targets)
    tables = build_tables([specification], results, study.context(results))
    assert tuple(table.name for table in tables) == specification.file_names(study.targets)
    files = render_all(tables)
    assert len(files) == len(RENDERERS) * len(tables)
    without_labels = ("ablation", "leaderboard", "effects")
    assert all("concat age" in text.decode() for name, text in files.items() if kind not in without_labels)


@pytest.mark.parametrize("kind", ["leaderboard", "comparisons"])
def test_mcr_and_auc_stand_beside_any_other_metric(kind, make_study, configure):
    study = make_study()
    results = [study.result(configure("none"), 0.5), study.result(configure("concat", "age"), 1.5, seed=2)]
    specification = TableSpecification(name="t", title="T", kind=kind, metrics=("f1",), **LAID_OUT.get(kind, {}))
    (table,) = build_tables([specification], results, study.context(results))
    titles = [column.title for column in table.columns]
    assert table.name == "t_f1"
    assert {"MCR, %", "AUC, %", "macro F1, %"} <= set(titles)
    best = max(results, key=lambda result: result.scores_of("f1").estimate)
    column = titles.index("macro F1, %")
    assert best.scores_of("f1").estimate in {row[column].value for row in table.rows}


def test_scores_are_computed_when_they_are_asked_for(make_study, configure):
    result = make_study().result(configure("none"), 1.0)
    assert len(result.scores) == 2 * len(METRICS) == len(set(result.scores))
    assert result.scores["f1", None] is result.scores["f1", None]
    assert ("kappa", None) not in result.scores
    with pytest.raises(KeyError):
        result.scores["mcr", "streaks"]
