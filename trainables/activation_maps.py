"""Class activation maps of a few samples of the evaluation fold, by the final weights of a fold fit.

Grad-CAM (Selvaraju et al. 2017) at the last feature map A with channels c and positions ij: for the logit y of a class

    alpha_c = mean over ij of dy / dA_cij,    map_ij = sum over c of alpha_c A_cij

With global average pooling and a linear head this is the class activation map of Zhou et al. (2016), and its sum over
the positions is the logit without the bias. Fusions that act on the pooled vector or on the map pass the gradient
through. Maps keep their sign; the rectification of Grad-CAM is left to the drawing.
"""

import hashlib

import numpy as np
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor

from analysis.activation_maps import ActivationMaps
from analysis.metrics import decide
from models.fused import FusedModel
from trainables.cohorts import Cohort
from trainables.folds import Split
from trainables.inputs import Inputs
from trainables.settings import Settings

LARGEST_SIDE = 160
"""Pixels of the longer side of a stored picture, at most."""
AT_ONCE = 16


class MapSettings(Settings):
    """For how many evaluated samples of each class, in every fold fit, maps are stored beside the ledger."""

    per_class: int = Field(default=4, ge=1, le=1000)


def chosen_rows(cohort: Cohort, split: Split, per_class: int) -> np.ndarray:
    """Return the rows that get maps: the first `per_class` evaluated samples of each class of the first target.

    They go by the SHA-256 of the sample's id, so every configuration on the same folds has the same ones.
    """
    ids = cohort.samples.index[split.test].astype(str)
    order = np.argsort([hashlib.sha256(sample.encode()).hexdigest() for sample in ids], kind="stable")
    labels = cohort.labels(cohort.targets[0].name)[split.test][order]
    classes = range(len(cohort.targets[0].classes))
    return split.test[np.concatenate([order[labels == code][:per_class] for code in classes])]


def fold_maps(
    model: FusedModel,
    inputs: Inputs,
    metadata: Tensor,
    rows: np.ndarray,
    cohort: Cohort,
    *,
    probabilities: np.ndarray,
    threshold: float | None,
    autocast: torch.autocast,
) -> ActivationMaps:
    """Return the maps of the true class and of the class decided on, of the first target.

    Args:
        model: with its final weights, in evaluation mode.
        inputs: what the model is fed.
        metadata: encoded, (sample, M), of the whole cohort.
        rows: of the cohort.
        cohort: names the samples, classes and images.
        probabilities: of these rows, as they are recorded, (row, class).
        threshold: of a two-class target, where one was chosen.
        autocast: the precision in which the model predicts.
    """
    target = cohort.targets[0]
    labels, decisions = cohort.labels(target.name)[rows], decide(probabilities, threshold)
    classes = torch.from_numpy(np.stack([labels, decisions], axis=1).astype(np.int64))
    parts = []
    for place in torch.arange(len(rows)).split(AT_ONCE):
        chunk = torch.from_numpy(rows)[place].to(inputs.device)
        with torch.no_grad(), autocast:
            seen = inputs.last_maps(chunk, model)
        parts.append(
            class_activation_maps(
                model, seen.float(), metadata[chunk], classes[place].to(inputs.device),
                n_images=len(cohort.image_names), pooled=inputs.pooled, autocast=autocast,
            )
        )  # fmt: skip
    pictures = inputs.pictures(torch.from_numpy(rows))
    return ActivationMaps(
        target=target.name,
        classes=target.classes,
        images=cohort.image_names,
        samples=cohort.samples.index[rows].astype(str).to_numpy(dtype=str),
        labels=labels,
        decisions=decisions,
        probabilities=probabilities,
        maps=torch.cat(parts).cpu().numpy(),
        pictures=None if pictures is None else smaller(pictures),
    )


def class_activation_maps(
    model: FusedModel,
    feature_maps: Tensor,
    metadata: Tensor,
    classes: Tensor,
    *,
    n_images: int,
    pooled: bool,
    autocast: torch.autocast,
) -> Tensor:
    """Return the maps of K classes per sample of the first target, float32 (batch, K, I, h, w).

    Where every image has heads of its own, an image's map is that of its own heads. A value that is not finite is 0.

    Args:
        model: in evaluation mode.
        feature_maps: joined maps of all images, float32 (batch, I * C, h, w).
        metadata: encoded, (batch, M).
        classes: int64 (batch, K).
        n_images: I.
        pooled: whether the model was built on pooled features, the mean over the positions.
        autocast: the precision in which the model predicts.
    """
    leaf = feature_maps.detach().clone().requires_grad_()
    with torch.enable_grad(), autocast:
        logits = model.forward_features(leaf.mean((2, 3), keepdim=True) if pooled else leaf, metadata)[0].float()
    scores = logits if logits.ndim == 2 else logits.sum(1)  # (batch, C)
    found = []
    for wanted in classes.unbind(1):
        score = scores.gather(1, wanted[:, None]).sum()
        (gradient,) = torch.autograd.grad(score, leaf, retain_graph=True)
        alpha = gradient.mean((2, 3), keepdim=True)
        found.append((alpha * leaf.detach()).unflatten(1, (n_images, -1)).sum(2))  # (batch, I, h, w)
    return torch.nan_to_num(torch.stack(found, dim=1).float(), nan=0.0, posinf=0.0, neginf=0.0)


def smaller(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (n, I, H, W, 3), uint8, with the longer side at most `LARGEST_SIDE`; small ones as they are."""
    height, width = pictures.shape[2:4]
    scale = LARGEST_SIDE / max(height, width)
    if scale >= 1.0:
        return pictures
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = [[np.asarray(Image.fromarray(image).resize(size)) for image in sample] for sample in pictures]
    return np.array(resized, dtype=np.uint8).reshape(*pictures.shape[:2], size[1], size[0], 3)
