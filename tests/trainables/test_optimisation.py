"""Optimisers, learning rates and stopping: numbers by hand, and torch's own plateau schedule as the peer."""

import pytest
import torch
from pydantic import ValidationError

from models.backbones import create_backbone
from models.fused import FusedModel
from models.fusions import create_fusion
from models.gates import gate_parameters
from models.heads import Heads
from trainables.optimisation import TrainingSettings, create_optimiser
from trainables.schedule import best_epoch, has_stalled, learning_rate


def entries(*losses: float | None, mcr: float | None = None) -> list[dict]:
    return [{"loss": loss, "inner": {"loss": loss, "mcr": mcr, "auc": None}} for loss in losses]


def model() -> FusedModel:
    fusion = create_fusion("none", 4, 3)
    return FusedModel(fusion, Heads(fusion.out_features, [2]))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"schedule": "cosine", "epochs": 4}, [1.0, 0.8536, 0.5, 0.1464]),  # (1 + cos(pi e / 4)) / 2
        ({"schedule": "step", "steps": (2, 3), "factor": 0.1}, [1.0, 1.0, 0.1, 0.01]),
        ({}, [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_schedules_by_hand(settings, expected):
    training = TrainingSettings(learning_rate=1.0, **settings)
    rates = [learning_rate(training, entries(*[0.5] * epoch)) for epoch in range(4)]
    assert [round(rate, 4) for rate in rates] == expected


@pytest.mark.parametrize("monitor", ["training-loss", "inner-loss", "inner-mcr"])
@pytest.mark.parametrize("patience", [0, 1, 2])
@pytest.mark.parametrize("minimum", [0.0, 0.005])
def test_the_plateau_schedule_is_that_of_torch(monitor, patience, minimum):
    values = [0.9, 0.8, 0.8, 0.80001, 0.79995, 0.85, 0.7, 0.7, 0.71, 0.72, 0.73, 0.69, 0.75, 0.75, 0.76, 0.77]
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    mode = "max" if monitor == "inner-mcr" else "min"
    peer = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, mode=mode, factor=0.1, patience=patience, min_lr=minimum
    )
    training = TrainingSettings(
        learning_rate=1.0, schedule="plateau", factor=0.1, patience=patience, minimum_rate=minimum, monitor=monitor,
        inner_share=0.1,
    )  # fmt: skip
    history = []
    for value in values:
        assert learning_rate(training, history) == pytest.approx(optimiser.param_groups[0]["lr"])
        name = monitor.removeprefix("inner-")
        history.append({"loss": value if monitor == "training-loss" else 9.0, "inner": {name: value}})
        peer.step(value)
    assert learning_rate(training, history) < 1.0


def test_early_stopping_waits_for_the_best_epoch_to_lie_far_enough_back():
    training = TrainingSettings(early_stopping=2, inner_share=0.1)
    assert not has_stalled(training, [])
    assert not has_stalled(training, entries(0.5, 0.6))
    assert has_stalled(training, entries(0.5, 0.6, 0.5))  # an equal value is no improvement
    assert not has_stalled(training, entries(0.5, 0.6, 0.4))
    assert best_epoch(training, entries(0.5, 0.6, 0.4, 0.4)) == 2
    assert not has_stalled(TrainingSettings(), entries(*[0.5] * 50))


def test_an_undefined_score_is_no_improvement():
    training = TrainingSettings(early_stopping=2, inner_share=0.1)
    assert has_stalled(training, entries(0.5, None, None))
    assert not has_stalled(training, entries(None, None, 0.9))


def test_optimisers_get_their_constants():
    sgd = create_optimiser(TrainingSettings(optimiser="sgd", momentum=0.8, weight_decay=1e-4), model()).defaults
    assert (sgd["momentum"], sgd["nesterov"], sgd["weight_decay"]) == (0.8, True, 1e-4)
    adam = create_optimiser(TrainingSettings(epsilon=0.1, betas=(0.8, 0.9), amsgrad=True), model()).defaults
    assert (adam["eps"], adam["betas"], adam["amsgrad"]) == (0.1, (0.8, 0.9), True)
    assert isinstance(create_optimiser(TrainingSettings(optimiser="adamw"), model()), torch.optim.AdamW)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "plateau"}, "schedule=plateau reads the inner part"),
        ({"early_stopping": 3}, "early_stopping or restore_best reads the inner part"),
        ({"restore_best": True}, "set training.inner_share"),
        ({"betas": (0.9, 1.0)}, "betas"),
        ({"schedule": "step"}, "needs training.steps"),
        ({"optimiser": "sgd", "momentum": 0.0}, "nesterov=true needs"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        TrainingSettings(**settings)


def test_what_has_no_effect_is_not_part_of_a_configuration():
    plain = TrainingSettings().canonical(fine_tuned=False)
    idle = TrainingSettings(momentum=0.5, nesterov=False, factor=0.5, patience=3, minimum_rate=0.1, new_layer_factor=10)
    assert idle.canonical(fine_tuned=False) == plain
    assert idle.canonical(fine_tuned=True)["new_layer_factor"] == 10
    assert "monitor" not in plain
    assert TrainingSettings(early_stopping=3, monitor="training-loss").canonical(fine_tuned=False)["monitor"]


def test_gates_inside_the_backbone_learn_at_the_rate_of_new_layers():
    gate = {"name": "zoom-se", "reduction": 16, "pool": 4, "position": "after"}
    backbone = create_backbone("test_resnet", image_size=(32, 32), gate=gate)
    fusion = create_fusion("none", backbone.channels, 0)
    model = FusedModel(fusion, Heads(fusion.out_features, [2]), backbone)
    new, pretrained = create_optimiser(TrainingSettings(new_layer_factor=10.0), model).param_groups
    assert {id(parameter) for parameter in gate_parameters(backbone)} < {id(parameter) for parameter in new["params"]}
    assert len(new["params"]) + len(pretrained["params"]) == len(list(model.parameters()))
    assert (new["factor"], pretrained["factor"]) == (10.0, 1.0)
