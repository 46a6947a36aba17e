"""The stages of a timm network, from its stem on: what can be frozen while the rest is fine-tuned."""

from collections.abc import Iterator

from timm.models import group_parameters
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

Stages = tuple[tuple[str, ...], ...]


def stages_of(network: nn.Module) -> Stages:
    """Return the names of the network's parameters by stage, stem first.

    They are timm's coarse groups: the resolutions of a ResNet, DenseNet or Swin, the blocks of a ViT, the cells of a
    PNASNet, the convolutions of a VGG. A group of normalisations alone is part of the stage before it. Empty when the
    network does not tell its groups.
    """
    matcher = getattr(network, "group_matcher", None)
    if matcher is None:
        return ()
    parameters = dict(network.named_parameters())
    stages: list[tuple[str, ...]] = []
    for names in group_parameters(network, matcher(coarse=True)).values():
        if stages and all(parameters[name].ndim <= 1 for name in names):
            stages[-1] += tuple(names)
        else:
            stages.append(tuple(names))
    return tuple(stages)


def frozen_norms(network: nn.Module) -> Iterator[str]:
    """Yield the names of the modules with running statistics whose parameters are all frozen.

    A normalisation without parameters follows the module that holds it.
    """
    for name, module in network.named_modules():
        if isinstance(module, _NormBase):
            holder = module if module.affine else network.get_submodule(name.rpartition(".")[0])
            if not any(parameter.requires_grad for parameter in holder.parameters()):
                yield name
