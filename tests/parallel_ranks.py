"""What one rank of `trainables/test_parallel.py` runs: python parallel_ranks.py <rank> <world> <folder>."""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from timm.layers import BatchNormAct2d
from torch import nn

from trainables.parallel import ALONE, Parallel

STEPS, ROWS = 3, 7


def network() -> nn.Module:
    """Every kind of batch normalisation, one frozen in evaluation mode, one with a cumulative average."""
    torch.manual_seed(1)
    layers = [
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 6, 3),
        BatchNormAct2d(6),
        nn.BatchNorm2d(6, momentum=None, affine=False),
        nn.BatchNorm2d(6),
        nn.Flatten(),
        nn.Linear(6 * 16, 5),
        nn.BatchNorm1d(5, eps=1e-2),
        nn.Linear(5, 3),
    ]
    model = nn.Sequential(*layers).double()
    model[6].running_mean += 0.1
    return model.train()


def train(parallel: Parallel, rows: int = ROWS) -> dict:
    """Some steps on batches of `rows`: the loss of a rank is its share of the sum, times the world (DDP averages)."""
    model = network()
    forward = parallel.wrap(model)
    model[6].eval()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(2)
    losses = []
    for _ in range(STEPS):
        images = torch.randn(rows, 3, 8, 8, generator=generator, dtype=torch.float64) * 3 + 5
        labels = torch.randint(3, (rows,), generator=generator)
        mine = parallel.share(torch.arange(rows))
        loss = nn.functional.cross_entropy(forward(images[mine]), labels[mine], reduction="sum") / rows
        optimiser.zero_grad(set_to_none=True)
        (loss * parallel.world).backward()
        optimiser.step()
        losses.append(float(parallel.total(loss).detach()))
    model.eval()
    everything = torch.linspace(-1, 1, 5 * 192, dtype=torch.float64).reshape(5, 3, 8, 8)
    with torch.no_grad():
        part = model(everything[parallel.share(torch.arange(5))]).numpy()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    return {
        "state": model.state_dict(),
        "gradients": gradients,
        "losses": losses,
        "predictions": parallel.gather(part, 5),
        "names": parallel.gather(np.arange(5)[parallel.rank :: parallel.world], 5),
    }


def main(rank: int, world: int, folder: Path) -> None:
    """Join the group through a file and save what this rank ends with."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=world)
    parallel = Parallel(rank, world)
    found = {"batches": train(parallel), "tiny": train(parallel, rows=world - 1)}
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


def alone() -> dict:
    """The same in one process."""
    return {"batches": train(ALONE), "tiny": train(ALONE, rows=2)}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
