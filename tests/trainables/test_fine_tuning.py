"""Fold fits that train their backbone: what is trained, what is frozen, memory, checkpoints, and the same numbers."""

import dataclasses
import hashlib
import io

import numpy as np
import pytest
import torch
from array_cohorts import cohort_of

from analysis.errors import StorageError
from analysis.ledger import Ledger
from analysis.ledger.storage import Storage
from trainables.checkpoints import Checkpoints
from trainables.configuration import Configuration
from trainables.data import open_data
from trainables.events import EpochEnded, FitEnded, TrialDropped
from trainables.fit import FoldFit
from trainables.folds import FoldSettings
from trainables.planning import TrialContext, plan_trial, splits_for
from trainables.trial import run_trial

COHORT = cohort_of(list("abbabaabbabaabba") * 2)
FOLDS = FoldSettings(folds=2)


def settings(training=None, **sections) -> Configuration:
    base = {
        "backbone": {"name": "test_resnet", "frozen_stages": 0},
        "image": {"size": [32, 32]},
        "augmentation": {"flip_horizontal": 0.5, "brightness": [0.8, 1.2]},
        "training": {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, "optimiser": "sgd", **(training or {})},
    }
    return Configuration.of({**base, **sections})


def context_of(tmp_path, configuration, **changes) -> TrialContext:
    splits = splits_for(COHORT, FOLDS, [configuration])
    return TrialContext(
        cohort=COHORT, folds=FOLDS, splits=splits, ledger=Ledger(tmp_path / "ledger"), cache=tmp_path / "cache",
        weights={}, **changes,
    )  # fmt: skip


def fit_of(configuration, tmp_path, **options) -> FoldFit:
    context = context_of(tmp_path, configuration)
    data = open_data(context.features_of(configuration), configuration, context.cache, workers=1)
    return FoldFit(configuration, context.splits_of(configuration)[0], COHORT, data, seed=0, threads=1, **options)


def probabilities(outcome) -> np.ndarray:
    return outcome.predictions.filter(like="probability:").to_numpy()


def run(configuration, tmp_path, **options) -> FoldFit:
    fit = fit_of(configuration, tmp_path, **options)
    list(fit.run())
    return fit


def test_every_layer_learns_and_the_same_fit_gives_the_same_bytes(tmp_path):
    fit = fit_of(settings(), tmp_path)
    before = {name: parameter.detach().clone() for name, parameter in fit.model.named_parameters()}
    list(fit.run())
    assert [name for name, p in fit.model.named_parameters() if torch.equal(p, before[name])] == []
    assert fit.outcome.predictions.equals(run(settings(), tmp_path).outcome.predictions)


def test_frozen_stages_do_not_move_and_their_statistics_neither(tmp_path):
    fit = fit_of(settings(backbone={"name": "test_resnet", "frozen_stages": 2}), tmp_path)
    frozen = {name for stage in fit.model.backbone.stages[:2] for name in stage}
    before = {name: value.clone() for name, value in fit.model.backbone.network.state_dict().items()}
    list(fit.run())
    after = fit.model.backbone.network.state_dict()
    owners = {name.rpartition(".")[0] for name in frozen}
    for name, value in before.items():
        if name.rpartition(".")[0] in owners:
            assert torch.equal(value, after[name]), name
        elif name.endswith("running_mean"):
            assert not torch.equal(value, after[name]), name
    assert frozen


def test_new_layers_learn_at_their_own_rate(tmp_path):
    fit = run(settings(training={"new_layer_factor": 10.0, "schedule": "step", "steps": [2], "epochs": 3}), tmp_path)
    assert [group["lr"] for group in fit.optimiser.param_groups] == pytest.approx([0.01, 0.001])  # after the step
    new = {id(parameter) for parameter in fit.optimiser.param_groups[0]["params"]}
    assert new == {id(p) for module in (fit.model.fusion, fit.model.heads) for p in module.parameters()}


def test_micro_batches_give_the_gradient_of_the_whole_batch(tmp_path):
    """A network without batch normalisation cannot tell; the loss is a weighted mean, with uneven weights per part."""
    configuration = settings(
        backbone={"name": "test_convnext", "frozen_stages": 0}, loss={"name": "weighted-cross-entropy"}
    )
    whole, parts = (run(configuration, tmp_path, micro_batches=count) for count in (1, 3))
    np.testing.assert_allclose(probabilities(whole.outcome), probabilities(parts.outcome), atol=2e-5)
    assert parts.outcome.cost["micro_batches"] == 3
    assert "micro_batches" not in whole.outcome.cost


def test_a_clipped_gradient_is_no_longer_than_asked(tmp_path):
    fit = fit_of(settings(training={"gradient_clip": 1e-3}), tmp_path)
    fit.inputs.start_epoch(0)
    fit.step(torch.arange(8), np.random.default_rng(0))
    norm = torch.stack([p.grad.norm() for p in fit.model.parameters() if p.grad is not None]).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)


