"""The sentences of the verdict: their numbers are those of the comparison, and no word is above it."""

import dataclasses
import re

import pytest

from analysis.report.verdict_text import asked_of, verdict_paragraphs


def sentences(run):
    (paragraph,) = verdict_paragraphs(run)
    return paragraph.sentences


def test_a_large_difference_is_supported_with_its_numbers(build_run):
    run = build_run()
    best, difference, tried = sentences(run)
    contrast = asked_of(run.parts[0]).family[
        next(result.identifier for result in run.parts[0].results if result.label == "concat age")
    ]
    interval, score = contrast.comparison.max_se.interval, run.parts[0].results[1].scores["mcr", None]
    assert best.startswith("Of the 4 configurations, “concat age” comes out best: mean class recall (MCR) ")
    assert f"{100 * score.estimate:.1f}" in best
    assert "Against the reference “image only” its difference is" in difference
    assert f"+{100 * interval.estimate:.1f} points [{100 * interval.low:.1f}, {100 * interval.high:.1f}]" in difference
    assert "supported better (p" in difference
    assert "Holm-adjusted among 3 comparisons" in difference
    assert tried.startswith("4 configurations were tried on these folds, so the score of the best one is optimistic")
    counted = [int(number) for number in re.findall(r"(\d+) (?:supported|suggested|equivalent|unsure)", tried)]
    assert sum(counted) == 3


@pytest.mark.parametrize(
    ("word", "phrase"),
    [
        ("suggested", "suggested better, which is less than supported: only the max-SE test is below 0.05"),
        ("equivalent", "equivalent, for practical purposes the same within ±1 points"),
        ("unsure", "unsure; these data neither show a difference nor rule one out"),
    ],
)
def test_the_sentence_says_the_word_and_no_more(build_run, monkeypatch, word, phrase):
    from analysis.report import further_verdicts
    from analysis.statistics.verdicts import Verdict

    real = further_verdicts.contrasts
    changed = Verdict(word, "better" if word == "suggested" else "")
    monkeypatch.setattr(
        further_verdicts,
        "contrasts",
        lambda *arguments: {name: dataclasses.replace(one, verdict=changed) for name, one in real(*arguments).items()},
    )
    found = sentences(build_run())[1]
    assert phrase in found
    assert "supported better" not in found


def test_supported_differences_that_are_practically_nothing_are_counted(build_run):
    wide = {"name": "all", "title": "All", "kind": "comparisons", "reference": {"fusion.name": "none"}, "rope": 0.9}
    run = build_run(tables=[wide])
    _, difference, tried = sentences(run)
    assert "supported better, though within practical equivalence of ±90 points (p" in difference
    assert re.search(r"(\d) supported better, \1 of them within practical equivalence", tried)
    (note,) = [note for note in run.tables[0].notes if "P(equal) above 0.95: a difference" in note]
    assert "'concat age'" in note
    assert not any("practically nothing" in note for table in build_run().tables for note in table.notes)


def test_other_metrics_families_and_effects_have_a_sentence_each(build_run):
    reference = {"fusion.name": "none"}
    tables = [
        {"name": "all", "title": "All", "kind": "comparisons", "reference": reference, "metrics": ["mcr", "auc"]},
        {"name": "same", "title": "Same again", "kind": "scores", "reference": reference},
        {
            "name": "fusions",
            "title": "Fusions",
            "kind": "comparisons",
            "reference": {"fusion.name": "concat"},
            "rows": "metadata.fields",
        },
    ]
    _, _, auc, fusions, tried = sentences(build_run(tables=tables))
    assert re.fullmatch(r"On AUC: (\d+ [a-z ]+(, )?)+\.", auc)
    assert re.fullmatch(r"“Fusions” on MCR: 1 [a-z ]+\.", fusions)
    assert "in this family" in tried


def test_what_lies_in_the_interval_of_the_best_is_named(build_run):
    skills = {
        ("image only", "none", ()): 0.8,
        ("concat age", "concat", ("age",)): 2.2,
        ("multiply age", "multiply", ("age",)): 2.19,
    }
    best = sentences(build_run(skills))[0]
    assert re.search(r"; “(concat|multiply) age” with [\d.]+\s% lies within that interval\.$", best)


def test_a_reference_that_is_best_says_so(build_run):
    skills = {("image only", "none", ()): 2.5, ("concat age", "concat", ("age",)): 0.5}
    found = sentences(build_run(skills))[1]
    assert found.startswith(
        "It is a reference itself; the best of the others, “concat age”, differs from the reference"
    )
    assert "supported worse" in found


def test_without_a_reference_nothing_is_tested(build_run):
    best, difference, tried = sentences(build_run(tables=[{"name": "board", "title": "B", "kind": "leaderboard"}]))
    assert "comes out best" in best
    assert difference.startswith("The study names no reference, so no difference is tested; second is ")
    assert difference.endswith("and whether the two differ: unsure.")
    assert tried.endswith("is optimistic.")


def test_one_split_earns_suggested_at_most(build_run, make_study):
    found = " ".join(sentences(build_run(study=make_study(plan="holdout", folds=1))))
    assert "supported" not in found.replace("suggested", "")
    assert "suggested better, the most that one split can say" in found
    assert "corrected t" not in found


def test_an_incomplete_run_says_unsure_and_warns(build_run):
    every = [
        (label, (0, fold)) for label in ("image only", "concat age", "multiply age", "concat sex") for fold in (1,)
    ]
    run = build_run(missing=every)
    (paragraph,) = verdict_paragraphs(run)
    assert paragraph.sentences == (
        "No configuration has all its folds yet (16 of 20 fold fits done), so nothing is compared: unsure.",
    )
    assert paragraph.warnings == ("INCOMPLETE: 4 of 4 configurations lack fold fits.",)


def test_a_reference_to_come_leaves_the_comparison_unsure(build_run):
    best, difference, tried = sentences(build_run(missing=[("image only", (0, 0))]))
    assert best.startswith("Of the 3 complete ones of the 4 configurations, “concat age”")
    assert difference == (
        "No comparison was possible: that takes the reference and another configuration, both complete: unsure."
    )
    assert tried.startswith("4 configurations were tried")


def test_an_empty_ledger_knows_nothing(build_run):
    every = [
        (label, (0, fold)) for label in ("image only", "concat age", "multiply age", "concat sex") for fold in range(5)
    ]
    assert sentences(build_run(missing=every)) == ("There is no fold fit yet, so nothing is known: unsure.",)


def test_a_leak_is_said_beside_the_verdict(build_run, make_study):
    (paragraph,) = verdict_paragraphs(build_run(study=make_study(plan="image-level", leak=0.35)))
    assert paragraph.warnings == (
        "LEAK: 35 % of the evaluated images have a sibling of the same lesion in the training part; these numbers are "
        "optimistic for new lesions.",
    )


def test_a_confirmation_goes_before_its_search(build_run, plan_part, make_study, ledger):
    board = [{"name": "board", "title": "B", "kind": "leaderboard"}]
    again = [{"name": "confirmation", "title": "C", "kind": "leaderboard"}]
    study = make_study()
    few = {("image only", "none", ()): 0.8, ("concat age", "concat", ("age",)): 2.2}
    parts = (
        plan_part(study, ledger, few, tables=board, role="search", name="s"),
        plan_part(study, ledger, few, tables=again, role="confirmation", name="c"),
    )
    first, second = verdict_paragraphs(build_run(parts=parts))
    assert (first.heading, second.heading) == ("Confirmed again, on a re-split of searched data", "In the search")
    assert first.sentences[2] == "2 finalists of the search were trained anew."


def test_arms_on_the_same_samples_are_told_apart(build_run, plan_part, make_study, ledger):
    tables = [{"name": "own", "title": "O", "kind": "scores"}]
    few = {("image only", "none", ()): 0.8, ("concat age", "concat", ("age",)): 2.2}
    parts = tuple(
        plan_part(study, ledger, few, tables=[tables[0] | {"name": f"{name}_own"}], name=name)
        for name, study in (("grouped", make_study()), ("image-level", make_study(plan="image-level", leak=0.3)))
    )
    across = ({"name": "audit", "title": "A", "kind": "arms"},)
    run = build_run(parts=parts, manifest={"across": across})
    first, *rest = verdict_paragraphs(run)
    assert first.heading == "Between arms"
    assert first.sentences[0].startswith(
        "On the same samples, MCR under image-level minus that under grouped is between"
    )
    assert first.sentences[-1].endswith("nothing is tested: unsure.")
    assert [one.heading for one in rest] == ["grouped", "image-level"]


def test_equal_configurations_share_the_first_place_and_have_no_verdict(build_run, make_study, monkeypatch):
    study = make_study()
    monkeypatch.setattr(type(study), "frame", _alike(type(study).frame))
    few = {("image only", "none", ()): 0.8, ("concat age", "concat", ("age",)): 0.8}
    run = build_run(few, study=study)
    best, difference, *_ = sentences(run)
    names = [result.label for result in run.parts[0].results]
    assert any(f"“{one}” shares the first place with “{other}”" in best for one, other in (names, names[::-1]))
    assert "comes out best" not in best
    assert "unsure: the same in every fold, so nothing is known of its spread and there is no verdict (p" in difference


def _alike(frame):
    """Predictions of one and the same seed for everybody."""
    return lambda study, record, skill, seed=1: frame(study, record, skill, 1)
