"""Losses of one or more categorical targets, and the class weights they take from a training part's counts.

Class-weight formulas as met in the papers' code: (a) N / (C n_c), (b) (N - n_c) / n_c and (c) 1 / n_c normalised to sum
1, (d) N / n_c, (e) n_max / n_c, (f) median frequency / frequency. a, c, d and e differ by a constant factor only, which
cancels in a weighted mean but scales the learning rate where the batch size divides. Focal loss: Lin et al. 2017.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn
from torch.nn import functional

from models.errors import InputError
from models.registry import Registry
from trainables.settings import Settings

WeightFormula = Literal["none", "balanced", "complement", "inverse", "frequency", "maximum", "median-frequency"]

# From the counts of the classes that are present, all above zero, to their weights.
FORMULAS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "balanced": lambda counts: counts.sum() / (len(counts) * counts),
    "complement": lambda counts: _normalised((counts.sum() - counts) / counts),
    "inverse": lambda counts: _normalised(1.0 / counts),
    "frequency": lambda counts: counts.sum() / counts,
    "maximum": lambda counts: counts.max() / counts,
    "median-frequency": lambda counts: np.median(counts) / counts,
}


def class_weights(formula: str, counts: np.ndarray) -> np.ndarray:
    """Return a weight per class, float64 (C,), from its number of training samples (C,).

    N and C of the formulas count the classes that are present; an absent class gets 0 (1 with formula "none").
    InputError when the formula is unknown or no class is present.
    """
    counts = np.asarray(counts, dtype=np.float64)
    if formula == "none":
        return np.ones_like(counts)
    if formula not in FORMULAS:
        known = ", ".join(get_args(WeightFormula))
        raise InputError(f"class weights {formula!r} are not known (known: {known})")
    present = counts > 0
    if not present.any():
        raise InputError(f"class weights {formula!r} need training samples, but every class has none")
    weights = np.zeros_like(counts)
    weights[present] = FORMULAS[formula](counts[present])
    return weights


def _normalised(weights: np.ndarray) -> np.ndarray:
    total = weights.sum()
    return weights / total if total > 0 else np.ones_like(weights)  # "complement" of a single class is 0


class LossSettings(Settings):
    """Which loss, and the settings of those losses that have any.

    `class_weights`: a formula, or None for the loss's own default (balanced for weighted-cross-entropy, else none).
    `reduction`: divide the weighted sum by the sum of weights, as torch does, or by the batch size, as Keras does.
    `gamma`: focusing of the focal loss. `alpha`: its weight of the second class of a two-class target.
    `bias`: where every image of a sample has heads of its own (`modalities.heads=separate`), the weight of those of the
    `favoured` image; the other images share the rest. None: all alike.
    """

    name: str = "cross-entropy"
    class_weights: WeightFormula | None = None
    reduction: Literal["weighted-mean", "mean"] = "weighted-mean"
    gamma: float = Field(default=2.0, ge=0.0, le=20.0)
    alpha: float | None = Field(default=None, gt=0.0, lt=1.0)
    bias: float | None = Field(default=None, gt=0.0, lt=1.0)
    favoured: str = "dermoscopy"

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        LOSSES.get(name)
        return name

    @model_validator(mode="after")
    def _class_weights_fit(self) -> "LossSettings":
        weights = self.class_weights
        if "class_weights" not in self._used and weights not in (None, "none"):
            raise ValueError(
                f"class_weights={weights} has no effect with loss {self.name!r}; use weighted-cross-entropy"
            )
        if self.name == "weighted-cross-entropy" and weights == "none":
            raise ValueError("weighted-cross-entropy with class_weights=none is loss 'cross-entropy'; say that")
        if "alpha" in self._used and self.alpha is not None and self.formula != "none":
            raise ValueError(f"alpha={self.alpha} and class_weights={weights} both weigh the classes; give one of them")
        return self

    @property
    def _used(self) -> frozenset[str]:
        return LOSSES.get(self.name).settings_used

    @property
    def formula(self) -> str:
        """The class-weight formula that is really used."""
        if "class_weights" not in self._used:
            return "none"
        return self.class_weights or LOSSES.get(self.name).default_class_weights

    def canonical_for_estimators(self) -> dict[str, Any]:
        """Return what an estimator, which has a loss of its own, takes over: the class weights, as plain JSON."""
        return {"class_weights": self.formula}

    def canonical(self, *, biased: bool = False) -> dict[str, Any]:
        """Return the settings that have an effect on the chosen loss, defaults filled in, as plain JSON.

        `biased`: whether every image has heads of its own, so that there is something to weigh.
        """
        active = {"name"} | self._used
        if self.formula == "none":
            active -= {"reduction"}
        if self.alpha is None:
            active -= {"alpha"}
        canonical = self.model_dump(mode="json", include=active)
        bias = {"bias": self.bias, "favoured": self.favoured} if biased and self.bias is not None else {}
        return canonical | ({"class_weights": self.formula} if "class_weights" in active else {}) | bias


class TargetLoss(nn.Module, ABC):
    """The loss of one target: mean over the batch of `per_sample`, weighted by class.

    `settings` of the loss, `weights` (C,) of the target's classes.
    """

    settings_used: ClassVar[frozenset[str]]
    default_class_weights: ClassVar[str] = "none"
    weights: Tensor

    def __init__(self, settings: LossSettings, weights: np.ndarray) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("weights", torch.as_tensor(weights, dtype=torch.float32))

    @abstractmethod
    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each sample before class weights, (batch,)."""

    def forward(self, logits: Tensor, targets: Tensor, normaliser: Tensor | None = None) -> Tensor:
        """Return the scalar loss of logits (batch, C) and class indices (batch,).

        `normaliser`: what a part of a batch divides by, that of the whole batch; then the parts' losses add up to it.
        """
        weighted = self.weights[targets] * self.per_sample(logits, targets)
        if normaliser is not None:
            return weighted.sum() / normaliser
        return weighted.mean() if self._divides_by_size else weighted.sum() / self.normaliser(targets)

    def normaliser(self, targets: Tensor) -> Tensor:
        """Return what the weighted sum over a batch of class indices (batch,) is divided by: its size, or weights."""
        weights = self.weights[targets]
        if self._divides_by_size:
            return torch.ones_like(weights).sum()
        # A batch of classes that training lacks weighs 0, and is no NaN.
        return weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)

    @property
    def _divides_by_size(self) -> bool:
        return self.settings.reduction == "mean" or self.settings.formula == "none"


