"""Every figure of the process on synthetic runs: same bytes, valid SVG, hostile names, smallest inputs."""

import re
import warnings
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from made_search import FORMS, choices, search, trial

from analysis.figures import (
    FIGURES,
    cost,
    critical_difference,
    history,
    importance,
    intermediate,
    isolation,
    leak,
    learning,
    slices,
    timeline,
)
from analysis.figures.scales import magnitude
from analysis.figures.search_marks import MARKS, counted
from analysis.importances import Importances
from analysis.search_space import ENDINGS

KINDS = (
    *("critical_difference", "learning", "history", "isolation", "importance", "slices", "intermediate", "timeline"),
    *("cost", "leak"),
)
OF_A_SEARCH = ("history", "isolation", "importance", "slices", "intermediate", "timeline")
SMALL = {"folds": 2, "lesions": (12, 16, 12)}
HOSTILE = "<script>alert(1)</script>$x$&\"' \x07 </svg>"
IMPORTANCES = tuple(
    Importances(evaluator=name, settings="seed 0", citation="hutter2014", n_trials=20, n_estimated=2, shares=shares,
                left_out=left_out)
    for name, shares, left_out in (
        ("PED-ANOVA", {"fusion.name": 0.2, "training.learning_rate": 0.7, HOSTILE: 0.1}, ()),
        ("fANOVA", {"fusion.name": 0.6, "training.learning_rate": 0.4}, (HOSTILE,)),
    )
)  # fmt: skip


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def epochs(count=4, *, inner=True):
    """A history whose loss falls and whose inner MCR rises by a tenth per epoch."""
    return [
        {"epoch": epoch, "loss": 2.0 / epoch, "learning_rate": 0.1,
         "inner": {"loss": 2.2 / epoch, "mcr": 0.3 + 0.1 * epoch, "auc": 0.5} if inner else None}
        for epoch in range(1, count + 1)
    ]  # fmt: skip


def trained(study, configure, *, labels=("image only", "concat", "multiply"), **changes):
    """Configurations that learnt by epochs and cost the more the better they are."""
    return [
        study.result(configure("none" if not place else label, training={"epochs": 4}), 0.4 + 0.7 * place, label=label,
                     seed=place + 1, history=epochs(), cost={"parameters": 1000 * 10**place, "seconds": 2.0 + place},
                     **changes)
        for place, label in enumerate(labels)
    ]  # fmt: skip


@pytest.fixture
def audit(make_study, make_part, configure):
    """Two arms of one cohort, the second by image."""
    parts = []
    for name, plan, share in (("grouped", "grouped", 0.0), ("image-level", "image-level", 0.4)):
        study = make_study(plan=plan, leak=share, **SMALL)
        results = trained(study, configure, labels=("image only", "concat"), leak_share=share)
        parts.append(make_part(study, results, (), name=name))
    return parts


@pytest.fixture
def cohorts(make_study, make_part, configure):
    """Three cohorts on which multiply, the third configuration, is always best."""
    parts = []
    for place in range(3):
        study = make_study(**SMALL)
        study.cohort = replace(study.cohort, name=f"cohort {place}", fingerprint=str(place) * 64)
        parts.append(make_part(study, trained(study, configure), (), name=f"arm{place}"))
    return parts


@pytest.fixture
def everything(audit, make_run):
    return replace(make_run(*audit), search=search(), importances=IMPORTANCES)


def text_of(svg):
    return "".join(ElementTree.fromstring(svg).itertext())


