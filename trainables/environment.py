"""Where a fold fit runs: its device, and the versions that are recorded beside its numbers."""

import platform

import numpy as np
import sklearn
import timm
import torch


def device_for(gpu: bool) -> str:
    """Return the torch device of a trial that was given a share of a GPU, or none; without CUDA it is the CPU.

    On a GPU, convolutions are told to give the same numbers every time.
    """
    if not gpu or not torch.cuda.is_available():
        return "cpu"
    torch.backends.cudnn.deterministic = True
    return "cuda"


def describe_environment(device: str) -> dict[str, str]:
    """Return device and library versions, which are recorded and not part of the key."""
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }
