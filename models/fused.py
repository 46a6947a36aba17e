"""The whole classifier: backbone -> feature map(s) -> fusion with metadata -> one head per target.

A sample has I images (dermoscopy, clinical). They share the backbone and their maps are joined on the channel axis, so
the fusion sees I * C channels. With a frozen backbone the maps are cached and the model is built without one.
"""

from torch import Tensor, nn

from models.backbones import Backbone
from models.fusions.base import Fusion
from models.heads import Heads


class FusedModel(nn.Module):
    """Fusion and heads, behind a backbone or (None) fed with ready feature maps.

    ValueError when the parts do not fit: `heads.in_features` is `fusion.out_features`, and `fusion.channels` a whole
    number of images times `backbone.channels`.
    """

    def __init__(self, fusion: Fusion, heads: Heads, backbone: Backbone | None = None) -> None:
        super().__init__()
        if heads.in_features != fusion.out_features:
            raise ValueError(f"heads take {heads.in_features} features, the fusion gives {fusion.out_features}")
        if backbone is not None and fusion.channels % backbone.channels:
            raise ValueError(f"fusion has {fusion.channels} channels, not a multiple of {backbone.channels}")
        self.fusion = fusion
        self.heads = heads
        self.backbone = backbone

    def forward(self, inputs: Tensor, metadata: Tensor) -> tuple[Tensor, ...]:
        """Return logits (batch, C_t) per target.

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
        maps = self.backbone(images.flatten(0, 1))  # (batch * I, C, h, w)
        return maps.reshape(len(images), -1, *maps.shape[2:])

    def forward_features(self, feature_maps: Tensor, metadata: Tensor) -> tuple[Tensor, ...]:
        """Return logits (batch, C_t) per target for maps (batch, I*C, h, w) and metadata (batch, M)."""
        return self.heads(self.fusion(feature_maps, metadata))
