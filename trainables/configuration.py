"""One point of the search space: everything that decides a model and its training, frozen and hashable.

It is composed of the settings that sit beside each component. `canonical()` is what the ledger stores and hashes:
settings that have no effect are dropped (an empty metadata subset is fusion `none`, momentum is not part of Adam),
defaults are filled in, so two ways to write the same model are one configuration.
"""

from functools import cached_property
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from analysis.ledger import digest
from models.errors import InputError
from models.fusions import FUSIONS
from trainables.augmentation import AugmentationSettings
from trainables.features import FROZEN, BackboneSettings, FeatureKind
from trainables.images import ImageSettings
from trainables.losses import LossSettings
from trainables.metadata import MetadataSettings
from trainables.optimisation import TrainingSettings
from trainables.settings import Settings
from trainables.validation import explain


class FusionSettings(Settings):
    """How image and metadata meet: fusion, layers of its metadata branch, and whether their widths scale with C."""

    name: str = "concat"
    depth: int | None = Field(default=None, ge=0)
    widths: Literal["scaled", "published"] = "scaled"

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        FUSIONS.get(name)
        return name


class HeadSettings(Settings):
    """The classifier on the fused vector: one linear layer per target, after dropout."""

    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)


class Configuration(Settings):
    """A model and its training, in sections; build one with `Configuration.of`, which explains what is wrong."""

    backbone: BackboneSettings = BackboneSettings()
    image: ImageSettings = ImageSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    metadata: MetadataSettings = MetadataSettings()
    fusion: FusionSettings = FusionSettings()
    head: HeadSettings = HeadSettings()
    loss: LossSettings = LossSettings()
    training: TrainingSettings = TrainingSettings()

    @classmethod
    def of(cls, sections: dict[str, Any]) -> "Configuration":
        """Validate nested plain settings.

        Raises:
            InputError: one line that names the field, the value and the choices.
        """
        try:
            configuration = cls.model_validate(sections)
        except ValidationError as error:
            raise InputError(explain(error, cls)) from error
        configuration._check_fusion()
        configuration.input_size  # noqa: B018  raises when the crop does not fit into the image
        return configuration

    @property
    def fine_tuned(self) -> bool:
        """Whether any of the backbone is trained; else heads are trained on its frozen features."""
        return self.backbone.frozen_stages != "all"

    @property
    def input_size(self) -> tuple[int, int]:
        """The size (height, width) of the images that the backbone sees."""
        return self.augmentation.output_size(self.image.size) if self.fine_tuned else self.image.size

    @property
    def uses_metadata(self) -> bool:
        """Whether the model sees any metadata field at all."""
        return FUSIONS.get(self.fusion.name).uses_metadata and bool(self.metadata.fields)

    @property
    def fusion_name(self) -> str:
        """The fusion that is really built: without fields every fusion is `none`."""
        return self.fusion.name if self.uses_metadata else "none"

    @property
    def depth(self) -> int | None:
        """The depth of the metadata branch that is really built, or None without one."""
        kind = FUSIONS.get(self.fusion_name)
        return None if not kind.depths else kind.default_depth if self.fusion.depth is None else self.fusion.depth

    @property
    def feature_kind(self) -> FeatureKind:
        """Which frozen features the head sees."""
        if self.backbone.features != "auto":
            return self.backbone.features
        return "map" if FUSIONS.get(self.fusion_name).spatial else "pooled"

    def canonical(self) -> dict[str, Any]:
        """Return the settings that have an effect, as nested plain JSON."""
        augmentation = self.augmentation.canonical(self.image.size)
        return {
            "backbone": self._canonical_backbone(),
            "image": self.image.canonical(),
            **({"augmentation": augmentation} if self.fine_tuned else {}),
            "metadata": self.metadata.canonical() if self.uses_metadata else {},
            "fusion": self._canonical_fusion(),
            "head": self.head.model_dump(mode="json"),
            "loss": self.loss.canonical(),
            "training": self.training.canonical(fine_tuned=self.fine_tuned),
        }

    @cached_property
    def identifier(self) -> str:
        """Twelve hexadecimal digits that stand for the canonical configuration."""
        return digest(self.canonical())[:12]

    def _canonical_backbone(self) -> dict[str, Any]:
        unused = set() if self.backbone.weights == "none" else {"seed"}
        if self.fine_tuned:
            return self.backbone.model_dump(mode="json", exclude=unused | FROZEN)
        return self.backbone.model_dump(mode="json", exclude=unused | {"frozen_stages"}) | {
            "features": self.feature_kind
        }

    def _canonical_fusion(self) -> dict[str, Any]:
        if self.depth is None:
            return {"name": self.fusion_name}
        hidden = {"widths": self.fusion.widths} if self.depth > 1 else {}
        return {"name": self.fusion_name, "depth": self.depth} | hidden

    def _check_fusion(self) -> None:
        fusion = FUSIONS.get(self.fusion.name)
        depth = self.fusion.depth
        if depth is not None and fusion.depths and depth not in fusion.depths:
            legal = ", ".join(str(value) for value in fusion.depths)
            raise InputError(
                f"fusion.depth={depth} is not possible with fusion {self.fusion.name!r} (choices: {legal})"
            )
