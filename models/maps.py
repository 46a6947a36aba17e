"""Feature maps of timm networks: token sequences as maps, and the parts of a network that its map does not need."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn


def tokens_to_map(tokens: Tensor, image_size: tuple[int, int], n_prefix: int | None = None) -> Tensor:
    """Return patch tokens (batch, n, C) as a map (batch, C, h, w) with the image's aspect ratio; prefixes are dropped.

    `n_prefix` counts class and register tokens in front; None tries 0, 1 and 2. ValueError when no grid fits.
    """
    height, width = image_size
    for prefix in (0, 1, 2) if n_prefix is None else (n_prefix,):
        n_patches = tokens.shape[1] - prefix
        rows = round((n_patches * height / width) ** 0.5)
        if rows > 0 and n_patches % rows == 0 and round((n_patches * width / height) ** 0.5) == n_patches // rows:
            patches = tokens[:, prefix:].transpose(1, 2)  # (batch, C, n)
            return patches.reshape(*patches.shape[:2], rows, n_patches // rows)
    raise ValueError(f"{tokens.shape[1]} tokens make no grid of {height} x {width} proportions")


def drop_unused_children(network: nn.Module, output: Tensor) -> None:
    """Replace children that the map does not depend on (VGG's 120 million head weights, conv heads) by identities.

    They would be counted as parameters, decayed by the optimiser, and waited for by DDP.
    """
    used = set(map(id, _leaves(output)))
    for name, child in network.named_children():
        parameters = [parameter for parameter in child.parameters() if parameter.requires_grad]
        if parameters and not any(id(parameter) in used for parameter in parameters):
            setattr(network, name, nn.Identity())


def _leaves(output: Tensor) -> Iterator[Tensor]:
    """Walk the autograd graph of `output` and yield the parameters it was computed from."""
    pending: list[Any] = [output.grad_fn]
    seen = set()
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        pending.extend(parent for parent, _ in node.next_functions)
