"""Data-parallel training of one fold fit: the same numbers as one process at the same global batch.

Every process takes its share of each batch; gradients are averaged by DistributedDataParallel, batch normalisation
sees the whole batch, and predictions are gathered in order. `ALONE` is the one process of an ordinary fold fit.
The process group is the launcher's business: `Parallel(rank, world)` expects torch.distributed to be initialised.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from timm.layers import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Parallel:
    """This process, `rank` of `world`, in the training of a fold fit; alone it changes nothing."""

    rank: int = 0
    world: int = 1

    def share(self, rows: Tensor) -> Tensor:
        """Return this process's rows of a batch, every `world`-th; the sizes of two shares differ by one at most."""
        return rows[self.rank :: self.world]

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return what to call in place of `model`: its gradients are averaged over the processes.

        The batch normalisation of `model` is synchronised in place (its parameters, buffers and their names stay), and
        parameters and buffers are rank 0's. Alone, it is the model itself.

        Raises:
            TypeError: the model has a kind of batch normalisation that cannot be synchronised.
        """
        if self.world == 1:
            return model
        synchronise_batch_norm(model)
        # Synchronised statistics are equal everywhere: to broadcast them before every step would be for nothing.
        return DistributedDataParallel(model, broadcast_buffers=False)

    def total(self, value: Tensor) -> Tensor:
        """Return the sum of a tensor over the processes, detached, the same on each; alone, the value itself."""
        if self.world == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total

    def gather(self, part: np.ndarray, n: int) -> np.ndarray:
        """Return the rows of all processes in order, on every process.

        Args:
            part: this process's rows, (its share of n, ...): row r of the whole is at rank r % world.
            n: rows of the whole.
        """
        if self.world == 1:
            return part
        parts: list[Any] = [None] * self.world
        dist.all_gather_object(parts, part)
        whole = np.empty((n, *part.shape[1:]), part.dtype)
        for rank, rows in enumerate(parts):
            whole[rank :: self.world] = rows
        return whole


ALONE = Parallel()


def synchronise_batch_norm(model: nn.Module) -> None:
    """Let the batch normalisation of a model use the statistics of the whole batch while it trains, in place.

    torch's SyncBatchNorm refuses CPU tensors and gloo, replaces the modules that others refer to, and drops the
    activation of timm's BatchNormAct2d. Here each module keeps its identity and only its class changes. A module in
    evaluation mode, as the frozen stages are, does what it did.

    Raises:
        TypeError: a kind of batch normalisation that is neither torch's nor timm's BatchNormAct2d.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            if type(module) not in SYNCHRONISED:
                raise TypeError(f"{name}: {type(module).__name__} cannot be synchronised between processes")
            module.__class__ = SYNCHRONISED[type(module)]


class _Synchronised(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation by the mean and variance over the batches of all processes."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, C, ...); B may differ between processes and be 0 in some."""
        if not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        output, mean, variance, count = _Normalise.apply(input, self.weight, self.bias, self.eps)
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            factor = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            unbiased = variance * (count / (count - 1).clamp(min=1))
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), factor)
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), factor)
        return output


class _Synchronised1d(_Synchronised, nn.BatchNorm1d):
    pass


class _Synchronised2d(_Synchronised, nn.BatchNorm2d):
    pass


class _Synchronised3d(_Synchronised, nn.BatchNorm3d):
    pass


class _SynchronisedAct2d(_Synchronised, BatchNormAct2d):
    act: nn.Module
    drop: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """Normalise, then drop and activate as timm does."""
        normalised = super().forward(x)
        if not self.training:
            return normalised
        activated: Tensor = self.act(self.drop(normalised))
        return activated


SYNCHRONISED: dict[type[nn.modules.batchnorm._BatchNorm], type[nn.modules.batchnorm._BatchNorm]] = {
    nn.BatchNorm1d: _Synchronised1d,
    nn.BatchNorm2d: _Synchronised2d,
    nn.BatchNorm3d: _Synchronised3d,
    BatchNormAct2d: _SynchronisedAct2d,
}
SYNCHRONISED |= {kind: kind for kind in SYNCHRONISED.values()}


class _Normalise(torch.autograd.Function):
    """(x - mean) / sqrt(variance + epsilon) * weight + bias, with the statistics and their gradients over all ranks.

    The gradient is that of Ioffe and Szegedy (2015); weight and bias get this rank's share, which DDP averages.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        mean, variance, count = _statistics(x)
        ctx.save_for_backward(x, weight, mean, torch.rsqrt(variance + epsilon), count)
        ctx.mark_non_differentiable(mean, variance, count)
        output = batch_norm(x, mean, variance, weight, bias, False, 0.0, epsilon) if len(x) else x.clone()
        return output, mean, variance, count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *unused: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        x, weight, mean, inverse, count = ctx.saved_tensors
        shape = (1, -1, *[1] * (x.dim() - 2))
        axes = [axis for axis in range(x.dim()) if axis != 1]
        incoming = gradient.to(mean.dtype)
        normal = (x.to(mean.dtype) - mean.view(shape)) * inverse.view(shape)
        sums = torch.stack([incoming.sum(axes), (incoming * normal).sum(axes)])
        grad_weight = None if weight is None else sums[1].to(weight.dtype)
        grad_bias = None if weight is None else sums[0].to(weight.dtype)
        overall = sums.clone()
        dist.all_reduce(overall)
        overall /= count
        scale = inverse if weight is None else inverse * weight.to(inverse.dtype)
        grad = (incoming - overall[0].view(shape) - normal * overall[1].view(shape)) * scale.view(shape)
        return grad.to(x.dtype), grad_weight, grad_bias, None


def _statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and biased variance by channel (C,) and the values per channel (1,), of all ranks by Chan's rule."""
    axes = [axis for axis in range(x.dim()) if axis != 1]
    wide = x if x.dtype == torch.float64 else x.float()
    ranks = wide.new_zeros(dist.get_world_size(), 2 * x.shape[1] + 1)
    if x.numel():
        variance, mean = torch.var_mean(wide, axes, correction=0)
        ranks[dist.get_rank()] = torch.cat([mean, variance, mean.new_tensor([x.numel() / x.shape[1]])])
    dist.all_reduce(ranks)  # each rank's row is zero elsewhere: the sum is the list of all
    means, variances, counts = ranks[:, : x.shape[1]], ranks[:, x.shape[1] : -1], ranks[:, -1:]
    count = counts.sum(0)
    mean = (counts * means).sum(0) / count
    variance = (counts * (variances + (means - mean) ** 2)).sum(0) / count
    return mean, variance, count
