"""The settings of a fusion, and what of them has an effect on the one that is chosen."""

from typing import Any, Literal

from pydantic import Field, field_validator

from models.errors import InputError
from models.fusions import FUSIONS
from trainables.settings import Settings

SHARED = frozenset({"name", "depth", "widths"})
"""Settings of every fusion; all others are options of some."""


class FusionSettings(Settings):
    """How image and metadata meet: fusion, layers of its metadata branch, and whether their widths scale with C.

    The rest are options of single fusions (`FUSIONS.get(name).options` holds their defaults, taken where None): an
    option that the chosen fusion does not have has no effect. `maps`, `gamma_start`, `gamma_learned`, `flatten`,
    `input_relu`: soft-attention. `branch_width`: of the metadata layers of soft-attention and gessert, of the tokens of
    cross-attention. `dropout`: inside soft-attention and gessert. `activation`: at the end of metadata-embedding.
    `group_size`: features per row of metablock. `image_weight`, `metadata_weight`: of hyperparametric. `heads`: of
    cross-attention. `estimator`: the scikit-learn model of late and metadata-only; `estimator_weight`: its share of
    late's prediction.
    """

    name: str = "concat"
    depth: int | None = Field(default=None, ge=0)
    widths: Literal["scaled", "published"] = "scaled"
    maps: int | None = Field(default=None, ge=1, le=256)
    gamma_start: float | None = Field(default=None, ge=0.0, le=100.0)
    gamma_learned: bool | None = None
    flatten: bool | None = None
    input_relu: bool | None = None
    branch_width: int | None = Field(default=None, ge=1, le=65536)
    dropout: float | None = Field(default=None, ge=0.0, lt=1.0)
    activation: Literal["sigmoid", "linear", "relu"] | None = None
    group_size: int | None = Field(default=None, ge=1, le=4096)
    image_weight: float | None = Field(default=None, ge=0.0, le=1.0)
    metadata_weight: float | None = Field(default=None, ge=0.0, le=1.0)
    heads: int | None = Field(default=None, ge=1, le=64)
    estimator: Literal["logistic-regression", "gradient-boosting"] | None = None
    estimator_weight: float | None = Field(default=None, gt=0.0, lt=1.0)

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        FUSIONS.get(name)
        return name

    def options_of(self, fusion: str) -> dict[str, Any]:
        """Return the options of the fusion that is really built, defaults filled in."""
        kind = FUSIONS.get(fusion)
        return kind.resolve_options({name: getattr(self, name) for name in kind.options})

    def depth_of(self, fusion: str) -> int | None:
        """Return the depth of the metadata branch that is really built, or None without one."""
        kind = FUSIONS.get(fusion)
        return None if not kind.depths else kind.default_depth if self.depth is None else self.depth

    def canonical(self, fusion: str, *, metadata: bool = True) -> dict[str, Any]:
        """Return the settings that have an effect on the fusion that is really built, as plain JSON.

        `metadata`: whether it sees any; without, a metadata branch has no width.
        """
        depth = self.depth_of(fusion)
        branch: dict[str, Any] = {} if depth is None else {"depth": depth}
        hidden = {"widths": self.widths} if depth is not None and depth > 1 else {}
        unused = frozenset() if metadata else FUSIONS.get(fusion).branch_options
        options = {name: value for name, value in self.options_of(fusion).items() if name not in unused}
        return {"name": fusion} | branch | hidden | options

    def check(self) -> None:
        """Raise an InputError for a depth that the chosen fusion does not have, or options that cannot be together."""
        kind = FUSIONS.get(self.name)
        self.options_of(self.name)
        if self.depth is not None and kind.depths and self.depth not in kind.depths:
            legal = ", ".join(str(value) for value in kind.depths)
            raise InputError(f"fusion.depth={self.depth} is not possible with fusion {self.name!r} (choices: {legal})")
