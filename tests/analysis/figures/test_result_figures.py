"""Every figure of results on synthetic runs: same bytes, valid SVG and PDF, hostile names, smallest inputs."""

import sys
import warnings
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from analysis.figures import FIGURES
from analysis.figures.class_recall import class_recall_info
from analysis.figures.reliability import reliability_info
from analysis.figures.selection import compared, leaders

KINDS = (
    *("forest", "differences", "heat_map", "interaction", "ladder", "slopes", "rope"),
    *("class_recall", "confusion", "roc", "reliability"),
)
ABLATION = {
    "name": "subsets",
    "title": "Subsets",
    "rows": "metadata.fields",
    "columns": "fusion.name",
    "reference": {"fusion.name": "none"},
}
COMPARISONS = {"name": "c", "title": "C", "kind": "comparisons", "reference": {"fusion.name": "none"}}
DIFFERENCES = {
    "name": "d",
    "title": "<D>",
    "kind": "comparisons",
    "where": {"fusion.name": ["concat", "film"]},
    "rows": "metadata.fields",
    "reference": {"fusion.name": "film"},
}
LEADERBOARD = {"name": "best", "title": "Best", "kind": "leaderboard"}
HOSTILE = ("<script>alert(1)</script>$x$&\"'", "_\\frac{a}{b}%{}\x07", "</svg><!-- " + "ß" * 60)


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def draw_all(run):
    return {kind: FIGURES[kind](run) for kind in KINDS}


def text_of(svg: bytes) -> str:
    return "".join(ElementTree.fromstring(svg).itertext())


def hostile_run(make_study, make_part, make_run, configure):
    study = make_study()
    results = [study.result(configure("none"), 0.8, label="<b>$\\alpha$ & _no_ metadata\x00\n")] + [
        study.result(configure(fusion, *fields), skill, label=label, seed=int(10 * skill))
        for fusion, fields, skill, label in (
            ("concat", ("<i>$age$",), 1.4, "_" + "very long " * 30),
            ("concat", ("<i>$age$", "_sex"), 1.2, "&amp;"),
            ("_$multiply$ & more", ("<i>$age$",), 0.9, "'"),
            ("film", ("<i>$age$",), 0.7, "film"),
        )
    ]
    return make_run(make_part(study, results, (ABLATION, COMPARISONS, DIFFERENCES)))


def test_every_kind_draws_hostile_names_as_text_and_to_the_same_bytes(
    make_study, make_part, make_run, configure, monkeypatch
):
    monkeypatch.setattr(sys.modules[make_study.__module__], "CLASSES", HOSTILE)
    run = hostile_run(make_study, make_part, make_run, configure)
    figures = draw_all(run)
    assert all(len(drawn) == 1 for drawn in figures.values())  # the comparison table holds what the ablation table does
    assert figures == draw_all(run)
    assert len({drawn[0].name for drawn in figures.values()}) == len(KINDS)
    expected = dict.fromkeys(("class_recall", "confusion", "roc"), "$x$&") | {
        "ladder": "<i>$age$",
        "slopes": "very long",
    }
    for kind, (one,) in figures.items():
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(one.svg).iter()}
        assert not tags & {"script", "image", "foreignObject"}, kind
        assert b"<script" not in one.svg
        assert expected.get(kind, "") in text_of(one.svg)
        assert one.pdf.startswith(b"%PDF")


def test_every_figure_says_what_it_shows(subsets, make_run):
    run = make_run(subsets)
    assert FIGURES["heat_map"](run) == ()  # two columns of subsets: the ladder says it
    for kind in ("interaction", "ladder", "slopes", "rope"):
        (one,) = FIGURES[kind](run)
        assert one.caption.endswith(".")
        assert one.alternative.endswith(".")
        assert one.section == ("results" if kind == "ladder" else "comparisons")
        best = max(subsets.results, key=lambda result: result.scores_of("mcr").estimate)
        gain = best.scores_of("mcr").estimate - subsets.results[0].scores_of("mcr").estimate
        level = best.scores_of("mcr").estimate
        shown = {"slopes": f"+{100 * gain:.1f} points", "rope": "within", "ladder": f"+{100 * gain:.1f}"}
        assert shown.get(kind, f"{100 * level:.1f}") in one.alternative


def test_captions_name_tables_by_title_and_do_not_call_max_se_a_heuristic(subsets, make_run):
    for drawn in draw_all(make_run(subsets)).values():
        for one in drawn:
            assert "subsets_mcr" not in one.caption
            assert "heuristic" not in one.caption
    (ladder,) = FIGURES["ladder"](make_run(subsets))
    assert "the reference (image only)" in ladder.caption
    assert "the table “Metadata subsets" in ladder.caption
    family = compared(subsets).family.values()
    marks = [one.verdict.mark for one in family if one.verdict.mark]
    assert marks
    assert text_of(ladder.svg).count(marks[0]) == marks.count(marks[0])