LOSSES: Registry[type[TargetLoss]] = Registry("loss")


@LOSSES.register("cross-entropy", version=1)
class CrossEntropy(TargetLoss):
    """-log p_t, every class alike."""

    settings_used = frozenset()

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return -log p_t, (batch,)."""
        return functional.cross_entropy(logits, targets, reduction="none")


@LOSSES.register("weighted-cross-entropy", version=1)
class WeightedCrossEntropy(CrossEntropy):
    """-w_t log p_t with a weight per class."""

    settings_used = frozenset({"class_weights", "reduction"})
    default_class_weights = "balanced"


@LOSSES.register("focal", version=1)
class Focal(TargetLoss):
    """-(1 - p_t)^gamma log p_t, with class weights, or with alpha on a two-class target.

    alpha is the factor of the second (positive) class, 1 - alpha of the first, and is not divided out by the reduction:
    gamma 0 with alpha .5 is half the cross-entropy. InputError when alpha meets a target that has not two classes.
    """

    settings_used = frozenset({"class_weights", "reduction", "gamma", "alpha"})
    factors: Tensor

    def __init__(self, settings: LossSettings, weights: np.ndarray) -> None:
        super().__init__(settings, weights)
        alpha = settings.alpha
        if alpha is not None and len(weights) != 2:
            raise InputError(
                f"loss.alpha={alpha} is for two classes, a target has {len(weights)}; use loss.class_weights instead"
            )
        factors = torch.ones(len(weights)) if alpha is None else torch.tensor([1.0 - alpha, alpha])
        self.register_buffer("factors", factors)

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return -alpha_t (1 - p_t)^gamma log p_t, (batch,)."""
        log_p = functional.log_softmax(logits, dim=1).gather(1, targets[:, None])[:, 0]
        # The gradient of x^gamma is infinite at 0 for gamma < 1, where p_t rounds to 1.
        missed = (-torch.expm1(log_p)).clamp(min=torch.finfo(log_p.dtype).eps)
        return -self.factors[targets] * missed**self.settings.gamma * log_p