def test_bfloat16_is_close_and_another_key(tmp_path):
    low, high = settings(training={"precision": "bfloat16"}), settings()
    distance = np.abs(probabilities(run(low, tmp_path).outcome) - probabilities(run(high, tmp_path).outcome)).max()
    assert 0.0 < distance < 0.1
    identity = plan_trial("x", low, context_of(tmp_path, low)).fits[0].identity
    assert identity["precision"] == "bfloat16"


def test_early_stopping_ends_a_fit_and_the_best_weights_predict(tmp_path, monkeypatch):
    scores = iter([0.5, 0.9, 0.4, 0.3, 0.2])
    monkeypatch.setattr(FoldFit, "_watch", lambda self: {"loss": 1.0, "mcr": next(scores), "auc": None})
    training = {
        "epochs": 5, "early_stopping": 2, "restore_best": True, "monitor": "inner-mcr", "inner_share": 0.25,
    }  # fmt: skip
    stopped = run(settings(training=training), tmp_path)
    assert [entry["epoch"] for entry in stopped.outcome.history] == [1, 2, 3, 4]
    scores = iter([0.5, 0.9])
    two = {**training, "epochs": 2, "early_stopping": 0}
    short = run(settings(training=two), tmp_path)
    np.testing.assert_array_equal(probabilities(stopped.outcome), probabilities(short.outcome))


def test_a_random_crop_trains_and_the_centre_is_evaluated(tmp_path):
    configuration = settings(image={"size": [40, 40]}, augmentation={"crop": [32, 32]})
    assert configuration.input_size == (32, 32)
    fit = run(configuration, tmp_path)
    assert fit.inputs.evaluation(torch.arange(2)).shape == (2, 1, 3, 32, 32)
    assert fit.outcome.state == "done"


def test_a_killed_fit_goes_on_from_its_checkpoint(tmp_path):
    configuration = settings(head={"dropout": 0.5}, training={"momentum": 0.9})
    context = context_of(tmp_path, configuration)
    trial = plan_trial("x", configuration, context)
    events = run_trial(trial, context, workers=1)
    assert [next(events).epoch for _ in range(2)] == [1, 2]
    events.close()  # as a kill does: nothing after the checkpoint of epoch 2 is written
    assert [path.stem for path in (tmp_path / "ledger" / "checkpoints").iterdir()] == [trial.fits[0].key]
    again = list(run_trial(trial, context, workers=1))
    assert [event.epoch for event in again if isinstance(event, EpochEnded)] == [3, 1, 2, 3]
    assert not list((tmp_path / "ledger" / "checkpoints").iterdir())
    whole = context_of(tmp_path / "whole", configuration)
    list(run_trial(trial, whole, workers=1))
    for fit in trial.fits:
        one, other = (ledger.predictions(ledger.get(fit.key)) for ledger in (context.ledger, whole.ledger))
        assert one.equals(other)
        assert [e["epoch"] for e in context.ledger.get(fit.key).history] == [1, 2, 3]


def test_a_damaged_checkpoint_is_no_checkpoint(tmp_path):
    configuration = settings()
    context = context_of(tmp_path, configuration)
    trial = plan_trial("x", configuration, context)
    context.ledger.storage.write(f"checkpoints/{trial.fits[0].key}.pt", b"PK half a file")
    ended = [event for event in run_trial(trial, context, workers=1) if isinstance(event, FitEnded)]
    assert [event.state for event in ended] == ["done", "done"]


def test_a_checkpoint_with_one_changed_number_is_no_checkpoint(tmp_path):
    configuration = settings(training={"epochs": 2})
    context = context_of(tmp_path, configuration)
    trial = plan_trial("x", configuration, context)
    events = run_trial(trial, context, workers=1)
    next(events)
    events.close()
    path = tmp_path / "ledger" / "checkpoints" / f"{trial.fits[0].key}.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    (path.parent / f".{path.name}.half").write_bytes(b"what a killed process was writing")
    again = list(run_trial(trial, context, workers=1))
    assert [event.epoch for event in again if isinstance(event, EpochEnded)] == [1, 2, 1, 2]
    assert not list(path.parent.iterdir())


def test_a_checkpoint_of_another_shape_is_no_checkpoint(tmp_path):
    configuration = settings(training={"epochs": 2})
    context = context_of(tmp_path, configuration)
    trial = plan_trial("x", configuration, context)
    Checkpoints(context.ledger.storage).save(trial.fits[0].key, {"model": {}}, 1)
    ended = [event for event in run_trial(trial, context, workers=1) if isinstance(event, FitEnded)]
    assert [event.state for event in ended] == ["done", "done"]