def test_a_configuration_keeps_its_colour_in_every_arm(make_study, make_part, make_run, configure):
    study = make_study()
    first = [study.result(configure("none"), 0.5, label="x"), study.result(configure("film"), 1.5, seed=2, label="y")]
    second = [study.result(configure("none"), 1.5, label="x"), study.result(configure("film"), 0.5, seed=2, label="y")]
    parts = [make_part(study, results, (), name=name) for name, results in (("a", first), ("b", second))]
    found = [leaders(part, "diagnosis", 4) for part in parts]
    assert [[one.label for one in shown] for shown in found] == [["y", "x"], ["x", "y"]]
    styles = {"y": 0, "x": 1}
    assert [class_recall_info(shown, "diagnosis", styles).styles for shown in found] == [(0, 1), (1, 0)]
    one, other = FIGURES["class_recall"](make_run(*parts))
    assert one.name != other.name


def test_bins_of_few_samples_are_not_drawn(make_study, configure):
    found = reliability_info(make_study().result(configure("none"), 1.0), "diagnosis")
    counts = found.bins.counts
    assert (counts[counts > 0] < 10).sum() > 0
    assert found.shown.tolist() == [count >= 10 for count in counts.tolist()]


def test_one_configuration_of_one_class_on_one_split(make_study, make_part, make_run, configure):
    study = make_study(plan="holdout", folds=1, lesions=(12,))
    part = make_part(study, [study.result(configure("none"), 0.5, label="alone")], (LEADERBOARD,))
    drawn = {kind for kind, found in draw_all(make_run(part)).items() if found}
    assert drawn == {"forest", "class_recall", "confusion", "reliability"}  # no AUC and nothing to compare


def test_one_split_has_no_posterior_and_still_its_slope(make_study, make_part, make_run, configure):
    study = make_study(plan="holdout", folds=1)
    results = [study.result(configure("none"), 0.5), study.result(configure("concat", "age"), 1.5, seed=2)]
    run = make_run(make_part(study, results, (ABLATION,)))
    assert FIGURES["rope"](run) == ()
    assert "one split" in FIGURES["slopes"](run)[0].caption


def test_a_class_that_folds_lack_is_missing_not_zero(make_study, make_part, make_run, configure):
    study = make_study(lesions=(30, 30, 2))  # two lesions of df: three folds have none
    results = [study.result(configure("none"), 0.5), study.result(configure("concat", "age"), 1.5, seed=2)]
    (drawn,) = FIGURES["class_recall"](make_run(make_part(study, results, (ABLATION,))))
    best = max(results, key=lambda one: one.scores_of("mcr").estimate)
    expected = 100 * np.nanmean(best.fold_recalls("diagnosis")[:, 2])
    assert f"{expected:.1f}" in drawn.alternative.rpartition("df ")[2]


def test_nothing_is_drawn_of_what_is_incomplete_or_empty(make_study, make_part, make_run, configure):
    study = make_study()
    part = make_part(study, [study.result(configure("none"), 0.5, missing=[(0, 1)])], (LEADERBOARD,))
    assert not any(draw_all(make_run(part)).values())
    assert not any(draw_all(make_run()).values())


def test_parts_draw_figures_of_their_own_and_a_confirmed_search_only_its_confirmation(
    make_study, make_part, make_run, configure
):
    study = make_study()
    results = [study.result(configure("none"), 0.5), study.result(configure("concat", "age"), 1.5, seed=2)]
    arms = [make_part(study, results, ({**ABLATION, "name": f"{name}_t"},), name=name) for name in ("a", "b")]
    assert [one.name for one in FIGURES["confusion"](make_run(*arms))] == ["confusion_a", "confusion_b"]
    search = [make_part(study, results, (), role=role) for role in ("search", "confirmation")]
    assert [one.name for one in FIGURES["roc"](make_run(*search))] == ["roc"]


def test_repeats_and_several_targets(make_study, make_part, make_run, configure):
    study = make_study(folds=3, repeats=2, targets=("diagnosis", "streaks"))
    results = [study.result(configure("none"), 0.5), study.result(configure("concat", "age"), 1.5, seed=2)]
    run = make_run(make_part(study, results, (ABLATION,)))
    assert "Target diagnosis, one of 2." in FIGURES["roc"](run)[0].caption
    assert "2 repeats" in FIGURES["confusion"](run)[0].caption
