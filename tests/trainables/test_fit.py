"""A fold fit: against scikit-learn and by properties; paired, repeatable, restorable, and honest about divergence."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from array_cohorts import cohort_of, grouped_cohort
from sklearn.linear_model import LogisticRegression

from analysis.ledger import Ledger
from trainables.configuration import Configuration
from trainables.data import FitData
from trainables.events import EpochEnded, FitEnded, from_report, to_report
from trainables.fit import FoldFit
from trainables.folds import FoldSettings, make_splits
from trainables.planning import TrialContext, plan_trial, splits_for
from trainables.trial import run_trial


def settings(**sections) -> Configuration:
    base = {"training": {"epochs": 4, "batch_size": 16, "learning_rate": 0.05}}
    return Configuration.of({**base, **sections})


def data_of(cohort, channels: int = 6, seed: int = 0) -> FitData:
    rng = np.random.default_rng(seed)
    labels = cohort.labels("diagnosis")
    signal = rng.normal(size=(len(cohort), channels)) + 0.8 * np.eye(channels)[labels % channels]
    return FitData(torch.tensor(signal[:, :, None, None], dtype=torch.float32), torch.from_numpy(labels[:, None]))


COHORT = grouped_cohort()
DATA = data_of(COHORT)
SPLIT = make_splits(COHORT, FoldSettings(), inner_share=0.2)[1]


def fitted(configuration: Configuration, *, data: FitData = DATA, split=SPLIT, cohort=COHORT) -> FoldFit:
    fit = FoldFit(configuration, split, cohort, data, seed=3, threads=1)
    list(fit.run())
    return fit


def test_an_image_only_head_ends_where_logistic_regression_does():
    # Full batches, many epochs and no penalty: the same convex problem, so scikit-learn's optimum is the peer.
    configuration = settings(
        loss={"name": "weighted-cross-entropy"}, fusion={"name": "none"},
        training={"epochs": 800, "batch_size": 10_000, "learning_rate": 0.05, "schedule": "cosine"},
    )  # fmt: skip
    fit = fitted(configuration)
    x, y = DATA.features.flatten(1).numpy(), DATA.targets[:, 0].numpy()
    peer = LogisticRegression(C=1e8, class_weight="balanced", max_iter=5000).fit(x[SPLIT.train], y[SPLIT.train])
    columns = [column for column in fit.outcome.predictions if column.startswith("probability:")]
    np.testing.assert_allclose(
        fit.outcome.predictions[columns].to_numpy(), peer.predict_proba(x[SPLIT.test]), atol=0.01
    )


def test_predictions_are_named_and_sum_to_one():
    table = fitted(settings()).outcome.predictions
    assert table["sample"].tolist() == COHORT.samples.index[SPLIT.test].tolist()
    assert table["group"].tolist() == COHORT.samples["group"].iloc[SPLIT.test].tolist()
    assert table["target:diagnosis"].tolist() == COHORT.samples["target:diagnosis"].iloc[SPLIT.test].tolist()
    probabilities = table[[f"probability:diagnosis:{name}" for name in "abc"]]
    assert (probabilities.dtypes == np.float32).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)


def test_the_same_fit_gives_the_same_bytes_whatever_ran_before():
    first = fitted(settings()).outcome.predictions
    torch.manual_seed(99)
    torch.rand(7)
    fitted(settings(fusion={"name": "none"}))
    assert first.equals(fitted(settings()).outcome.predictions)


def test_a_fit_leaves_the_callers_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fitted(settings(head={"dropout": 0.5}))
    assert torch.equal(torch.rand(3), expected)


def test_configurations_see_the_same_data_order(monkeypatch):
    orders: dict[str, list] = {}
    original = FoldFit.step

    def spy(self, rows, drops):
        orders.setdefault(self.configuration.fusion_name, []).append(rows.tolist())
        return original(self, rows, drops)

    monkeypatch.setattr(FoldFit, "step", spy)
    fields = {"fields": ["age"]}
    for name in ("none", "concat", "multiply"):
        fitted(settings(fusion={"name": name}, metadata=fields))
    assert orders["none"] == orders["concat"] == orders["multiply"]
    assert orders["none"][0] != orders["none"][-1]


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_a_restored_fit_ends_with_the_same_predictions(optimiser):
    sections = {
        "metadata": {"fields": ["age", "sex"], "encoding": "zero-fill", "drop_probability": 0.3},
        "head": {"dropout": 0.5},
        "training": {
            "epochs": 5,
            "batch_size": 16,
            "learning_rate": 0.05,
            "optimiser": optimiser,
            "schedule": "step",
            "steps": [2, 4],
        },
    }
    whole = fitted(settings(**sections))
    interrupted = FoldFit(settings(**sections), SPLIT, COHORT, DATA, seed=3, threads=1)
    events = interrupted.run()
    for _ in range(2):
        next(events)
    state = copy.deepcopy(interrupted.state())
    restored = FoldFit(settings(**sections), SPLIT, COHORT, DATA, seed=3, threads=1)
    restored.restore(state)
    assert [event.epoch for event in restored.run()] == [3, 4, 5]
    assert restored.outcome.predictions.equals(whole.outcome.predictions)
    assert restored.outcome.history == whole.outcome.history


def test_the_evaluation_fold_chooses_nothing():
    """Any change to evaluation rows leaves the weights, the history and the encoder as they were."""
    first = fitted(settings(metadata={"fields": ["age"]}, backbone={"standardise": True}))
    features = DATA.features.clone()
    features[SPLIT.test] = 1e3
    samples = COHORT.samples.copy()
    samples.iloc[SPLIT.test, samples.columns.get_loc("field:age")] = 0.0
    second = fitted(
        settings(metadata={"fields": ["age"]}, backbone={"standardise": True}),
        data=FitData(features, DATA.targets), cohort=dataclasses.replace(COHORT, samples=samples),
    )  # fmt: skip
    assert first.history == second.history
    for one, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_informative_metadata_helps_and_noise_does_not():
    """Age tells class b exactly (80 against 20); the features tell nothing."""
    noise = FitData(torch.zeros_like(DATA.features), DATA.targets)
    training = {"epochs": 30, "batch_size": 16, "learning_rate": 0.1}
    scores = {}
    for name in ("age", "sex"):
        fit = fitted(settings(metadata={"fields": [name]}, fusion={"name": "concat"}, training=training), data=noise)
        scores[name] = fit.outcome.metrics["mcr"]
    assert scores["age"] >= 2 / 3
    assert scores["sex"] < 0.5


def test_standardised_features_have_training_mean_zero_and_sd_one():
    fit = FoldFit(settings(backbone={"standardise": True}), SPLIT, COHORT, DATA, seed=3, threads=1)
    chosen = fit.inputs.features[SPLIT.train].flatten(1)
    torch.testing.assert_close(chosen.mean(0), torch.zeros(6), atol=1e-6, rtol=0)
    torch.testing.assert_close(chosen.std(0, correction=0), torch.ones(6), atol=1e-5, rtol=0)


def test_pooled_vectors_and_whole_maps_give_the_same_model():
    maps = torch.randn(len(COHORT), 6, 3, 4, generator=torch.Generator().manual_seed(0))
    pooled = FitData(maps.mean(dim=(2, 3), keepdim=True), DATA.targets)
    for fusion in ("concat", "multiply"):
        configuration = settings(fusion={"name": fusion}, metadata={"fields": ["age"]})
        columns = [f"probability:diagnosis:{name}" for name in "abc"]
        tables = [
            fitted(configuration, data=data).outcome.predictions[columns]
            for data in (FitData(maps, DATA.targets), pooled)
        ]
        np.testing.assert_allclose(tables[0], tables[1], atol=1e-4)


def test_several_targets_are_predicted_side_by_side():
    from trainables.cohorts import Target

    samples = COHORT.samples.assign(**{"target:colour": ["red" if row % 3 else "blue" for row in range(len(COHORT))]})
    cohort = dataclasses.replace(COHORT, samples=samples, targets=(*COHORT.targets, Target("colour", ("blue", "red"))))
    codes = torch.from_numpy(np.stack([cohort.labels("diagnosis"), cohort.labels("colour")], axis=1))
    outcome = fitted(settings(), data=FitData(DATA.features, codes), cohort=cohort).outcome
    assert [name for name in outcome.predictions if name.startswith("probability:colour:")] == [
        "probability:colour:blue",
        "probability:colour:red",
    ]
    assert 0.0 <= outcome.metrics["mcr"] <= 1.0


def context_of(tmp_path, configurations, cohort=COHORT) -> TrialContext:
    folds = FoldSettings(folds=3)
    splits = splits_for(cohort, folds, configurations)
    return TrialContext(
        cohort=cohort,
        folds=folds,
        splits=splits,
        ledger=Ledger(tmp_path / "ledger"),
        cache=tmp_path / "cache",
        weights={},
    )


SMALL = {"backbone": {"name": "test_resnet"}, "image": {"size": [32, 32]}}


def test_a_trial_fills_the_ledger_once(tmp_path):
    configuration = settings(**SMALL)
    context = context_of(tmp_path, [configuration])
    trial = plan_trial("image only", configuration, context)
    events = list(run_trial(trial, context, workers=1))
    assert [type(event) for event in events] == ([EpochEnded] * 4 + [FitEnded]) * 3
    again = list(run_trial(trial, context, workers=1))
    assert all(isinstance(event, FitEnded) and event.reused for event in again)
    assert len(again) == 3


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_non_finite_loss_is_recorded_as_diverged_and_not_tried_again(tmp_path, monkeypatch, poison):
    configuration = settings(**SMALL)
    context = context_of(tmp_path, [configuration])
    trial = plan_trial("image only", configuration, context)
    original = FoldFit.step
    monkeypatch.setattr(
        FoldFit,
        "step",
        lambda self, rows, drops: original(self, rows, drops) * (poison if self.split.fold == 1 else 1.0),
    )
    ended = [event for event in run_trial(trial, context, workers=1) if isinstance(event, FitEnded)]
    assert [event.state for event in ended] == ["done", "diverged", "done"]
    assert "epoch 1 of 4" in ended[1].reason
    monkeypatch.undo()
    again = [event for event in run_trial(trial, context, workers=1) if isinstance(event, FitEnded)]
    assert [event.reused for event in again] == [True, True, True]


def test_a_huge_learning_rate_diverges_and_says_so(tmp_path):
    configuration = settings(
        **SMALL,
        training={"epochs": 4, "optimiser": "sgd", "learning_rate": 100.0, "weight_decay": 10.0, "batch_size": 8},
    )
    context = context_of(tmp_path, [configuration])
    ended = [
        e for e in run_trial(plan_trial("x", configuration, context), context, workers=1) if isinstance(e, FitEnded)
    ]
    assert {event.state for event in ended} == {"diverged"}


def test_a_fit_that_raises_is_recorded_with_its_reason_and_tried_again(tmp_path, monkeypatch):
    configuration = settings(**SMALL)
    context = context_of(tmp_path, [configuration])
    trial = plan_trial("image only", configuration, context)

    def fail(self, rows, drops):
        raise RuntimeError("out of\nmemory")

    monkeypatch.setattr(FoldFit, "step", fail)
    ended = list(run_trial(trial, context, workers=1))
    assert [(event.state, event.reason) for event in ended] == [("failed", "RuntimeError: out of memory")] * 3
    monkeypatch.undo()
    ended = [event for event in run_trial(trial, context, workers=1) if isinstance(event, FitEnded)]
    assert [event.state for event in ended] == ["done"] * 3


def test_an_unreadable_image_fails_the_fits_and_not_the_run(tmp_path):
    class Unreadable:
        def read(self, row, image):
            raise OSError("gone")

    cohort = dataclasses.replace(cohort_of(list("ababababab")), images=Unreadable())
    configuration = settings(**SMALL)
    context = context_of(tmp_path, [configuration], cohort)
    ended = list(run_trial(plan_trial("x", configuration, context), context, workers=1))
    assert {event.state for event in ended} == {"failed"}
    assert "cannot be read: gone" in ended[0].reason


def test_events_cross_a_process_as_plain_json():
    events = [
        EpochEnded(repeat=0, fold=1, epoch=2, epochs=3, loss=0.5, learning_rate=0.1, inner={"mcr": 0.5, "auc": None}),
        FitEnded(repeat=0, fold=1, key="k", state="done", reused=False, metrics={"mcr": 0.5}),
    ]
    import json

    assert from_report(json.loads(json.dumps(to_report(events)))) == events


def test_keys_change_with_what_decides_the_numbers_and_with_nothing_else(tmp_path):
    base = settings(**SMALL, metadata={"fields": ["age", "sex"]}, fusion={"name": "concat"})
    context = context_of(tmp_path, [base])

    def key(configuration=base, context=context):
        return plan_trial("any label", configuration, context).fits[0].key

    assert key() == key(settings(**SMALL, metadata={"fields": ["sex", "age"]}, fusion={"name": "concat", "depth": 0}))
    changes = [
        settings(**SMALL, metadata={"fields": ["age"]}, fusion={"name": "concat"}),
        settings(**SMALL, metadata={"fields": ["age", "sex"]}, fusion={"name": "multiply"}),
        settings(**SMALL, metadata={"fields": ["age", "sex"]}, fusion={"name": "concat"}, head={"dropout": 0.1}),
        settings(
            **SMALL,
            metadata={"fields": ["age", "sex"]},
            fusion={"name": "concat"},
            training={"epochs": 5, "batch_size": 16, "learning_rate": 0.05},
        ),
    ]
    others = {key(change) for change in changes}
    others |= {key(context=dataclasses.replace(context, threads=2))}
    others |= {key(context=dataclasses.replace(context, folds=FoldSettings(folds=3, seed=1)))}
    others |= {key(context=dataclasses.replace(context, cohort=dataclasses.replace(COHORT, fingerprint="0" * 64)))}
    assert len(others) == 7
    assert key() not in others
    assert (
        key(context=dataclasses.replace(context, cache=tmp_path / "elsewhere", ledger=Ledger(tmp_path / "other")))
        == key()
    )


def test_repeats_can_be_added_without_touching_what_is_done(tmp_path):
    base = settings(**SMALL)
    one = context_of(tmp_path, [base])
    folds = FoldSettings(folds=3, repeats=2)
    two = dataclasses.replace(one, folds=folds, splits=splits_for(COHORT, folds, [base]))
    before, after = ([fit.key for fit in plan_trial("x", base, context).fits] for context in (one, two))
    assert after[:3] == before
    assert len(set(after)) == 6
