"""The metadata branch: fully connected layers from M metadata values to the C channels of the feature map.

MetaNet (Li, Zhuang et al., ISBI 2020) writes them as 1x1 convolutions on a 1x1 map, which is a linear layer on the
vector. Its Table 4 varies the depth at C = 2048 with hidden widths 1024 (two layers) and 512, 1024 (three); four layers
continue the series with 256 (inferred, the paper does not give it).
"""

from torch import nn

from models.errors import InputError

PUBLISHED_HIDDEN = (1024, 512, 256)  # from the last hidden layer backwards
WIDTHS = ("scaled", "published")


def check_widths(widths: str) -> str:
    """Return `widths`; InputError when it is neither "scaled" nor "published"."""
    if widths not in WIDTHS:
        raise InputError(f"branch widths {widths!r} are not known; choose one of {', '.join(WIDTHS)}")
    return widths


def branch_widths(depth: int, channels: int, widths: str = "scaled") -> list[int]:
    """Return the output width of each layer, the last one being `channels`; empty for depth 0.

    "scaled" halves backwards from C (C/2, C/4, C/8, at least 1), which at C = 2048 is what the paper used; "published"
    keeps 1024, 512, 256 whatever C is. InputError when `depth` is not 0 to 4 or `widths` is unknown.
    """
    if not 0 <= depth <= len(PUBLISHED_HIDDEN) + 1:
        raise InputError(f"a metadata branch of depth {depth} is not defined; choose 0 to {len(PUBLISHED_HIDDEN) + 1}")
    scaled = [max(1, channels // 2**step) for step in range(1, depth)]
    hidden = scaled if check_widths(widths) == "scaled" else list(PUBLISHED_HIDDEN[: max(0, depth - 1)])
    return [*reversed(hidden), channels] if depth else []


def metadata_branch(metadata_width: int, widths: list[int], last: nn.Module) -> nn.Sequential:
    """Return linear layers of `widths` with ReLU between them and `last` after the last: (batch, M) -> (batch, C)."""
    layers: list[nn.Module] = []
    inputs = metadata_width
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU()]
        inputs = width
    return nn.Sequential(*layers[:-1], last)
