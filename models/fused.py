"""The whole classifier: backbone -> feature map(s) -> fusion with metadata -> one head per target.

A sample has I images (dermoscopy, clinical). They share the backbone and their maps are joined on the channel axis, so
the fusion sees I * C channels; or every image has a fusion and heads of its own (`models.modalities`). With a frozen
backbone the maps are cached and the model is built without one.
"""

from torch import Tensor, nn

from models.backbones import Backbone
from models.fusions.base import Fusion
from models.heads import Heads
from models.modalities.heads import FusionPerImage, HeadsPerImage


class FusedModel(nn.Module):
    """Fusion and heads, behind a backbone or (None) fed with ready feature maps.

    ValueError when the parts do not fit: `heads.in_features` is `fusion.out_features`, and `fusion.channels` a whole
    number of images times `backbone.channels`. `attention` holds modules that are hooked to the backbone's stages, so
    that they are trained and stored with the model.
    """

    def __init__(
        self,
        fusion: Fusion | FusionPerImage,
        heads: Heads | HeadsPerImage,
        backbone: Backbone | None = None,
        attention: nn.ModuleList | None = None,
    ) -> None:
        super().__init__()
        if heads.in_features != fusion.out_features:
            raise ValueError(f"heads take {heads.in_features} features, the fusion gives {fusion.out_features}")
        if backbone is not None and fusion.channels % backbone.channels:
            raise ValueError(f"fusion has {fusion.channels} channels, not a multiple of {backbone.channels}")
        self.fusion = fusion
        self.heads = heads
        self.backbone = backbone
        self.attention = attention

    def forward(self, inputs: Tensor, metadata: Tensor) -> tuple[Tensor, ...]:
        """Return logits per target, (batch, C_t), or (batch, I, C_t) where every image has heads of its own.

        Args:
            inputs: normalised images (batch, I, 3, H, W), or without a backbone ready maps (batch, I*C, h, w).
            metadata: (batch, M).
        """
        maps = inputs if self.backbone is None else self.feature_maps(inputs)
        return self.forward_features(maps, metadata)

    def feature_maps(self, images: Tensor) -> Tensor:
        """Return the maps of a sample's images joined on the channel axis: (batch, I, 3, H, W) -> (batch, I*C, h, w).

        RuntimeError when the model was built without a backbone.
        """
        if self.backbone is None:
            raise RuntimeError("this model was built on feature maps, without a backbone; call forward_features")
        batch, n_images = images.shape[:2]
        maps = self.backbone(images.transpose(0, 1).flatten(0, 1))  # (I * batch, C, h, w), image by image
        joined: Tensor = maps.unflatten(0, (n_images, batch)).transpose(0, 1).flatten(1, 2)
        return joined

    def forward_features(self, feature_maps: Tensor, metadata: Tensor) -> tuple[Tensor, ...]:
        """Return logits per target, as `forward`, for maps (batch, I*C, h, w) and metadata (batch, M)."""
        logits: tuple[Tensor, ...] = self.heads(self.fusion(feature_maps, metadata))
        return logits
