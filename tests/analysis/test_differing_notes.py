"""Settings that differ beside the factors of a study are named in the notes of its tables, by who has them."""

import dataclasses

import pytest

from analysis.tables import TableSpecification, build_arm_tables, build_tables

START = "Settings that differ beside the factors: "


def settings(fusion="concat", backbone="resnet50", fields=("age",), *, training=None, **sections):
    """A canonical configuration of a network."""
    return {
        "backbone": {"name": backbone},
        "fusion": {"name": fusion},
        "metadata": {"fields": list(fields)} if fields else {},
        "training": {"learning_rate": 0.003, **(training or {})},
        **sections,
    }


@pytest.fixture
def said(make_study):
    """The note on these configurations, `label: settings`, or None."""

    def note(configurations, factors=("fusion.name",), adjusted=(), kind="scores"):
        study = make_study()
        results = [study.result(one, 1.0, label=label) for label, one in configurations.items()]
        context = study.context(results, factors=factors, adjusted=adjusted)
        (table,) = build_tables([TableSpecification(name="t", title="T", kind=kind)], results, context)
        found = [text.removeprefix(START) for text in table.notes if text.startswith(START)]
        assert len(found) < 2
        return found[0] if found else None

    return note


def of_fusions(*names, **changes):
    return {name: settings(name, **changes.get(name, {})) for name in names}


@pytest.mark.parametrize("kind", ["scores", "cost", "per-class-recall"])
def test_a_setting_that_one_level_changes_is_named_with_what_the_others_have(said, kind):
    found = of_fusions("none", "concat", "metablock", metablock={"training": {"learning_rate": 0.01}})
    assert said(found, kind=kind) == "metablock: training.learning_rate 0.01 (others 0.003)."


def test_factors_and_what_all_share_are_not_named(said):
    found = of_fusions("none", "concat", concat={"training": {"learning_rate": 0.01}})
    assert said(found, factors=("fusion.name", "training.learning_rate")) is None
    assert said(of_fusions("none", "concat")) is None


def test_several_changes_of_one_group_stand_together_and_what_is_off_is_not_set(said):
    plain = settings(fields=("age",), loss={"name": "weighted", "class_weights": "balanced"}, augmentation={})
    changed = {"loss": {"name": "cross-entropy"}, "augmentation": {"rotation": 180.0, "scale": [0.9, 1.1]}}
    found = {"none": settings(fields=(), **changed), "age": plain, "sex": plain | {"metadata": {"fields": ["sex"]}}}
    adjusted = ("loss.name", "loss.class_weights", "augmentation.rotation", "augmentation.scale")
    assert said(found, ("metadata.fields",), adjusted) == (
        "metadata fields none: loss.name cross-entropy (others weighted), augmentation.rotation 180 (others not set), "
        "augmentation.scale [0.9, 1.1] (others not set), loss.class_weights not set (others balanced)."
    )


def test_of_two_equal_groups_the_one_that_has_the_setting_is_named(said):
    found = {"age": settings(), "none": settings(fields=(), augmentation={"rotation": 180.0})}
    expected = "metadata fields none: augmentation.rotation 180 (others not set)."
    assert said(found, ("metadata.fields",), ("augmentation.rotation",)) == expected


def test_options_of_a_fusion_at_their_default_belong_to_the_fusion(said):
    found = {
        "multiply": settings() | {"fusion": {"name": "multiply", "depth": 2}},
        "concat": settings() | {"fusion": {"name": "concat", "depth": 0}},
        "gessert": settings() | {"fusion": {"name": "gessert", "branch_width": 256}},
        "cross": settings() | {"fusion": {"name": "cross", "branch_width": 64}},
    }
    assert said(found) is None
    assert said(found, adjusted=("fusion.branch_width",)) == "cross: fusion.branch_width 64 (others 256)."


