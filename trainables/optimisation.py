"""How a model is trained: optimiser, learning rates, epochs, batch and the inner validation part."""

from typing import Any, Literal

import torch
from pydantic import Field, model_validator

from models.fused import FusedModel
from models.gates import gate_parameters
from trainables.settings import Settings

TRAINING_VERSION = 1
"""Raised by hand when the numbers of the training loop change."""

Monitor = Literal["inner-loss", "inner-mcr", "inner-auc", "training-loss"]
FINE_TUNING = {"new_layer_factor"}
"""Settings that mean something only when the backbone is trained."""


class TrainingSettings(Settings):
    """Optimiser, schedule and stopping; `inner_share` of the training groups is watched and never trained on.

    `new_layer_factor`: fusion and heads learn at `learning_rate` times this. `factor`, `patience` and `minimum_rate`
    belong to the schedule plateau (the first also to step), `monitor` to plateau, `early_stopping` (epochs without
    improvement, 0: off) and `restore_best` (predict with the weights of the best epoch). `gradient_clip`: largest norm
    of the gradient. `precision`: bfloat16 computes the forward pass under autocast.
    """

    epochs: int = Field(default=30, ge=1, le=10_000)
    batch_size: int = Field(default=128, ge=1, le=65_536)
    optimiser: Literal["sgd", "adam", "adamw"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0.0, le=100.0)
    new_layer_factor: float = Field(default=1.0, gt=0.0, le=10_000.0)
    weight_decay: float = Field(default=0.0, ge=0.0, le=10.0)
    momentum: float = Field(default=0.9, ge=0.0, lt=1.0)
    nesterov: bool = True
    betas: tuple[float, float] = (0.9, 0.999)
    amsgrad: bool = False
    epsilon: float = Field(default=1e-8, gt=0.0, le=1.0)
    schedule: Literal["constant", "cosine", "step", "plateau"] = "constant"
    steps: tuple[int, ...] = ()
    factor: float = Field(default=0.1, gt=0.0, lt=1.0)
    patience: int = Field(default=10, ge=0, le=10_000)
    minimum_rate: float = Field(default=0.0, ge=0.0, le=100.0)
    monitor: Monitor = "inner-loss"
    early_stopping: int = Field(default=0, ge=0, le=10_000)
    restore_best: bool = False
    gradient_clip: float | None = Field(default=None, gt=0.0)
    precision: Literal["float32", "bfloat16"] = "float32"
    inner_share: float = Field(default=0.0, ge=0.0, le=0.5)

    @model_validator(mode="after")
    def _steps_belong_to_step(self) -> "TrainingSettings":
        if (self.schedule == "step") != bool(self.steps):
            raise ValueError("training.schedule=step needs training.steps, a list of epochs, and only it takes them")
        if any(step < 1 for step in self.steps) or list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"training.steps={list(self.steps)} must be rising epoch numbers from 1")
        return self

    @model_validator(mode="after")
    def _optimiser_can_be_built(self) -> "TrainingSettings":
        if self.nesterov and self.optimiser == "sgd" and self.momentum == 0.0:
            raise ValueError("training.nesterov=true needs a training.momentum above 0; or say training.nesterov=false")
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise ValueError(f"training.betas={list(self.betas)} must be two numbers from 0 to below 1")
        return self

    @model_validator(mode="after")
    def _inner_part_is_cut_for_what_reads_it(self) -> "TrainingSettings":
        if self.monitors and self.monitor != "training-loss" and not self.inner_share:
            reader = "schedule=plateau" if self.schedule == "plateau" else "early_stopping or restore_best"
            raise ValueError(
                f"training.{reader} reads the inner part (monitor={self.monitor}); set training.inner_share, "
                "for example 0.1, or training.monitor=training-loss"
            )
        return self

    @property
    def monitors(self) -> bool:
        """Whether anything reads `monitor`."""
        return self.schedule == "plateau" or bool(self.early_stopping) or self.restore_best

    def canonical(self, *, fine_tuned: bool) -> dict[str, Any]:
        """Return the settings that have an effect, as plain JSON."""
        unused = {"momentum", "nesterov"} if self.optimiser != "sgd" else {"epsilon", "betas", "amsgrad"}
        unused |= set() if self.schedule == "step" else {"steps"}
        unused |= set() if self.schedule in ("step", "plateau") else {"factor"}
        unused |= set() if self.schedule == "plateau" else {"patience", "minimum_rate"}
        unused |= set() if self.monitors else {"monitor"}
        unused |= set() if fine_tuned else FINE_TUNING
        kept = self.model_dump(mode="json", exclude=unused)
        switched_off = {"early_stopping": 0, "restore_best": False, "gradient_clip": None, "amsgrad": False}
        return {name: value for name, value in kept.items() if switched_off.get(name, ...) != value}


def create_optimiser(settings: TrainingSettings, model: FusedModel) -> torch.optim.Optimizer:
    """Return the optimiser over the parameters that are trained; each group knows its `factor` of the learning rate."""
    rate, decay = settings.learning_rate, settings.weight_decay
    groups = _groups(settings, model)
    if settings.optimiser == "sgd":
        return torch.optim.SGD(
            groups, lr=rate, weight_decay=decay, momentum=settings.momentum, nesterov=settings.nesterov
        )
    kind = torch.optim.Adam if settings.optimiser == "adam" else torch.optim.AdamW
    return kind(
        groups, lr=rate, weight_decay=decay, betas=settings.betas, eps=settings.epsilon, amsgrad=settings.amsgrad
    )


def _groups(settings: TrainingSettings, model: FusedModel) -> list[dict[str, Any]]:
    """The new layers, gates inside the backbone among them, and the part of the backbone that is not frozen."""
    if model.backbone is None:
        return [{"params": list(model.parameters()), "factor": 1.0}]
    gates = {id(parameter) for parameter in gate_parameters(model.backbone)}
    pretrained = {id(parameter) for parameter in model.backbone.parameters()} - gates
    new = [parameter for parameter in model.parameters() if id(parameter) not in pretrained]
    backbone = [p for p in model.backbone.parameters() if p.requires_grad and id(p) in pretrained]
    groups: list[dict[str, Any]] = [{"params": new, "factor": settings.new_layer_factor}]
    return groups + ([{"params": backbone, "factor": 1.0}] if backbone else [])
