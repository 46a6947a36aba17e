"""An encoder of its own for every image, or only batch statistics of its own, inside one timm network.

Parts of the network are replaced by `PerImage` copies, so that it is still one network: its stages, its forward pass
and its hooks stay what they are, and the images still meet in the modules between, where attention is.
"""

import copy
import re
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from models.backbones import Backbone
from models.errors import InputError

COPY = re.compile(r"\.copies\.\d+")
"""What a copy adds to the names of a module's parts."""
PLAIN = (bool, int, float, str, tuple, type(None))
"""Attributes that the network may read of a module that has copies: they are the same in all of them."""


class PerImage(nn.Module):
    """Copies of a module, one per image of a sample: each takes its part of a batch that is ordered image by image.

    Of several arguments the first is cut, along its first axis; windows and tokens of one sample stay together there.
    """

    def __init__(self, copies: Iterable[nn.Module]) -> None:
        super().__init__()
        self.copies = nn.ModuleList(copies)

    def forward(self, batch: Tensor, *arguments: Any, **named: Any) -> Tensor:
        """Return the outputs of the copies in the order of the batch, (I * n, ...)."""
        part = len(batch) // len(self.copies)
        parts = [batch[number * part : (number + 1) * part] for number in range(len(self.copies))]
        outputs = [copied(each, *arguments, **named) for copied, each in zip(self.copies, parts, strict=True)]
        return torch.cat(outputs)

    def __getattr__(self, name: str) -> Any:
        """Return a plain attribute of the module that was copied; its tensors and methods are of one copy alone."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            copies = self.__dict__.get("_modules", {}).get("copies")
            value = getattr(copies[0], name, ...) if copies is not None else ...
            if isinstance(value, PLAIN):
                return value
            raise


def individual_encoder(backbone: Backbone, n_images: int, image_size: tuple[int, int]) -> None:
    """Give every image its own encoder, in place: copies of the same initial or pretrained weights, trained apart.

    Modules with parameters or buffers are replaced by `PerImage`. What the network itself holds directly is still
    shared: class token and position embedding of a ViT. Images are (H, W) `image_size`. InputError when a network uses
    its parts in a way that copies cannot follow.
    """
    _replace(backbone, _holds_tensors, lambda module: PerImage(copy.deepcopy(module) for _ in range(n_images)))
    _try(backbone, n_images, image_size, "modalities.encoder=individual")


def split_normalisation(backbone: Backbone, n_images: int, image_size: tuple[int, int]) -> None:
    """Let batch normalisation keep statistics per image, in place; its scale and shift stay shared.

    InputError when the network has no batch normalisation, and as `individual_encoder`.
    """

    def copies(module: nn.Module) -> PerImage:
        shared = {id(parameter): parameter for parameter in module.parameters()}
        return PerImage(copy.deepcopy(module, dict(shared)) for _ in range(n_images))

    if not _replace(backbone, lambda module: isinstance(module, _BatchNorm), copies):
        raise InputError(
            f"modalities.normalisation=split: backbone '{backbone.name}' has no batch normalisation; use shared"
        )
    _try(backbone, n_images, image_size, "modalities.normalisation=split")


def _replace(backbone: Backbone, chosen: Callable[[nn.Module], bool], copies: Callable[[nn.Module], PerImage]) -> bool:
    """Replace the outermost chosen modules; one that is in two places has the same copies in both. False for none."""
    made: dict[nn.Module, PerImage] = {}
    pending: list[nn.Module] = [backbone.network]
    while pending:
        parent = pending.pop()
        for name, child in list(parent._modules.items()):
            if child is None or isinstance(child, PerImage):
                continue
            if chosen(child):
                if child not in made:
                    made[child] = copies(child)
                setattr(parent, name, made[child])
            else:
                pending.append(child)
    _keep_frozen(backbone)
    return bool(made)


def _keep_frozen(backbone: Backbone) -> None:
    """Name the frozen normalisations of a backbone anew: those inside of copies have moved."""
    names = [name for name, module in backbone.network.named_modules() if isinstance(module, _NormBase)]
    backbone._frozen_norms = tuple(name for name in names if COPY.sub("", name) in backbone._frozen_norms)


def _holds_tensors(module: nn.Module) -> bool:
    """Tell whether a module has parameters or buffers of its own, and not only in its parts."""
    lists = any(isinstance(child, nn.ParameterList | nn.ParameterDict) for child in module.children())
    direct = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    return bool(direct) or lists


def _try(backbone: Backbone, n_images: int, image_size: tuple[int, int], setting: str) -> None:
    """Encode a blank image of each kind; what a copied network cannot do is an InputError."""
    was_training = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            backbone(torch.zeros(n_images, 3, *image_size))
    except (RuntimeError, AttributeError, TypeError, ValueError) as error:
        raise InputError(
            f"{setting}: backbone '{backbone.name}' cannot be copied part by part ({error}); use shared"
        ) from error
    finally:
        backbone.train(was_training)
