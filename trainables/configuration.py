"""One point of the search space: everything that decides a model and its training, frozen and hashable.

It is composed of the settings that sit beside each component. `canonical()` is what the ledger stores and hashes:
settings that have no effect are dropped (an empty metadata subset is fusion `none`, momentum is not part of Adam),
defaults are filled in, so two ways to write the same model are one configuration.
"""

from functools import cached_property
from typing import Any, Literal

from pydantic import Field, ValidationError

from analysis.ledger import digest
from models.errors import InputError
from models.fusions import FUSIONS
from trainables.augmentation import AugmentationSettings
from trainables.features import FROZEN, GATE, BackboneSettings, FeatureKind
from trainables.fusion_settings import FusionSettings
from trainables.images import ImageSettings
from trainables.losses import LossSettings
from trainables.metadata import MetadataSettings
from trainables.modalities import ModalitySettings
from trainables.optimisation import TrainingSettings
from trainables.settings import Settings
from trainables.validation import explain


class HeadSettings(Settings):
    """The classifier on the fused vector: one linear layer per target, after dropout.

    `threshold`: how the probabilities of a two-class target become a decision. `half` takes the likelier class;
    `youden` takes the second class from a threshold on, chosen on the inner part of the training folds by Youden's
    index.
    """

    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    threshold: Literal["half", "youden"] = "half"

    def canonical(self, *, network: bool) -> dict[str, Any]:
        """Return the settings that have an effect, as plain JSON; `network`: whether there is one to drop from."""
        threshold = {} if self.threshold == "half" else {"threshold": self.threshold}
        return ({"dropout": self.dropout} if network else {}) | threshold


class Configuration(Settings):
    """A model and its training, in sections; build one with `Configuration.of`, which explains what is wrong."""

    backbone: BackboneSettings = BackboneSettings()
    image: ImageSettings = ImageSettings()
    modalities: ModalitySettings = ModalitySettings()
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
        configuration._check()
        return configuration

    @property
    def fine_tuned(self) -> bool:
        """Whether any of the backbone is trained; else heads are trained on its frozen features, if it is used."""
        return self.uses_image and self.backbone.frozen_stages != "all"

    @property
    def input_size(self) -> tuple[int, int]:
        """The size (height, width) of the images that the backbone sees."""
        return self.augmentation.output_size(self.image.size) if self.fine_tuned else self.image.size

    @property
    def uses_metadata(self) -> bool:
        """Whether the model sees any metadata field at all."""
        return FUSIONS.get(self.fusion.name).uses_metadata and bool(self.metadata.fields)

    @property
    def uses_image(self) -> bool:
        """Whether the model sees the image at all."""
        return FUSIONS.get(self.fusion_name).uses_image

    @property
    def estimates(self) -> bool:
        """Whether an estimator on the metadata takes part in the prediction, or is all of it."""
        return FUSIONS.get(self.fusion_name).estimates

    @property
    def fusion_name(self) -> str:
        """The fusion that is really built: without fields it is `none`, unless it does without them."""
        stays = bool(self.metadata.fields) or FUSIONS.get(self.fusion.name).metadata_optional
        return self.fusion.name if stays else "none"

    @property
    def depth(self) -> int | None:
        """The depth of the metadata branch that is really built, or None without one."""
        return self.fusion.depth_of(self.fusion_name)

    @property
    def options(self) -> dict[str, Any]:
        """The options of the fusion that is really built."""
        return self.fusion.options_of(self.fusion_name)

    @property
    def feature_kind(self) -> FeatureKind:
        """Which frozen features the head sees."""
        if self.backbone.features != "auto":
            return self.backbone.features
        return "map" if FUSIONS.get(self.fusion_name).spatial else "pooled"

    def canonical(self) -> dict[str, Any]:
        """Return the settings that have an effect, as nested plain JSON."""
        metadata = {"metadata": self.metadata.canonical() if self.uses_metadata else {}}
        fusion = {"fusion": self.fusion.canonical(self.fusion_name, metadata=self.uses_metadata)}
        if not self.uses_image:
            head = self.head.canonical(network=False)
            inner = {"training": {"inner_share": self.training.inner_share}} if self.training.inner_share else {}
            return metadata | fusion | {"head": head, "loss": self.loss.canonical_for_estimators()} | inner
        augmentation, modalities = self.augmentation.canonical(self.image.size), self.modalities.canonical()
        return {
            "backbone": self._canonical_backbone(),
            "image": self.image.canonical(),
            **({"modalities": modalities} if modalities else {}),
            **({"augmentation": augmentation} if self.fine_tuned else {}),
            **metadata,
            **fusion,
            "head": self.head.canonical(network=True),
            "loss": self.loss.canonical(biased=self.modalities.separate),
            "training": self.training.canonical(fine_tuned=self.fine_tuned),
        }

    @cached_property
    def identifier(self) -> str:
        """Twelve hexadecimal digits that stand for the canonical configuration."""
        return digest(self.canonical())[:12]

    def _canonical_backbone(self) -> dict[str, Any]:
        gated = self.backbone.gate != "none"
        unused = set() if self.backbone.weights == "none" or gated else {"seed"}  # gates start at random
        unused |= set() if gated else GATE
        if self.fine_tuned:
            return self.backbone.model_dump(mode="json", exclude=unused | FROZEN)
        return self.backbone.model_dump(mode="json", exclude=unused | {"frozen_stages"}) | {
            "features": self.feature_kind
        }

    def _check(self) -> None:
        """Check what no section can check alone."""
        self.fusion.check()
        self.input_size  # noqa: B018  raises when the crop does not fit into the image
        frozen = self.uses_image and not self.fine_tuned
        if frozen and self.backbone.gate != "none":
            raise InputError(
                f"backbone.gate={self.backbone.gate} is trained; set backbone.frozen_stages, for example 0"
            )
        inside = [name for name in ("attention", "encoder", "normalisation") if name in self.modalities.canonical()]
        if frozen and inside:
            raise InputError(
                f"modalities.{inside[0]}={getattr(self.modalities, inside[0])} changes the backbone; set "
                "backbone.frozen_stages, for example 0"
            )
        if self.head.threshold == "youden" and not self.training.inner_share:
            raise InputError(
                "head.threshold=youden is chosen on the inner part of the training folds; set training.inner_share, "
                "for example 0.1"
            )
