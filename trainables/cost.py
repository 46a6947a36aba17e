"""What a model costs, as records hold it: parameters, size and depth, beside the seconds that were measured."""

from typing import Any

from torch import nn

MEGABYTE = 2**20
WITH_WEIGHTS = (nn.Linear, nn.modules.conv._ConvNd)


def model_cost(model: nn.Module) -> dict[str, Any]:
    """Return the cost of a model as it is trained; of heads on frozen features, of the heads alone.

    `parameters`: learned numbers; `megabytes`: parameters and buffers in units of 2^20 bytes, as the papers' tables
    count a stored network; `layers`: convolutions and linear layers, in whatever order they are passed.
    """
    tensors = [*model.parameters(), *model.buffers()]
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "megabytes": round(sum(tensor.numel() * tensor.element_size() for tensor in tensors) / MEGABYTE, 3),
        "layers": sum(isinstance(module, WITH_WEIGHTS) for module in model.modules()),
    }
