"""AlexNet, which timm lacks, as timm's `alexnet`: torchvision's network, with torchvision's names of weights.

Krizhevsky et al. 2012 in the one-column form of Krizhevsky 2014 (arXiv 1404.5997); 61.10 M parameters with 1000
classes, of which the feature map needs 2.47 M. Importing this module registers it with timm.
"""

from typing import Any

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn
from torchvision import models as published  # type: ignore[import-untyped]

# Below 63 pixels nothing is left of a side after a convolution of stride 4 and three poolings without padding.
default_cfgs = generate_default_cfgs(
    {
        "alexnet.tv_in1k": {
            "url": published.AlexNet_Weights.IMAGENET1K_V1.url,
            "num_classes": 1000,
            "input_size": (3, 224, 224),
            "min_input_size": (3, 63, 63),
            "pool_size": (6, 6),
            "crop_pct": 0.875,
            "interpolation": "bilinear",
            "mean": IMAGENET_DEFAULT_MEAN,
            "std": IMAGENET_DEFAULT_STD,
            "first_conv": "features.0",
            "classifier": "classifier.6",
        }
    }
)


class AlexNet(published.AlexNet):
    """torchvision's AlexNet with timm's methods; with `num_classes` 0 it ends in the 4096 values of its last layer."""

    num_features = 256 * 6 * 6
    head_hidden_size = 4096

    def __init__(self, num_classes: int = 1000, drop_rate: float = 0.5) -> None:
        super().__init__(max(num_classes, 1), drop_rate)
        self.num_classes = num_classes
        if not num_classes:
            self.reset_classifier(0)

    def forward_features(self, x: Tensor) -> Tensor:
        """Return the last feature map of images (batch, 3, H, W): (batch, 256, h, w), 6 x 6 at 224 pixels."""
        return self.features(x)

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Return logits (batch, num_classes) of a feature map, or with `pre_logits` the vector (batch, 4096) before."""
        vector = self.avgpool(x).flatten(1)
        return (self.classifier[:-1] if pre_logits else self.classifier)(vector)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, num_classes) of images (batch, 3, H, W)."""
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Module:
        """Return the last layer."""
        return self.classifier[-1]

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Put a new last layer of `num_classes` in place, or none with 0."""
        del global_pool
        self.num_classes = num_classes
        self.classifier[-1] = nn.Linear(self.head_hidden_size, num_classes) if num_classes else nn.Identity()

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Return timm's patterns of parameter groups: every convolution is one, as in VGG."""
        del coarse
        return {"stem": r"^features\.0", "blocks": r"^features\.(\d+)"}

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Refuse gradient checkpointing, as timm's VGG does."""
        if enable:
            raise ValueError("gradient checkpointing is not supported by alexnet")


@register_model
def alexnet(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """Return AlexNet; its last map has 256 channels at about 1/32 of the image size."""
    return build_model_with_cfg(AlexNet, "alexnet", pretrained, kwargs_filter=("in_chans", "global_pool"), **kwargs)
