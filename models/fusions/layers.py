"""Linear layers with batch normalisation, as MetaBlock, Gessert et al. and Pundhir et al. stack them."""

from torch import Tensor, nn
from torch.nn.functional import batch_norm


class NormalisedLinear(nn.Module):
    """Linear layer, then batch normalisation: (batch, inputs) -> (batch, outputs).

    A batch of fewer than two samples has no variance: in training it is normalised by the running statistics.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the normalised outputs, (batch, outputs)."""
        vectors, norm = self.linear(vectors), self.norm
        # Data-parallel training changes the class of `norm`, which then sees the samples of all processes.
        if norm.training and len(vectors) < 2 and type(norm) is nn.BatchNorm1d:
            return batch_norm(vectors, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
        normalised: Tensor = norm(vectors)
        return normalised


def normalised_layers(inputs: int, widths: list[int], dropouts: list[float]) -> nn.Sequential:
    """Return a stack of linear layer, batch normalisation, ReLU and dropout: (batch, inputs) -> (batch, widths[-1]).

    `dropouts` holds the probability in [0, 1) after each layer; 0 adds none.
    """
    layers: list[nn.Module] = []
    for width, dropout in zip(widths, dropouts, strict=True):
        layers += [NormalisedLinear(inputs, width), nn.ReLU()] + ([nn.Dropout(dropout)] if dropout else [])
        inputs = width
    return nn.Sequential(*layers)
