"""Any timm model as a feature extractor: (batch, 3, H, W) normalised images -> (batch, C, h, w) last feature map.

Channels-last maps (Swin) and token sequences (ViT) are brought to the same layout, image sizes are given to the models
that fix them at creation, heads behind the map are removed, and C is measured, because timm's `num_features` is not the
last map's width for every family. Parameters are initialised from torch's global generator, which the caller seeds.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import shorten
from typing import Any

import timm
import torch
from torch import Tensor, nn

from models import alexnet, mobilenet, nasnet  # noqa: F401  register theirs with timm
from models.errors import InputError
from models.gates import attach_gate, gate_parameters
from models.maps import drop_unused_children, tokens_to_map
from models.names import PAPER_NAMES, timm_name
from models.registry import did_you_mean
from models.stages import Stages, frozen_norms, stages_of

BACKBONES_VERSION = 1
"""Raised by hand when the maps change that we make of timm's networks, or our own networks."""

MAX_NAMED = 3  # unloaded tensors, or close names, that an error gives


class Backbone(nn.Module):
    """A timm network up to its last feature map.

    `channels` C and `map_size` (h, w) of the last map, measured on a blank image; `mean` and `std` are the
    normalisation of the network's own configuration, `input_size` (H, W) the size it was designed for.
    InputError when the network cannot take images of `image_size` (H, W).
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    input_size: tuple[int, int]

    def __init__(self, name: str, network: nn.Module, image_size: tuple[int, int]) -> None:
        super().__init__()
        configuration: dict[str, Any] = network.pretrained_cfg  # type: ignore[assignment]
        self.name = name
        self.network = network
        self.mean = tuple(configuration["mean"])
        self.std = tuple(configuration["std"])
        self.input_size = _native_size(name)
        self._frozen_norms: tuple[str, ...] = ()
        blank = _blank_map(self, image_size)
        self.channels: int = blank.shape[1]
        self.map_size: tuple[int, int] = (blank.shape[2], blank.shape[3])
        drop_unused_children(network, blank)

    def forward(self, images: Tensor) -> Tensor:
        """Return the last feature map (batch, C, h, w) of normalised images (batch, 3, H, W)."""
        features = self.network.forward_features(images)  # type: ignore[operator]
        if not isinstance(features, Tensor):
            raise InputError(f"backbone '{self.name}' gives no single feature map; choose another")
        if features.ndim == 3:
            prefix = getattr(self.network, "num_prefix_tokens", None)
            return tokens_to_map(features, (images.shape[2], images.shape[3]), prefix)
        if getattr(self.network, "output_fmt", "NCHW") == "NHWC":
            return features.permute(0, 3, 1, 2)
        return features

    @property
    def stages(self) -> Stages:
        """Names of the network's parameters by stage, stem first; see `models.stages.stages_of`."""
        return stages_of(self.network)

    def freeze(self, n_stages: int) -> None:
        """Take the first `n_stages` stages out of training, and all others into it.

        Their parameters need no gradient, and their batch normalisation keeps its statistics whatever `train` says.
        Channel gates are new, unlike the weights around them, and are trained wherever they are.
        InputError when the network has fewer stages.
        """
        stages = self.stages
        if not 0 <= n_stages <= len(stages):
            told = f"has {len(stages)}" if stages else "does not tell its stages"
            legal = f"0 to {len(stages)}, or all" if stages else "0 or all"
            raise InputError(f"backbone.frozen_stages={n_stages}: backbone '{self.name}' {told}; choose {legal}")
        for number, names in enumerate(stages):
            for name in names:
                self.network.get_parameter(name).requires_grad_(number >= n_stages)
        for parameter in gate_parameters(self.network):
            parameter.requires_grad_(True)
        self._frozen_norms = tuple(frozen_norms(self.network))
        self.train(self.training)

    def train(self, mode: bool = True) -> "Backbone":
        """Set training or evaluation mode; normalisation in frozen stages stays in evaluation mode."""
        super().train(mode)
        for name in self._frozen_norms:  # by name: synchronised batch normalisation replaces the modules
            self.network.get_submodule(name).eval()
        return self


def create_backbone(
    name: str,
    *,
    image_size: tuple[int, int],
    state: Mapping[str, Tensor] | None = None,
    hub: bool = False,
    gate: Mapping[str, Any] | None = None,
) -> Backbone:
    """Return timm's model `name` (a tag such as `.a1_in1k` may follow) for images of `image_size` (H, W).

    `name` may also be a paper's ("PNASNet-5-Large"), see `models.names`. `state` is a checkpoint of that architecture,
    in timm's names or any that timm's own filter knows; every parameter and BatchNorm statistic must be in it. `hub`
    fetches timm's published weights. With neither, weights are random. `gate` puts channel gates at the residual
    blocks, with new parameters: its `name` and settings, see `models.gates.attach_gate`.
    InputError when the name is unknown, the size does not fit, the weights do not, or there is no place for gates.
    """
    name = timm_name(name)
    _check_name(name)
    _check_size(name, image_size)
    backbone = _create(name, image_size, state, hub)
    if gate:
        attach_gate(backbone.network, gate)
    return backbone


def _create(name: str, image_size: tuple[int, int], state: Mapping[str, Tensor] | None, hub: bool) -> Backbone:
    if state is not None:
        return _create_with_state(name, image_size, state)
    if hub:
        return Backbone(name, _build_from_hub(name, image_size), image_size)
    return Backbone(name, _build_random(name, image_size), image_size)


def hub_source(name: str) -> str:
    """Return which published weights `hub=True` fetches: their repository or address, and tag."""
    name = timm_name(name)
    _check_name(name)
    configuration = timm.get_pretrained_cfg(name)
    if configuration is None:
        return name
    return f"{configuration.hf_hub_id or configuration.url or name} {configuration.tag or ''}".strip()


def _check_name(name: str) -> None:
    if not timm.is_model(name):
        suggestion = did_you_mean(name, [*timm.list_models(), *PAPER_NAMES], limit=MAX_NAMED)
        raise InputError(f"backbone '{name}' is not known to timm {timm.__version__}{suggestion}")
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # an unknown tag after the dot
        tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{name.partition('.')[0]}.*")]
        raise InputError(f"backbone '{name}' has an unknown tag; known tags: {', '.join(tags) or 'none'}") from error


def _check_size(name: str, image_size: tuple[int, int]) -> None:
    if min(image_size) < 1:
        raise _size_error(name, image_size, "sizes start at 1")


def _native_size(name: str) -> tuple[int, int]:
    configuration = timm.get_pretrained_cfg(name)
    size = configuration.input_size if configuration is not None else (3, 224, 224)
    return (size[1], size[2])


def _size_error(name: str, image_size: tuple[int, int], reason: str) -> InputError:
    configuration = timm.get_pretrained_cfg(name)
    least = configuration.min_input_size if configuration is not None else None
    native = "{} x {}".format(*_native_size(name))
    advice = f"its native size is {native}" + (f", its smallest {least[1]} x {least[2]}" if least else "")
    height, width = image_size
    return InputError(f"image size: backbone '{name}' cannot take {height} x {width} pixels ({reason}); {advice}")


def _one_line(error: Exception) -> str:
    return shorten(str(error).rstrip("."), 200, placeholder=" ...") or type(error).__name__


def _build(name: str, image_size: tuple[int, int], **weights: Any) -> nn.Module:
    """Build timm's network without a classifier; a model with a fixed input size is told it here."""
    configuration = timm.get_pretrained_cfg(name)
    fixed = {"img_size": image_size} if configuration is not None and configuration.fixed_input_size else {}
    return timm.create_model(name, num_classes=0, **fixed, **weights)


def _build_from_hub(name: str, image_size: tuple[int, int]) -> nn.Module:
    try:
        return _build(name, image_size, pretrained=True)
    except Exception as error:  # the hub client and timm raise many kinds
        raise InputError(
            f"backbone '{name}': published weights could not be fetched ({_one_line(error)}); give a file"
        ) from error


def _build_random(name: str, image_size: tuple[int, int]) -> nn.Module:
    try:
        return _build(name, image_size)
    except Exception as error:  # the name is known, so what a constructor rejects is the size it was told
        raise _size_error(name, image_size, _one_line(error)) from error


def _create_with_state(name: str, image_size: tuple[int, int], state: Mapping[str, Tensor]) -> Backbone:
    """Create from the checkpoint and check that every learned tensor comes from it.

    A second network is built from the checkpoint with every value changed; a tensor that is the same in both does not
    depend on the checkpoint. That holds whatever timm's filter renames, splits or resamples.
    """
    if not state:
        raise InputError(f"weights of backbone '{name}' hold no tensors; give a checkpoint of this architecture")
    backbone = Backbone(name, _build_from_state(name, image_size, state), image_size)
    changed = {key: tensor + tensor.abs() + 1 for key, tensor in state.items() if tensor.is_floating_point()}
    other = dict(_learned_tensors(_build_from_state(name, image_size, dict(state) | changed)))
    learned = dict(_learned_tensors(backbone.network))
    unloaded = [name for name, tensor in learned.items() if torch.equal(tensor, other[name])]
    if unloaded:
        named = ", ".join(unloaded[:MAX_NAMED]) + (", ..." if len(unloaded) > MAX_NAMED else "")
        raise InputError(
            f"weights of backbone '{name}' lack {len(unloaded)} of its {len(learned)} tensors ({named}); "
            "give a complete checkpoint of this architecture"
        )
    return backbone


def _build_from_state(name: str, image_size: tuple[int, int], state: Mapping[str, Tensor]) -> nn.Module:
    """Build with timm's own loading; what the checkpoint does not set is the same in every call."""
    overlay = {"state_dict": dict(state)}
    try:
        with torch.random.fork_rng(devices=[]), _unexpected_keys_unmentioned():
            torch.default_generator.manual_seed(0)  # the CPU alone: fork_rng restores no GPU here
            network = _build(name, image_size, pretrained=True, pretrained_cfg_overlay=overlay)
    except Exception as error:  # each of timm's checkpoint filters fails in its own way on a foreign checkpoint
        _build_random(name, image_size)  # unless it was the size
        raise InputError(
            f"weights do not fit backbone '{name}' ({_one_line(error)}); give a checkpoint of this architecture"
        ) from error
    network.pretrained_cfg.pop("state_dict", None)  # type: ignore[operator,union-attr]
    return network


@contextmanager
def _unexpected_keys_unmentioned() -> Iterator[None]:
    """Keep timm from printing a screenful of keys for a foreign checkpoint; what is missing is our own error."""
    logger = logging.getLogger("timm.models._builder")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _learned_tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from network.named_parameters()
    for name, buffer in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            yield name, buffer


def _blank_map(backbone: Backbone, image_size: tuple[int, int]) -> Tensor:
    """Return the map of one black image, with its autograd graph; InputError when the size does not fit."""
    was_training = backbone.training
    backbone.eval()
    try:
        with torch.enable_grad():
            blank: Tensor = backbone(torch.zeros(1, 3, *image_size))
    except (RuntimeError, AssertionError, ValueError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise _size_error(backbone.name, image_size, _one_line(error)) from error
    finally:
        backbone.train(was_training)
    if min(blank.shape[2:]) < 1:
        raise _size_error(backbone.name, image_size, "its last feature map would be empty")
    return blank