class MeanOverTargets(nn.Module):
    """The mean of the targets' losses, each with its own class weights."""

    def __init__(self, losses: Sequence[TargetLoss]) -> None:
        super().__init__()
        self.losses = nn.ModuleList(losses)

    def forward(
        self, logits: tuple[Tensor, ...], targets: Tensor, normalisers: Sequence[Tensor | None] | None = None
    ) -> Tensor:
        """Return the scalar loss of logits (batch, C_t) per target and class indices (batch, T).

        `normalisers` of the whole batch, when this is a part of it.
        """
        whole = [None] * len(self.losses) if normalisers is None else normalisers
        columns = zip(self.losses, logits, targets.unbind(1), whole, strict=True)
        return torch.stack([loss(values, classes, normaliser) for loss, values, classes, normaliser in columns]).mean()

    def normalisers(self, targets: Tensor) -> list[Tensor]:
        """Return the normaliser of each target for a batch of class indices (batch, T)."""
        return [loss.normaliser(column) for loss, column in zip(self.losses, targets.unbind(1), strict=True)]  # type: ignore[operator]


class BiasedLoss(nn.Module):
    """The weighted sum of the losses of every image's own heads (papers.md 4.2, inferred): sum of w_i L_i.

    `weights` (I,), which sum to 1, of the images; L_i is the mean over targets.
    """

    weights: Tensor

    def __init__(self, loss: MeanOverTargets, weights: Sequence[float]) -> None:
        super().__init__()
        self.loss = loss
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32))

    def forward(
        self, logits: tuple[Tensor, ...], targets: Tensor, normalisers: Sequence[Tensor | None] | None = None
    ) -> Tensor:
        """Return the scalar loss of logits (batch, I, C_t) per target and class indices (batch, T)."""
        images = zip(*(values.unbind(1) for values in logits), strict=True)
        losses = torch.stack([self.loss(image, targets, normalisers) for image in images])
        return (self.weights * losses).sum()

    def normalisers(self, targets: Tensor) -> list[Tensor]:
        """Return the normaliser of each target for a batch of class indices (batch, T): the same for all images."""
        return self.loss.normalisers(targets)


def image_weights(bias: float | None, favoured: str, images: Sequence[str]) -> list[float]:
    """Return the weight of each image: `bias` for the favoured one, the others share the rest; None: all alike.

    InputError when no image has the favoured name.
    """
    if bias is None:
        return [1.0 / len(images)] * len(images)
    if favoured not in images:
        raise InputError(f"loss.favoured={favoured!r} is no image of the cohort (its images: {', '.join(images)})")
    return [bias if image == favoured else (1.0 - bias) / (len(images) - 1) for image in images]


def create_loss(
    settings: LossSettings, counts: Sequence[np.ndarray], images: Sequence[str] = ()
) -> MeanOverTargets | BiasedLoss:
    """Return the loss of all targets; `counts` holds, per target, the training samples of each class (C_t,).

    `images`: their names, where every image has heads of its own. InputError when the settings do not suit a target
    (alpha with more than two classes) or the images.
    """
    kind = LOSSES.get(settings.name)
    loss = MeanOverTargets([kind(settings, class_weights(settings.formula, target)) for target in counts])
    return BiasedLoss(loss, image_weights(settings.bias, settings.favoured, images)) if images else loss
