"""What a fold fit computes on: the frozen features and true classes of a cohort, as tensors, kept in the process.

A warm actor lives from trial to trial, so the features of a backbone are opened once per process, not once per fold
fit.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from analysis.ledger import digest
from trainables.features import FeatureSource

_LARGEST_IN_MEMORY = 2 * 1024**3
_opened: dict[str, torch.Tensor] = {}


@dataclass(frozen=True)
class FitData:
    """Features float32 (sample, channel, height, width) and class codes int64 (sample, target) in declared order."""

    features: torch.Tensor
    targets: torch.Tensor


def open_data(source: FeatureSource, cache: Path, *, workers: int, device: str = "cpu") -> FitData:
    """Return features and classes on `device`, computing the features first if this node has none."""
    name = digest({"device": device, "features": source.identity})
    if name not in _opened:
        array = source.open(cache, workers=workers, device=device)
        _opened.clear()
        _opened[name] = _as_tensor(array).to(device)
    cohort = source.cohort
    codes = np.stack([cohort.labels(target.name) for target in cohort.targets], axis=1)
    return FitData(_opened[name], torch.from_numpy(codes).to(device))


def _as_tensor(array: np.ndarray) -> torch.Tensor:
    """Copy small features into memory; map large ones, which the page cache shares between the processes of a node."""
    if array.nbytes <= _LARGEST_IN_MEMORY:
        return torch.from_numpy(np.array(array))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)
