"""Tables across arms: who stands in which row, paired differences over the same samples, and the leak of each arm."""

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.statistics.clustering import clustered_se
from analysis.statistics.comparisons import over_same_samples
from analysis.tables import (
    TableSpecification,
    build_arm_tables,
    build_tables,
    check_arm_tables,
    check_tables,
    header_groups,
    text_rows,
)
from analysis.tables.arms import matched

AUDIT = TableSpecification(name="audit", title="Leak audit", kind="arms", metrics=("mcr", "auc"))


@pytest.fixture
def audit(make_study, configure):
    """The same two configurations on the same images, grouped by lesion and by image; the latter scores higher."""
    grouped, by_image = make_study(), make_study(plan="image-level", leak=0.39)
    results, contexts = {}, {}
    for name, study, gain in (("grouped", grouped, 0.0), ("image-level", by_image, 0.5)):
        results[name] = [
            study.result(configure("none"), 0.5 + gain, label="image only"),
            study.result(configure("concat", "age"), 1.0 + gain, label="concat", seed=2),
        ]
        contexts[name] = study.context(results[name])
    return results, contexts


def test_each_arm_has_its_score_and_the_second_its_difference(audit):
    results, contexts = audit
    table, auc = build_arm_tables([AUDIT], results, contexts)
    assert (table.name, auc.name) == ("audit_mcr", "audit_auc")
    assert header_groups(table) == [("", 1), ("grouped", 1), ("image-level", 2)]
    assert [column.subtitle for column in table.columns] == [
        *("", "grouped, leak 0 %", "image-level, leak 39 %", "to grouped")
    ]
    for position, row in enumerate(table.rows):
        ours, theirs = (results[arm][position].scores_of("mcr") for arm in ("image-level", "grouped"))
        assert (row[1].value, row[2].value) == (theirs.estimate, ours.estimate)
        assert row[3].value == pytest.approx(ours.estimate - theirs.estimate)
        assert row[3].low < row[3].value < row[3].high
    assert text_rows(table)[0][0] == "image only"


def test_the_interval_of_a_difference_comes_from_paired_influences(audit):
    results, _ = audit
    reference, other = results["grouped"][0].scores_of("mcr"), results["image-level"][0].scores_of("mcr")
    found = over_same_samples(reference, other)
    samples = reference.influence.index
    difference = (other.influence.reindex(samples) - reference.influence).to_numpy()
    assert found.se == pytest.approx(clustered_se(difference, reference.groups.reindex(samples).to_numpy()))
    assert found.high - found.estimate == pytest.approx(1.959964 * found.se)
    unpaired = np.hypot(reference.clustered_se, other.clustered_se)
    assert found.se < unpaired  # the same images are hard in both
    assert over_same_samples(reference, reference).se == 0


def test_notes_say_what_is_paired_and_whose_leak_it_is(audit):
    results, contexts = audit
    notes = build_arm_tables([AUDIT], results, contexts)[0].notes
    assert any(note.startswith("Δ: difference to the other arm on the same samples") for note in notes)
    leaks = [note for note in notes if "39 % of the evaluated samples" in note]
    assert len(leaks) == 1
    assert leaks[0].startswith("image-level: Leak:")
    assert sum("Frozen features" in note for note in notes) == 1  # what all arms share is said once


def test_arms_of_the_same_folds_are_said_to_be_so(audit):
    results, contexts = audit
    differ = build_arm_tables([AUDIT], results, contexts)[0].notes
    same = {"grouped": results["grouped"], "again": results["grouped"]}
    alike = build_arm_tables([AUDIT], same, {"grouped": contexts["grouped"], "again": contexts["grouped"]})[0].notes
    assert any("The folds differ; retraining noise is not seen" in note for note in differ)
    assert any("The folds are the same; retraining noise is not seen" in note for note in alike)


def test_the_records_name_arm_leak_and_difference(audit):
    results, contexts = audit
    rows = build_arm_tables([AUDIT], results, contexts)[0].records
    assert [(row["arm"], row["leak_share"]) for row in rows] == [("grouped", 0.0), ("image-level", 0.39)] * 2
    assert [row["difference_to_arm"] for row in rows] == [None, "grouped"] * 2
    assert rows[1]["arm_difference"] == pytest.approx(rows[1]["estimate"] - rows[0]["estimate"])


def test_arms_of_other_samples_have_no_difference(make_study, configure):
    results, contexts = {}, {}
    for name, lesions in (("ham10000", (30, 60, 24)), ("pad-ufes-20", (20, 25, 30))):
        study = make_study(lesions=lesions)
        results[name] = [study.result(configure("none"), 1.0, label="image only")]
        contexts[name] = study.context(results[name])
    table = build_arm_tables([AUDIT], results, contexts)[0]
    assert [column.group for column in table.columns] == ["", "ham10000", "pad-ufes-20"]
    assert "ham10000: Data: phantom" in table.caption
    assert not any("paired" in note for note in table.notes)


def test_configurations_are_matched_by_identifier_else_by_label(make_study, configure):
    study = make_study()
    one = [study.result(configure("concat", "age"), 1.0, label="a"), study.result(configure("none"), 1.0, label="b")]
    other = [
        study.result(configure("none"), 1.0, label="renamed"),
        study.result(configure("concat", "age", "smoke"), 1.0, label="a"),
        study.result(configure("film", "age"), 1.0, label="only here"),
    ]
    rows = matched({"x": one, "y": other})
    assert [{arm: result.label for arm, result in row.items()} for row in rows] == [
        {"x": "a", "y": "a"},
        {"x": "b", "y": "renamed"},
        {"y": "only here"},
    ]


def test_a_configuration_that_an_arm_lacks_is_a_dash(audit):
    results, contexts = audit
    results = {"grouped": results["grouped"], "image-level": results["image-level"][:1]}
    table = build_arm_tables([AUDIT], results, contexts)[0]
    assert text_rows(table)[1][2:] == ["–", "–"]
    assert "–: this configuration is not part of the arm, or has no score there." in table.notes


def test_an_arm_without_fold_fits_is_left_out_until_it_has_some(audit):
    results, contexts = audit
    (table, _) = build_arm_tables([AUDIT], results, {"grouped": contexts["grouped"]})
    assert [column.group for column in table.columns] == ["", "grouped"]
    alone = {"grouped": results["grouped"]}  # interrupted in the first arm
    assert build_arm_tables([AUDIT], alone, {"grouped": contexts["grouped"]})[0] == table
    assert build_arm_tables([AUDIT], results, {}) == ()


def test_where_keeps_some_rows_in_every_arm(audit):
    results, contexts = audit
    kept = AUDIT.model_copy(update={"where": {"fusion.name": "none"}})
    assert [row[0].text for row in build_arm_tables([kept], results, contexts)[0].rows] == ["image only"]


def test_single_arms_pass_tables_across_arms_over(audit):
    results, contexts = audit
    assert build_tables([AUDIT], results["grouped"], contexts["grouped"]) == ()
    check_tables([AUDIT, AUDIT], results["grouped"], ["diagnosis"])


def test_mistakes_are_found_before_training(audit):
    results, _ = audit
    check_arm_tables([AUDIT], results)
    with pytest.raises(AnalysisError, match="kind arms needs a study with at least two arms"):
        check_arm_tables([AUDIT], {"grouped": results["grouped"]})
    with pytest.raises(AnalysisError, match=r"two tables would write audit_auc\.md"):
        check_arm_tables([AUDIT, AUDIT], results)
    with pytest.raises(AnalysisError, match="no configuration matches where"):
        check_arm_tables([AUDIT.model_copy(update={"where": {"fusion.name": "film"}})], results)
