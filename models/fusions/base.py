"""What every fusion is: (batch, C, h, w) feature map and (batch, M) metadata in, (batch, out_features) vector out.

A member says with class attributes what it can do (`uses_metadata`, `spatial`, `depths`, `options`), so that a search
space and a feature cache never ask for its class by name. A batch may have one sample, or none, in training too.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from models.errors import InputError
from models.fusions.branch import check_widths
from models.registry import Registry


class Fusion(nn.Module, ABC):
    """Joins a feature map with metadata.

    `channels` C of the feature map, `metadata_width` M, `depth` layers of the metadata branch (None: the default of the
    fusion), `widths` of its hidden layers ("scaled" or "published", see `branch_widths`), `map_size` (h, w) of the
    feature map, and the fusion's own `options` (None: the default). InputError when the depth is not one of `depths`,
    the widths or an option are unknown, or a fusion that needs metadata gets none.
    """

    name: ClassVar[str]
    uses_image: ClassVar[bool] = True
    uses_metadata: ClassVar[bool]
    metadata_optional: ClassVar[bool] = False  # True: without metadata it is itself, and not image only
    estimates: ClassVar[bool] = False  # True: the metadata are seen by an estimator beside the network, not by it
    spatial: ClassVar[bool]  # False: equal on the 1 x 1 map that global average pooling leaves, so pooled features do
    depths: ClassVar[tuple[int, ...]]
    default_depth: ClassVar[int | None]
    options: ClassVar[Mapping[str, Any]] = {}  # further settings by name, with their defaults
    branch_options: ClassVar[frozenset[str]] = frozenset()  # those without effect where there is no metadata
    out_features: int

    def __init__(
        self,
        channels: int,
        metadata_width: int,
        *,
        depth: int | None = None,
        widths: str = "scaled",
        map_size: tuple[int, int] = (1, 1),
        **options: Any,
    ) -> None:
        super().__init__()
        if self.uses_metadata and not self.metadata_optional and metadata_width < 1:
            raise InputError(f"fusion '{self.name}' needs metadata, got a width of {metadata_width}; use fusion 'none'")
        self.channels = channels
        self.metadata_width = metadata_width
        self.depth = self.resolve_depth(depth)
        self.widths = check_widths(widths)
        self.map_size = map_size
        self.chosen = self.resolve_options(options)

    @classmethod
    def resolve_depth(cls, depth: int | None) -> int | None:
        """Return the depth that is built for `depth` (None: the default); InputError when the fusion has no such."""
        if depth is None:
            return cls.default_depth
        if not cls.depths:
            raise InputError(f"fusion '{cls.name}' has no depth to choose, got depth {depth}; leave the depth out")
        if depth not in cls.depths:
            legal = ", ".join(map(str, cls.depths))
            raise InputError(f"fusion '{cls.name}' has no depth {depth}; choose one of {legal}")
        return depth

    @classmethod
    def resolve_options(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return every option with its value, defaults for those not given or None.

        InputError for one that is unknown, or for values that cannot be.
        """
        for name in given:
            if name not in cls.options:
                known = ", ".join(cls.options) or "none"
                raise InputError(f"fusion '{cls.name}' has no option {name!r} (its options: {known})")
        chosen = {name: default if given.get(name) is None else given[name] for name, default in cls.options.items()}
        cls.check_options(chosen)
        return chosen

    @classmethod
    def check_options(cls, chosen: Mapping[str, Any]) -> None:
        """Raise an InputError for values of the options that cannot be together; by default all can."""

    @abstractmethod
    def forward(self, feature_map: Tensor, metadata: Tensor) -> Tensor:
        """Return the fused vector (batch, out_features) of maps (batch, C, h, w) and metadata (batch, M)."""


FUSIONS: Registry[type[Fusion]] = Registry("fusion")
