"""What one rank of `trainables/test_shared_network.py` runs: python shared_network_ranks.py <rank> <world> <folder>."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from models.backbones import create_backbone
from models.fused import FusedModel
from models.fusions import create_fusion
from models.heads import Heads
from models.modalities import (
    FusionPerImage,
    HeadsPerImage,
    attach_attention,
    individual_encoder,
    split_normalisation,
)
from trainables.parallel import ALONE, Parallel

SIZE = (64, 64)
CASES = {"individual": (individual_encoder, True, 3), "shared": (split_normalisation, False, 1)}
"""How the images share the encoder and the attention, and the rows of a batch; of a single one a rank has none."""


def network(case: str) -> FusedModel:
    share, individual, _ = CASES[case]
    torch.manual_seed(1)
    backbone = create_backbone("test_resnet", image_size=SIZE)
    share(backbone, 2, SIZE)
    attention = attach_attention(backbone, 2, SIZE, stages=(1, 4), individual=individual)
    for parameter in attention.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.1)
    fusions = FusionPerImage([create_fusion("none", backbone.channels, 0) for _ in range(2)])
    heads = HeadsPerImage([Heads(backbone.channels, [3]) for _ in range(2)])
    return FusedModel(fusions, heads, backbone, attention).double().train()


def train(case: str, parallel: Parallel) -> dict[str, Tensor]:
    """Two steps; a rank's loss is its share of the sum, times the world (DDP averages)."""
    rows = CASES[case][2]
    model = network(case)
    forward = parallel.wrap(model)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(2)
    for _ in range(2):
        images = torch.randn(rows, 2, 3, *SIZE, generator=generator, dtype=torch.float64)
        mine = parallel.share(torch.arange(rows))
        (logits,) = forward(images[mine], torch.zeros(len(mine), 0, dtype=torch.float64))
        optimiser.zero_grad(set_to_none=True)
        (logits.square().sum() / rows * parallel.world).backward()
        optimiser.step()
    return dict(model.state_dict())


def alone() -> dict[str, dict[str, Tensor]]:
    """The same in one process."""
    return {case: train(case, ALONE) for case in CASES}


def main(rank: int, world: int, folder: Path) -> None:
    """Join the group through a file and save what this rank ends with."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=world)
    torch.save({case: train(case, Parallel(rank, world)) for case in CASES}, folder / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
