"""What augmenting a batch costs, as a share of one training step (forward and backward) of a network on that batch.

    python benchmarks/augmentation.py [device]

Batches of 32 images of 300 x 300 uint8 pixels, seen at 224 x 224, as MetaNet trains; medians of interleaved runs.
Measured on one core of a CPU: the recipes' augmentation costs 2 % of ResNet-18's step and 8 % of that of a network a
quarter as expensive, a crop with flips 1 %, evaluation by resizing 1 %.
"""

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from models.backbones import create_backbone
from trainables.augmentation import AugmentationSettings, augment, draws, evaluate
from trainables.recipes import RECIPES

BATCH, STORED, SEEN, REPEATS = 32, 300, 224, 5
NETWORKS = ("test_resnet", "resnet18")


def main(device: str) -> None:
    """Print the milliseconds of every step, and each augmentation's share of each network's step."""
    if device == "cpu":
        torch.set_num_threads(1)
    steps = augmentations(device) | {name: training_step(name, device) for name in NETWORKS}
    seconds = measure(steps, device)
    print(f"{'':22s}{'ms':>8s}" + "".join(f"{'of ' + name:>16s}" for name in NETWORKS))
    for name, taken in seconds.items():
        shares = "".join(f"{taken / seconds[network]:16.3f}" for network in NETWORKS)
        print(f"{name:22s}{1000 * taken:8.1f}{shares}")


def augmentations(device: str) -> dict[str, Callable[[], Any]]:
    """Return what is timed, by name: single kinds, and the published recipes."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (BATCH, 1, STORED, STORED, 3), dtype=torch.uint8, generator=generator).to(device)
    drawn = torch.from_numpy(draws(BATCH, 1, seed=0)).to(device)
    crop: dict[str, Any] = {"crop": [SEEN, SEEN]}
    chosen = {
        "crop and flips": crop | {"flip_horizontal": 0.5, "flip_vertical": 0.5},
        "crop and rotation": crop | {"rotation": 30},
        "crop and hue": crop | {"hue": 0.1},
        **{name: RECIPES[name].sections["augmentation"] for name in ("metanet-paper", "metanet-code")},
    }
    settings = {name: AugmentationSettings.model_validate(values) for name, values in chosen.items()}
    resized = AugmentationSettings(crop=(SEEN, SEEN), evaluation="resize")
    return {
        **{name: lambda values=values: augment(pixels, drawn, values) for name, values in settings.items()},
        "evaluation, centre": lambda: evaluate(pixels, settings["crop and flips"]),
        "evaluation, resized": lambda: evaluate(pixels, resized),
    }


def training_step(name: str, device: str) -> Callable[[], Any]:
    """Return a forward and backward pass of a network on a batch."""
    network = create_backbone(name, image_size=(SEEN, SEEN)).to(device)
    images = torch.randn(BATCH, 3, SEEN, SEEN, device=device)
    return lambda: network(images).square().mean().backward()


def measure(steps: dict[str, Callable[[], Any]], device: str) -> dict[str, float]:
    """Return the median seconds of each step over rounds that run them all, after one round to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(REPEATS + 1):
        for name, step in steps.items():
            synchronise(device)
            started = time.perf_counter()
            step()
            synchronise(device)
            if round_:
                taken[name].append(time.perf_counter() - started)
    return {name: median(seconds) for name, seconds in taken.items()}


def synchronise(device: str) -> None:
    """Wait for the device, whose calls return before they are done."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "cpu")