def checked(drawn):
    for one in drawn:
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(one.svg).iter()}
        assert not tags & {"script", "foreignObject"}, one.name
        assert one.pdf.startswith(b"%PDF")
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", one.name)
        for text in (one.caption, one.alternative):
            assert text.endswith(".")
            assert "  " not in text
            assert "nan" not in text
        assert any(sign.isdigit() for sign in one.alternative)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_draws_the_same_bytes_and_says_what_it_shows(kind, everything, cohorts, make_run):
    run = make_run(*cohorts) if kind == "critical_difference" else everything
    drawn = FIGURES[kind](run)
    assert drawn
    assert len({one.name for one in drawn}) == len(drawn)
    assert drawn == FIGURES[kind](run)
    checked(drawn)
    sections = {"learning": "training", "cost": "cost", "leak": "results", "critical_difference": "comparisons"}
    assert {one.section for one in drawn} == {sections.get(kind, "search")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_without_anything_of_the_kind_has_no_figure(kind, make_run, make_study, make_part, configure):
    assert FIGURES[kind](make_run()) == ()
    study = make_study()
    part = make_part(study, [study.result(configure("none"), 1.0, missing=study.planned[:1])], ())
    assert FIGURES[kind](make_run(part)) == ()


def test_hostile_names_are_shown_as_text(make_study, make_part, make_run, configure):
    parts = []
    for place in range(3):
        study = make_study(plan="image-level" if place else "grouped", leak=0.2 * place, **SMALL)
        study.cohort = replace(study.cohort, name=HOSTILE, fingerprint=str(place) * 64)
        parts.append(make_part(study, trained(study, configure, labels=(HOSTILE, "b")), (), name=f"arm{place}"))
    forms = {HOSTILE: choices(HOSTILE, "[" + HOSTILE), "training.learning_rate": FORMS["training.learning_rate"]}
    entries = tuple(
        trial(number, 0.5 + 0.01 * number, forms=forms, label=HOSTILE, reason=HOSTILE,
              parameters={HOSTILE: HOSTILE if number % 2 else "[" + HOSTILE, "training.learning_rate": 0.01})
        for number in range(4)
    )  # fmt: skip
    run = replace(make_run(parts[0]), search=entries, importances=IMPORTANCES)
    ranks = critical_difference.build(make_run(*parts))
    audit = [replace(part, planned=replace(part.planned, fingerprint="f")) for part in parts[:2]]
    figures = {kind: FIGURES[kind](run) for kind in KINDS} | {
        "leak": leak.build(make_run(*audit)),
        "critical_difference": ranks,
    }
    for kind, drawn in figures.items():
        for one in drawn:
            words = "".join(text_of(one.svg).split())
            if kind in ("learning", "cost", "isolation", "importance", "leak", "critical_difference"):
                assert HOSTILE[:20] in words, one.name
    assert all(figures[kind] for kind in KINDS if kind not in ("intermediate", "timeline"))


def test_one_trial_is_enough_and_none_is_nothing(make_run):
    one = replace(make_run(), search=(trial(0, 0.5),))
    assert {kind: len(FIGURES[kind](one)) for kind in OF_A_SEARCH} == {
        "history": 1, "isolation": 0, "importance": 0, "slices": 0, "intermediate": 0, "timeline": 0,
    }  # fmt: skip
    failed = replace(make_run(), search=(trial(0, state="failed"), trial(1, state="skipped")))
    checked(history.build(failed))
    assert "none is complete" in history.build(failed)[0].alternative


def test_marks_know_every_ending():
    assert tuple(MARKS) == ENDINGS
    assert len({(mark.shape, mark.filled) for mark in MARKS.values()}) == len(MARKS)  # told apart without colour
    assert counted(["failed", "complete", "complete"]) == "2 complete, 1 failed"


def test_history_keeps_the_best_complete_trial_within_the_limits():
    points = {point.number: point for point in history.history_info(search())}
    assert [points[number].best for number in (0, 1, 4, 5, 11)] == pytest.approx([50, 55, 70, 70, 70])
    assert (points[5].ending, points[5].mcr) == ("over a limit", 90)
    assert (points[6].ending, points[6].mcr) == ("dropped by racing", 45)
    assert (points[7].mcr, points[8].mcr, points[10].mcr) == (None, None, None)
    assert 9 not in points


def test_isolation_takes_the_best_over_all_other_dimensions():
    rate, fusion, fields = isolation.isolation_info(search())[:3]
    assert [(level.text, level.scores[0], level.n_trials) for level in fusion.levels] == [
        ("concat", 90, 3), ("none", pytest.approx(70), 8),
    ]  # fmt: skip
    assert [level.text for level in fields.levels] == ["age + sex", "none"]
    assert fields.levels[0].scores == (90, 45)
    assert fields.levels[0].endings == ("over a limit", "dropped by racing")
    assert [level.text for level in rate.levels] == [name for name in rate.axis.groups() if name != "0.0063 to 0.016"]
    assert [len(level.scores) for level in rate.levels] == [2, 1, 2, 3]  # 0.002 lies in the first part


def test_slices_place_levels_by_number_and_rates_by_value():
    found = {one.axis.name: one for one in slices.slices_info(search())}
    assert [(point.number, point.place) for point in found["metadata.fields"].points] == [(5, 2), (6, 2), (11, 0)]
    assert found["training.learning_rate"].points[3].place == 0.05
    assert [point.mcr for point in found["fusion.depth"].points] == pytest.approx([90, 45, 65])


def test_intermediate_values_stand_where_the_rules_looked():
    info = intermediate.intermediate_info(search())
    assert [(course.number, course.steps, course.dropped_here) for course in info.by_epoch] == [
        (7, (2,), True), (8, (2, 6), False),
    ]  # fmt: skip
    assert [course.number for course in info.by_fold] == [0, 1, 2, 3, 4, 6]
    assert info.by_fold[0].values == pytest.approx((40, 50))
    assert [course.number for course in info.by_fold if course.dropped_here] == [6]


def test_timeline_counts_what_ran_at_once():
    entries = [trial(0, 0.5, told_at=3.0), trial(1, 0.5, asked_at=1.0, told_at=2.0), trial(2, 0.5, asked_at=2.0)]
    bars = timeline.timeline_info([*entries, trial(3, state="running", told=None, told_at=None, asked_at=2.5)])
    assert [(bar.start, bar.end) for bar in bars] == [(0, 3), (1, 2), (2, 3), (2.5, 3)]
    assert timeline.most_at_once(bars) == 3  # trial 2 starts when trial 1 ends


def test_importances_stand_by_their_mean_and_a_dash_is_no_zero():
    rows = importance.importance_info(IMPORTANCES)
    assert [row.title for row in rows[:2]] == ["learning rate", "fusion"]
    assert rows[0].shares == pytest.approx((70, 40))
    assert rows[2].shares[1] is None
    caption = importance.build_caption(IMPORTANCES, rows)
    assert "Hollow" not in caption
    assert "fANOVA (seed 0)" in caption
    assert "2 of them dropped by racing" in caption


def test_dimensions_that_some_trials_lack_are_hollow_and_said_to_be_understated(everything):
    depth = replace(IMPORTANCES[0], shares={"fusion.depth": 0.1, "training.learning_rate": 0.9})
    rows = importance.importance_info([depth], {"fusion.depth"})
    assert [(row.title, row.conditional) for row in rows] == [("learning rate", False), ("fusion depth", True)]
    (drawn,) = importance.build(replace(everything, importances=(depth,)))
    assert "its importance is understated" in drawn.caption
    assert "fusion depth: PED-ANOVA 10 %, of the trials that have it" in drawn.alternative


def test_trials_of_one_level_with_nearly_one_score_stand_side_by_side():
    points = [slices.SlicePoint(number, 1.0, mcr, "complete") for number, mcr in enumerate((50, 50.5, 70, 90, None))]
    moved = slices.beside([*points, slices.SlicePoint(9, 2.0, 50, "complete")])
    assert moved == pytest.approx({0: -0.07, 1: 0.07, 2: 0, 3: 0, 9: 0})


def test_a_timeline_needs_two_trials_at_once(make_run):
    one_by_one = [trial(0, 0.5, asked_at=0.0, told_at=1.0), trial(1, 0.5, asked_at=1.0, told_at=2.0)]
    assert timeline.build(replace(make_run(), search=tuple(one_by_one))) == ()
    together = [one_by_one[0], trial(1, 0.5, asked_at=0.5, told_at=2.0)]
    assert "at most 2 at once" in timeline.build(replace(make_run(), search=tuple(together)))[0].alternative


def test_learning_says_how_many_were_tried_and_which_are_shown(make_study, make_part, make_run, configure):
    study = make_study(**SMALL)
    results = [
        study.result(configure("concat", loss={"gamma": place}), 0.3 * place, label=str(place), history=epochs(1))
        for place in range(6)
    ] + [study.result(configure("film"), 0.1, label="without epochs")]
    (drawn,) = learning.build(make_run(make_part(study, results, ())))
    assert (
        "Of 7 configurations 6 finished a fold; shown: of the 6 that are complete, 5 at even steps from the best "
        "to the worst." in drawn.caption
    )


def test_learning_means_go_as_far_as_every_fold_came(make_study, configure):
    study = make_study(folds=2)
    configuration = configure("concat", training={"epochs": 5})
    result = study.result(configuration, 1.0, label="short", history=epochs(3))
    (panel,) = learning.learning_info([result])
    assert {curve.ending for curve in panel.curves} == {"stopped early"}
    assert learning.mean_curve(panel.curves, "inner_mcr") == ((1, 2, 3), pytest.approx((40, 50, 60)))
    longer = replace(panel.curves[0], epochs=(1, 2, 3, 4), loss=(4.0, 3.0, 2.0, 1.0))
    assert learning.mean_curve([panel.curves[0], longer], "loss")[1] == pytest.approx((3, 2, 4 / 3))


def test_learning_marks_what_diverged_or_was_dropped_and_shows_no_inner_curve_without_one(
    make_study, make_part, make_run, configure
):
    study = make_study(folds=3)
    results = [
        study.result(configure("none"), 1.0, label="whole", history=epochs(4, inner=False)),
        study.result(configure("film"), 1.0, label="bad", diverged=[(0, 1)], history=epochs(2, inner=False)),
        study.result(configure("late"), 1.0, label="raced", missing=[(0, 2)], dropped="racing",
                     history=epochs(4, inner=False)),
    ]  # fmt: skip
    panels = learning.learning_info(results)
    assert [(panel.label, panel.has_inner) for panel in panels] == [("whole", False), ("bad", False), ("raced", False)]
    assert [curve.ending for curve in panels[1].curves] == ["", "diverged", ""]
    assert [curve.ending for curve in panels[2].curves] == ["", "dropped after this fold"]
    assert panels[2].outcome == "dropped by racing, 2/3 folds"
    (drawn,) = learning.build(make_run(make_part(study, results, ())))
    checked([drawn])
    assert "held-out" not in text_of(drawn.svg)
    assert "held-out" not in drawn.caption


def test_learning_picks_at_even_steps_from_best_to_worst(make_study, configure):
    study = make_study(folds=2, lesions=(12, 16, 12))
    results = [
        study.result(configure("concat", loss={"gamma": place}), 0.3 * place, label=str(place), history=epochs(1))
        for place in range(9)
    ]
    ranked = sorted(results, key=lambda one: -one.scores_of("mcr").estimate)
    wanted = [ranked[place].label for place in (0, 2, 4, 6, 8)]
    assert [panel.label for panel in learning.learning_info(results)] == wanted


def test_the_front_holds_what_nothing_beats(make_study, configure):
    study = make_study()
    results = trained(study, configure)
    dear = study.result(configure("film"), 0.2, label="dear", cost={"parameters": 10**6, "seconds": 1.0})
    points = {point.label: point for point in cost.cost_info([*results, dear])}
    front = [label for label, point in points.items() if "parameters" in point.fronts]
    assert front == ["multiply", "concat", "image only"]
    assert "seconds" in points["dear"].fronts  # the worst, and the fastest
    assert list(points) == sorted(points, key=lambda label: -points[label].mcr)
    same = [study.result(configure("film", loss={"gamma": place}), 1.0, cost={"parameters": 5}) for place in (1, 2)]
    assert [point.fronts for point in cost.cost_info(same)] == [{"parameters"}] * 2  # neither beats its equal


def test_costs_that_do_not_differ_are_not_drawn(make_study, make_part, make_run, configure):
    study = make_study()
    results = [study.result(configure(name), 1.0, cost={"parameters": 5}) for name in ("none", "film")]
    assert cost.build(make_run(make_part(study, results, ()))) == ()


def test_the_audit_compares_on_the_same_samples(audit):
    found = leak.leak_info(audit)
    assert [(arm.name, arm.plan, arm.leak) for arm in found.arms] == [
        ("grouped", "grouped", 0), ("image-level", "image-level", pytest.approx(40)),
    ]  # fmt: skip
    label, (first, second) = found.rows[0]
    assert label == "image only"
    assert first.difference is None
    assert second.difference[0] == pytest.approx(second.mcr - first.mcr)
    assert second.difference[1] < second.difference[0] < second.difference[2]
    assert leak.leak_info(audit[::-1]).arms == found.arms
    assert leak.leak_info(audit[:1]) is None


def test_ranks_over_three_cohorts_and_no_fewer(cohorts, make_run):
    info = critical_difference.critical_difference_info(cohorts)
    assert [(one.label, one.mean) for one in info.ranked] == [("multiply", 1), ("concat", 2), ("image only", 3)]
    assert info.smallest_p == 0.25  # two-sided, of three cohorts: 2 / 2^3
    assert (info.n_different, info.groups) == (0, ((0, 2),))
    assert info.p == pytest.approx(1 / 36)  # all agree: (1/3!)^2
    assert critical_difference.build(make_run(*cohorts[:2])) == ()
    again = [*cohorts[:2], replace(cohorts[0], planned=replace(cohorts[0].planned, name="again"))]
    assert critical_difference.critical_difference_info(again) is None  # one cohort twice is one


@pytest.mark.parametrize(
    ("different", "groups"),
    [
        ((), ((0, 3),)),
        (((0, 3),), ((0, 2), (1, 3))),
        (((0, 1), (1, 2), (2, 3)), ()),
        (((0, 2), (0, 3)), ((0, 1), (1, 3))),
    ],
)
def test_bars_join_runs_without_a_differing_pair(different, groups):
    assert critical_difference.joined(4, {frozenset(pair) for pair in different}) == groups


@pytest.mark.parametrize(
    ("value", "text"), [(1e-5, "10⁻⁵"), (0.001, "0.001"), (0.5, "0.5"), (2, "2"), (2000, "2,000"), (1e7, "10⁷")]
)
def test_numbers_of_log_axes_are_plain_text(value, text):
    assert magnitude(value) == text