def test_an_adjusted_option_of_one_fusion_only_is_named_without_others(said):
    found = of_fusions("none", "concat")
    found["embedding"] = settings() | {"fusion": {"name": "embedding", "activation": "linear"}}
    assert said(found) is None
    assert said(found, adjusted=("fusion.activation",)) == "embedding: fusion.activation linear."


def test_an_option_that_differs_within_one_fusion_is_named(said):
    found = {
        f"{name} {backbone}": settings(backbone=backbone) | {"fusion": {"name": "metablock", "group_size": size}}
        for name, backbone, size in (("a", "resnet50", 32), ("b", "vgg16", 32), ("c", "b4", 56))
    }
    factors = ("fusion.name", "backbone.name")
    assert said(found, factors) == "b4: fusion.group_size 56 (others 32)."


def test_three_values_name_every_group_or_most(said):
    sizes = {"resnet50": [224, 224], "vgg16": [224, 224], "alexnet": [224, 224], "irv2": [299, 299], "nas": [331, 331]}
    found = {name: settings(backbone=name, image={"size": size}) for name, size in sizes.items()}
    factors = ("backbone.name",)
    assert (
        said(found, factors)
        == "irv2: image.size [299, 299] (most [224, 224]); nas: image.size [331, 331] (most [224, 224])."
    )
    few = {name: found[name] for name in ("resnet50", "irv2", "nas")}
    assert said(few, factors) == (
        "resnet50: image.size [224, 224]; irv2: image.size [299, 299]; nas: image.size [331, 331]."
    )


def test_without_a_factor_that_tells_them_apart_labels_do(said):
    found = {
        "concat, resnet50": settings(training={"learning_rate": 0.01}),
        "concat, vgg16": settings(backbone="vgg16"),
        "none, resnet50": settings("none"),
        "none, vgg16": settings("none", "vgg16"),
    }
    factors = ("fusion.name", "backbone.name")
    assert said(found, factors) == "'concat, resnet50': training.learning_rate 0.01 (others 0.003)."


def test_an_estimator_without_a_network_lacks_its_settings_by_nature(said):
    alone = {"fusion": {"name": "metadata-only"}, "metadata": {"fields": ["age"]}}
    found = of_fusions("none", "concat", concat={"training": {"learning_rate": 0.01}}) | {"alone": alone}
    factors, adjusted = ("fusion.name",), ("training.learning_rate",)
    assert said(of_fusions("none", "concat") | {"alone": alone}, factors, adjusted) is None
    assert said(found, factors, adjusted) == "concat: training.learning_rate 0.01 (others 0.003)."


def test_pooled_features_follow_from_the_fusion(said):
    found = {
        name: settings(name) | {"backbone": {"name": "m", "features": kind}}
        for name, kind in (("concat", "pooled"), ("soft-attention", "map"))
    }
    assert said(found) is None
    assert said(found, adjusted=("backbone.features",)) == "soft-attention: backbone.features map (others pooled)."


def test_tables_across_arms_say_it_of_each_arm(make_study):
    results, contexts = {}, {}
    for arm, rate in (("one", 0.01), ("two", 0.003)):
        study = make_study()
        found = of_fusions("none", "concat", concat={"training": {"learning_rate": rate}})
        results[arm] = [study.result(one, 1.0, label=label) for label, one in found.items()]
        contexts[arm] = dataclasses.replace(study.context(results[arm]), factors=("fusion.name",))
    (table,) = build_arm_tables([TableSpecification(name="t", title="T", kind="arms")], results, contexts)
    assert f"one: {START}concat: training.learning_rate 0.01 (others 0.003)." in table.notes
    assert not any(note.startswith(f"two: {START}") for note in table.notes)


def test_a_list_of_names_is_said_as_people_read_it(said):
    found = of_fusions("none", "concat", concat={"augmentation": {"kinds": ["flip", "crop"]}})
    found["none"] |= {"augmentation": {"kinds": ["flip"]}}
    assert said(found, adjusted=("augmentation.kinds",)) == "concat: augmentation.kinds flip + crop (others flip)."
