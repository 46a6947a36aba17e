"""Who is shown: the reference of the best, the best, and the comparisons of the first declared family."""

from analysis.figures.selection import compared, leaders, main_target, tables_of


def test_leaders_are_the_reference_of_the_best_and_the_best(subsets):
    assert [one.label for one in leaders(subsets, "diagnosis", 3)] == ["image only", "concat age", "concat age+sex"]
    assert [one.label for one in leaders(subsets, "diagnosis", 1)] == ["image only"]


def test_without_a_reference_the_best_lead(metadata_study, make_part):
    part = make_part(*metadata_study, ())
    assert [one.label for one in leaders(part, "diagnosis", 2)] == ["concat age", "concat age+sex"]
    assert compared(part) is None


def test_a_reference_per_column_is_that_of_the_best(make_study, make_part, configure):
    study = make_study()
    results = [
        study.result(configure("none", loss={"name": loss}), skill, label=f"none {loss}", seed=seed)
        for loss, skill, seed in (("focal", 0.5, 1), ("plain", 0.9, 2))
    ] + [study.result(configure("concat", "age", loss={"name": "plain"}), 2.5, label="concat plain", seed=3)]
    table = {
        "name": "t",
        "title": "T",
        "kind": "comparisons",
        "rows": "loss.name",
        "reference": {"fusion.name": "none"},
    }
    part = make_part(study, results, (table,))
    assert [one.label for one in leaders(part, "diagnosis", 2)] == ["none plain", "concat plain"]


def test_the_headline_is_the_best_compared_by_a_metric_that_may_be_better_when_lower(metadata_study, make_part):
    table = {"name": "t", "title": "T", "kind": "comparisons", "reference": {"fusion.name": "none"}}
    for metric, pick in (("mcr", max), ("brier", min)):
        found = compared(make_part(*metadata_study, ({**table, "metrics": (metric,)},)))
        assert found is not None
        best = pick((one for one in found.results[1:]), key=lambda one: one.scores_of(metric).estimate)
        assert found.headline(1)[0][0] is best
        assert found.headline(1)[0][1].reference.label == "image only"


def test_tables_of_a_kind_come_with_their_metric(subsets):
    found = [(one.kind, metric, table.name) for one, metric, table in tables_of(subsets, ("comparisons",))]
    assert found == [("comparisons", "mcr", "against_mcr")]
    assert main_target(subsets) == "diagnosis"
