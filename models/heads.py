"""Classifiers on the fused vector: one linear layer per target (diagnosis; derm7pt has eight)."""

from collections.abc import Sequence

from torch import Tensor, nn

HEADS_VERSION = 1
"""Raised by hand when the numbers of the heads change."""


class Heads(nn.Module):
    """Dropout, then a linear layer per target: (batch, in_features) -> logits (batch, C_t) for each target t.

    `classes` holds the number of classes of each target, `dropout` the probability in [0, 1) to drop a feature.
    """

    def __init__(self, in_features: int, classes: Sequence[int], dropout: float = 0.0) -> None:
        super().__init__()
        self.in_features = in_features
        self.dropout = nn.Dropout(dropout)
        self.classifiers = nn.ModuleList(nn.Linear(in_features, n_classes) for n_classes in classes)

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each target, all from the same dropped-out vector."""
        features = self.dropout(features)
        return tuple(classifier(features) for classifier in self.classifiers)
