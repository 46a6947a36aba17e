"""How a model is trained: optimiser, learning-rate schedule, epochs, batch and the inner validation part."""

import math
from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from pydantic import Field, model_validator

from trainables.settings import Settings

TRAINING_VERSION = 1
"""Raised by hand when the numbers of the training loop change."""


class TrainingSettings(Settings):
    """Optimiser and schedule; `inner_share` of the training groups is watched and never trained on, 0 cuts none."""

    epochs: int = Field(default=30, ge=1, le=10_000)
    batch_size: int = Field(default=128, ge=1, le=65_536)
    optimiser: Literal["sgd", "adam", "adamw"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0.0, le=100.0)
    weight_decay: float = Field(default=0.0, ge=0.0, le=10.0)
    momentum: float = Field(default=0.9, ge=0.0, lt=1.0)
    nesterov: bool = True
    epsilon: float = Field(default=1e-8, gt=0.0, le=1.0)
    schedule: Literal["constant", "cosine", "step"] = "constant"
    steps: tuple[int, ...] = ()
    factor: float = Field(default=0.1, gt=0.0, lt=1.0)
    inner_share: float = Field(default=0.0, ge=0.0, le=0.5)

    @model_validator(mode="after")
    def _steps_belong_to_step(self) -> "TrainingSettings":
        if (self.schedule == "step") != bool(self.steps):
            raise ValueError("training.schedule=step needs training.steps, a list of epochs, and only it takes them")
        if any(step < 1 for step in self.steps) or list(self.steps) != sorted(set(self.steps)):
            raise ValueError(f"training.steps={list(self.steps)} must be rising epoch numbers from 1")
        if self.nesterov and self.optimiser == "sgd" and self.momentum == 0.0:
            raise ValueError("training.nesterov=true needs a training.momentum above 0; or say training.nesterov=false")
        return self

    def canonical(self) -> dict[str, Any]:
        """Return the settings that have an effect, as plain JSON."""
        unused = {"momentum", "nesterov"} if self.optimiser != "sgd" else {"epsilon"}
        unused |= set() if self.schedule == "step" else {"steps", "factor"}
        return self.model_dump(mode="json", exclude=unused)


def create_optimiser(settings: TrainingSettings, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Return the optimiser over `parameters`."""
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimiser == "sgd":
        return torch.optim.SGD(
            parameters, lr=rate, weight_decay=decay, momentum=settings.momentum, nesterov=settings.nesterov
        )
    kind = torch.optim.Adam if settings.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, lr=rate, weight_decay=decay, eps=settings.epsilon)


def create_schedule(settings: TrainingSettings) -> Callable[[int], float]:
    """Return the learning rate of an epoch (from 0): constant, cosine to zero, or times `factor` after each step."""
    if settings.schedule == "cosine":
        return lambda epoch: settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * epoch / settings.epochs))
    if settings.schedule == "step":
        return lambda epoch: settings.learning_rate * settings.factor ** sum(epoch >= step for step in settings.steps)
    return lambda epoch: settings.learning_rate
