"""Which cases are shown, by rule, and that the figure says so; names from the data are text and nothing else."""

import dataclasses
from xml.etree import ElementTree

import numpy as np
import pytest

from analysis.activation_cases import GAINED, LOST, all_cases, best_pair, chosen_cases, read_stored
from analysis.activation_maps import ActivationMaps, write_maps
from analysis.figures.activation_maps import build, caption, maps_info, maps_missing, overlay
from analysis.ledger import Ledger
from analysis.manifest import Manifest, PlannedPart
from analysis.run import Part, Run

CLASSES = ("mel", "nv", "df")
MAPS = {"maps": {"per_class": 2}}


def look(decisions, probabilities, *, samples=None, pictures=True, images=("dermoscopy",), classes=CLASSES):
    """Maps of six samples, two of each class; `probabilities` are those of the true class."""
    labels = np.repeat(np.arange(3), 2)
    values = np.full((6, 3), 0.01)
    values[np.arange(6), labels] = probabilities
    rng = np.random.default_rng(0)
    return ActivationMaps(
        target="diagnosis",
        classes=classes,
        images=images,
        samples=np.array(samples or [f"image{number}" for number in range(6)]),
        labels=labels,
        decisions=np.array(decisions),
        probabilities=values,
        maps=rng.normal(size=(6, 2, len(images), 3, 4)).astype(np.float32),
        pictures=rng.integers(0, 255, (6, len(images), 24, 32, 3)).astype(np.uint8) if pictures else None,
    )


# Class:                  mel       nv        df
IMAGE_ONLY = look([1, 1, 1, 1, 2, 1], [0.1, 0.2, 0.9, 0.8, 0.9, 0.3])
FUSED = look([0, 0, 1, 0, 0, 2], [0.6, 0.8, 0.9, 0.1, 0.2, 0.4])
# Gained: mel 0 (+.5), mel 1 (+.6), df 5 (+.1). Lost: nv 3 (-.7), df 4 (-.7).


@pytest.fixture
def make_run(make_study, configure, tmp_path):
    """A run of image only and two fusions on two folds; concat is better than multiply. Maps are stored where given."""

    def make(image_only=IMAGE_ONLY, fused=FUSED, settings=MAPS, folds=(0,), label="concat age", **other) -> Run:
        study = make_study(folds=2)
        backbone = {"backbone": {"name": "test_resnet", "features": "pooled"}}
        base = configure("none", **backbone)
        results = [
            study.result(base, 0.5, label="image only"),
            study.result(configure("concat", "age", **backbone | other), 2.5, label=label),
            study.result(configure("multiply", "age", **backbone), 0.8, label="multiply age"),
        ]
        ledger = Ledger(tmp_path / "ledger")
        for record in study.records:
            maps = {results[0].identifier: image_only, results[1].identifier: fused}.get(record.configuration_id)
            if maps is not None and record.fold in folds:
                write_maps(ledger.storage, record.key, maps)
        records = {record.key: record for record in study.records}
        planned = PlannedPart(
            name="", role="grid", fingerprint="f", folds={}, sample="image", trained_on="frozen features",
            factors=("fusion.name",), tables=(), configurations=(),
        )  # fmt: skip
        part = Part(planned, (), tuple(results), study.context(results), records)
        return Run(
            Manifest(study="s", question="q", parts=(planned,), settings=settings), "run", (part,), ledger=ledger
        )

    return make


def cases_of(run):
    stored = read_stored(run.ledger, run.parts[0].records.values())
    return all_cases(best_pair(run.parts[0].results, stored), stored)


def test_of_each_class_the_case_with_the_largest_change_is_shown(make_run):
    cases = cases_of(make_run())
    assert len(cases) == 6
    gained, lost = (chosen_cases(cases, rule) for rule in (GAINED, LOST))
    assert [(case.sample, case.label) for case in gained] == [("image1", "mel"), ("image5", "df")]
    assert [case.gain for case in gained] == pytest.approx([0.6, 0.1])
    assert [(case.sample, case.label) for case in lost] == [("image3", "nv"), ("image4", "df")]
    assert gained[0].image_only.decision == "nv"
    np.testing.assert_allclose(gained[0].fused.activation, FUSED.maps[1, 0], atol=1e-3)
    np.testing.assert_array_equal(gained[0].pictures, FUSED.pictures[1])


def test_the_mirror_of_two_networks_shows_the_same_cases_under_the_other_rule(make_run):
    there, back = cases_of(make_run()), cases_of(make_run(image_only=FUSED, fused=IMAGE_ONLY))
    assert [case.sample for case in chosen_cases(there, GAINED)] == [case.sample for case in chosen_cases(back, LOST)]


def test_no_more_than_six_classes_are_shown(make_run):
    case = chosen_cases(cases_of(make_run()), GAINED)[0]
    many = [dataclasses.replace(case, label=f"class {number}", sample=f"{number}") for number in range(9)]
    assert [case.label for case in chosen_cases(many, GAINED)] == [f"class {number}" for number in range(6)]