def test_a_full_disk_costs_the_checkpoint_and_not_the_fit(tmp_path, monkeypatch):
    def full(self, key, state, micro_batches):
        raise StorageError("cannot write: no space left on device")

    monkeypatch.setattr(Checkpoints, "save", full)
    configuration = settings()
    context = context_of(tmp_path, configuration)
    ended = [
        e for e in run_trial(plan_trial("x", configuration, context), context, workers=1) if isinstance(e, FitEnded)
    ]
    assert [event.state for event in ended] == ["done", "done"]


def test_out_of_memory_cuts_the_batches_and_is_recorded(tmp_path, monkeypatch):
    configuration = settings()
    context = context_of(tmp_path, configuration)
    trial = plan_trial("x", configuration, context)
    original = FoldFit.step

    def short_of_memory(self, rows, drops):
        if len(rows) // self.micro_batches > 4:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return original(self, rows, drops)

    monkeypatch.setattr(FoldFit, "step", short_of_memory)
    ended = [event for event in run_trial(trial, context, workers=1) if isinstance(event, FitEnded)]
    assert [event.state for event in ended] == ["done", "done"]
    record = context.ledger.get(trial.fits[0].key)
    assert record.cost["micro_batches"] == 2
    assert record.identity["batch"] == 8
    assert Checkpoints(context.ledger.storage).load(record.key, "cpu") == (None, 1)
    expected = run(configuration, tmp_path, micro_batches=2).outcome.predictions
    assert context.ledger.predictions(record).equals(expected)


def test_memory_that_no_smaller_batch_mends_is_a_failure(tmp_path, monkeypatch):
    configuration = settings()
    context = context_of(tmp_path, configuration)

    def never(self, rows, drops):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(FoldFit, "step", never)
    ended = list(run_trial(plan_trial("x", configuration, context), context, workers=1))
    assert {event.state for event in ended} == {"failed"}
    assert "out of memory" in ended[0].reason


def test_a_judge_ends_a_trial_with_its_evidence(tmp_path):
    configuration = settings()
    context = context_of(tmp_path, configuration)
    trial = plan_trial("x", configuration, context)

    def judge(identifier, event):
        assert identifier == trial.identifier
        late = isinstance(event, EpochEnded) and (event.fold, event.epoch) == (1, 2)
        return TrialDropped(rule="racing", evidence={"epoch": event.epoch}) if late else None

    events = list(run_trial(trial, context, workers=1, judge=judge))
    assert [type(event) for event in events[-3:]] == [EpochEnded, EpochEnded, TrialDropped]
    assert events[-1].evidence == {"epoch": 2}
    assert len(context.ledger.keys()) == 1
    assert not list((tmp_path / "ledger" / "checkpoints").iterdir())


def test_only_some_fold_fits_are_run_when_asked(tmp_path):
    configuration = settings()
    context = context_of(tmp_path, configuration)
    trial = plan_trial("x", configuration, context)
    ended = [e for e in run_trial(trial, context, workers=1, fits=trial.fits[1:]) if isinstance(e, FitEnded)]
    assert [event.fold for event in ended] == [1]


def test_what_only_frozen_features_use_is_no_part_of_a_fine_tuned_key(tmp_path):
    backbone = {"name": "test_resnet", "frozen_stages": 0, "standardise": True, "features": "map"}
    assert settings(backbone=backbone).identifier == settings().identifier
    frozen = {"name": "test_resnet"}
    plain = settings(backbone=frozen, augmentation={})
    assert settings(backbone=frozen).identifier == plain.identifier
    assert settings().identifier != plain.identifier


def test_keys_name_the_processes_that_train_together(tmp_path):
    configuration = settings()
    context = context_of(tmp_path, configuration)
    one = plan_trial("x", configuration, context).fits[0]
    two = plan_trial("x", configuration, dataclasses.replace(context, ranks_per_fit=2)).fits[0]
    assert (one.identity["world_size"], two.identity["world_size"]) == (1, 2)
    frozen = settings(backbone={"name": "test_resnet"})
    assert plan_trial("x", frozen, dataclasses.replace(context, ranks_per_fit=2)).fits[0].identity["world_size"] == 1


@pytest.mark.parametrize(
    "content", [{"state": None, "micro_batches": 0}, {"state": [], "micro_batches": 1}, torch.zeros(2)]
)
def test_a_checkpoint_that_is_none_counts_for_nothing(tmp_path, content):
    body = io.BytesIO()
    torch.save(content, body)
    storage = Storage(tmp_path)
    storage.write("checkpoints/k.pt", hashlib.sha256(body.getvalue()).digest() + body.getvalue())
    assert Checkpoints(storage).load("k", "cpu") == (None, 1)
