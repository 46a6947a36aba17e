"""Labels: what varies, in the words of the papers, and as briefly as it can be told apart."""

import pytest

from searchspace.grid import expand, label
from searchspace.study import validate_study
from trainables.configuration import Configuration

STUDY = {
    "name": "labels",
    "question": "How is it called?",
    "cohort": {"name": "phantom"},
    "tables": [{"name": "t", "title": "T", "kind": "leaderboard"}],
}
FINE_TUNED = {"backbone": {"name": "test_resnet", "frozen_stages": 0}}


def labels(scientific, **fixed) -> list[str]:
    return list(expand(validate_study(STUDY | {"scientific": scientific, "fixed": fixed})))


def test_a_fusion_that_does_without_metadata_is_named_with_it():
    assert labels({"fusion.name": ["none", "soft-attention"], "metadata.fields": [[], ["age"]]}) == [
        "image only",
        "soft-attention image only",
        "soft-attention age",
    ]


def test_estimators_and_gates_speak_for_themselves():
    estimators = ["logistic-regression", "gradient-boosting"]
    metadata = {"fields": ["age", "sex"]}
    fusions = ["late", "metadata-only"]
    assert labels({"fusion.name": fusions, "fusion.estimator": estimators}, metadata=metadata) == [
        "late age + sex, logistic-regression",
        "late age + sex, gradient-boosting",
        "metadata-only age + sex, logistic-regression",
        "metadata-only age + sex, gradient-boosting",
    ]
    assert labels({"backbone.gate": ["none", "zoom-se"], "backbone.name": ["test_resnet"]}, **FINE_TUNED) == [
        "test_resnet",
        "test_resnet, zoom-se",
    ]


def test_what_images_share_is_said_where_it_has_an_effect_even_if_it_is_the_default():
    scientific = {
        "modalities.encoder": ["shared", "individual"],
        "modalities.attention": ["none", "shared"],
        "modalities.attention_stages": [[4]],
        "modalities.normalisation": ["shared"],
        "loss.bias": [0.7],
    }
    assert labels(scientific, **FINE_TUNED, modalities={"heads": "separate"}) == [
        "bias 0.7, no attention, shared encoder, shared normalisation",
        "bias 0.7, shared attention, stages 4, shared encoder, shared normalisation",
        "bias 0.7, no attention, individual encoder",
        "bias 0.7, shared attention, stages 4, individual encoder",
    ]


def test_fusion_and_fields_are_left_out_where_all_have_the_same_and_something_else_varies():
    losses = {"loss.name": ["cross-entropy", "focal"]}
    assert labels(losses, fusion={"name": "none"}) == ["cross-entropy", "focal"]
    assert labels(losses, fusion={"name": "film"}, metadata={"fields": ["age"]}) == ["cross-entropy", "focal"]
    assert labels({"fusion.name": ["none"]}) == ["image only"]
    assert labels({"fusion.name": ["concat"], "metadata.fields": [["age"], ["sex"]]} | losses)[0] == (
        "concat age, cross-entropy"
    )


@pytest.mark.parametrize(("count", "said"), [(5, "a + b + c + d + e"), (6, "6 fields")])
def test_many_fields_are_counted(count, said):
    configuration = Configuration.of({"metadata": {"fields": list("abcdef")[:count]}})
    assert label(configuration, []) == f"concat {said}"
    assert label(configuration, [], fields=False) == "concat"