def test_samples_are_matched_by_name_and_not_by_place(make_run):
    turned = dataclasses.replace(
        FUSED,
        **{name: getattr(FUSED, name)[::-1] for name in ("samples", "labels", "decisions", "probabilities", "maps")},
    )
    assert chosen_cases(cases_of(make_run(fused=turned)), GAINED)[0].sample == "image1"
    other = look(FUSED.decisions, np.full(6, 0.5), samples=[f"other{number}" for number in range(6)])
    assert cases_of(make_run(fused=other)) == ()


def test_the_pair_is_the_best_fusion_with_an_image_only_counterpart(make_run):
    run = make_run()
    stored = read_stored(run.ledger, run.parts[0].records.values())
    pair = best_pair(run.parts[0].results, stored)
    assert (pair.image_only.label, pair.fused.label) == ("image only", "concat age")
    assert best_pair(run.parts[0].results, {}) is None
    assert build(make_run(training={"epochs": 3})) == ()  # concat has no counterpart, multiply has no maps
    same = make_run(backbone={"name": "test_resnet", "features": "map"})  # which features follows from the fusion
    assert len(build(same)) == 2


def test_the_caption_counts_what_is_not_shown(make_run):
    run = make_run(folds=(0,))
    gained, lost = maps_info(run, run.parts[0])
    assert (gained.n_stored, gained.n_following, gained.n_mirror) == (6, 3, 2)
    assert (lost.n_following, lost.n_mirror) == (2, 3)
    assert gained.fits == (2, 4)
    assert "of 6 stored cases this holds for 3, and the opposite for 2" in caption(gained)
    assert "from 2 of the 4 fold fits" in caption(gained)
    assert "images of the data set" in caption(lost)


def test_both_figures_are_drawn_and_are_the_same_every_time(make_run):
    first, second = build(make_run()), build(make_run())
    assert [drawn.name for drawn in first] == ["maps_gained", "maps_lost"]
    assert {drawn.section for drawn in first} == {"maps"}
    assert [(drawn.svg, drawn.pdf) for drawn in first] == [(drawn.svg, drawn.pdf) for drawn in second]
    text = " ".join(ElementTree.fromstring(first[0].svg).itertext())
    assert "image only" in text
    assert "P(true) = 0.80" in text
    assert first[0].svg.count(b"<image") == 6
    assert "mel: image only says nv with P(true) = 0.20, fused mel with P(true) = 0.80" in first[0].alternative


def test_hostile_names_are_text(make_run, recwarn):
    hostile = ("<script>$x$&\"'", "$\\frac{1}{2}$" * 12, "_^%")
    names = [f"<b>{number}&$_$" for number in range(6)]
    one, other = (
        look(maps.decisions, maps.probabilities.max(1), samples=names, classes=hostile, images=("a<", "b&"))
        for maps in (IMAGE_ONLY, FUSED)
    )
    figures = build(make_run(one, other, label="<i>&"))
    assert len(figures) == 2
    for drawn in figures:
        root = ElementTree.fromstring(drawn.svg)
        assert not [element for element in root.iter() if element.tag.endswith("script")]
        assert drawn.svg.count(b"<image") == 2 * 6
    assert [str(warning.message) for warning in recwarn] == []


def test_nothing_is_drawn_without_maps_pictures_or_cases(make_run):
    assert build(make_run(None, None)) == ()
    assert build(make_run(pictures_gone(IMAGE_ONLY), pictures_gone(FUSED))) == ()
    assert build(make_run(FUSED, FUSED)) == ()
    assert build(dataclasses.replace(make_run(), ledger=None)) == ()
    assert [drawn.name for drawn in build(make_run(IMAGE_ONLY, look([0, 0, 1, 1, 2, 2], [0.9] * 6)))] == ["maps_gained"]


def test_damaged_maps_are_left_out(make_run, tmp_path):
    run = make_run()
    for path in (tmp_path / "ledger" / "maps").iterdir():
        path.write_bytes(b"no archive")
    assert build(run) == ()


def test_missing_maps_are_told_only_where_they_were_asked_for(make_run):
    assert maps_missing(make_run(settings={})) is None
    assert "4 of 6 finished fold fits have none" in maps_missing(make_run())
    assert "2 of 6" in maps_missing(make_run(folds=(0, 1)))


def test_an_overlay_is_grey_where_nothing_speaks_for_the_class():
    picture = np.full((8, 12, 3), (200, 100, 50), np.uint8)
    activation = np.array([[5.0, -5.0], [0.0, -1.0]])
    shown = overlay(picture, activation, 5.0)
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert (shown[6:, 8:] == grey).all()
    assert (shown[0, 0].astype(int) - grey).max() > 50
    assert len(set(shown[0, 0].tolist())) == 3
    assert (overlay(picture, -np.abs(activation), 0.0) == grey).all()
    half = overlay(picture, activation, 10.0)[0, 0].astype(int)
    assert 0 < np.abs(half - grey).max() < np.abs(shown[0, 0].astype(int) - grey).max()


def pictures_gone(maps: ActivationMaps) -> ActivationMaps:
    return dataclasses.replace(maps, pictures=None)
