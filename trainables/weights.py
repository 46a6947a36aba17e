"""Weights files of backbones: found, checksummed, and read down to a plain mapping of tensors.

The checksum, never the path, is what a ledger key holds. Files are read without running any code they carry.
"""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from models.errors import InputError

SUFFIXES = (".safetensors", ".pth", ".pt", ".tar", ".bin", ".pth.tar")
# What training scripts wrap a state in; the averaged weights come first, as in timm's own loader.
WRAPPERS = ("state_dict_ema", "state_dict", "model")
DEEPEST = 8
"""Wrappers around each other."""
MAX_LISTED = 10


@dataclass(frozen=True)
class Weights:
    """Tensors by name, the sha256 of the file they came from (hexadecimal), and its file name."""

    state: Mapping[str, Tensor]
    checksum: str
    source: str


def find_weights(path: Path, backbone: str) -> Path:
    """Return the weights file of `backbone`: `path` itself, or `<backbone>.<suffix>` in the folder `path`.

    InputError when there is none, or more than one.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise InputError(f"weights {path} do not exist; give a file, or a folder with {backbone}.safetensors or .pth")
    found = [path / f"{backbone}{suffix}" for suffix in SUFFIXES if (path / f"{backbone}{suffix}").is_file()]
    if len(found) > 1:
        raise InputError(f"weights folder {path} has {', '.join(file.name for file in found)}; give the one to use")
    if not found:
        raise InputError(f"weights folder {path} has no {backbone}{{{','.join(SUFFIXES)}}}; it holds {_listing(path)}")
    return found[0]


def read_weights(path: Path) -> Weights:
    """Return the tensors of a safetensors or torch checkpoint, without its wrappers and `module.` prefixes.

    InputError when the file cannot be read, is cut short, or is not a checkpoint of tensors.
    """
    try:
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        content = _load(path)
    except Exception as error:  # a damaged file fails in torch, zipfile, pickle or safetensors, each in its own way
        reason = shorten(f"{type(error).__name__}: {error}", 160, placeholder=" ...")
        raise InputError(
            f"weights file {path} cannot be read as a checkpoint ({reason}); give an intact one"
        ) from error
    state = _unwrap(content)
    if not state:
        raise InputError(f"weights file {path} holds no named tensors; give a checkpoint of a backbone")
    if empty := [name for name, tensor in state.items() if tensor.is_meta]:
        raise InputError(f"weights file {path}: {empty[0]} has no values ({len(empty)} tensors); give a whole one")
    broken = [name for name, tensor in state.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if broken:
        raise InputError(f"weights file {path}: {broken[0]} is not finite ({len(broken)} tensors); give an intact one")
    return Weights(state=state, checksum=checksum, source=path.name)


def _listing(folder: Path) -> str:
    names = sorted(file.name for file in folder.iterdir())
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more if names else "nothing"


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old pickles; what cannot be read is told in one line
        return torch.load(path, map_location="cpu", weights_only=True)


def _unwrap(content: Any) -> dict[str, Tensor]:
    for _ in range(DEEPEST):  # a file may hold itself
        if not isinstance(content, Mapping):
            break
        inner = [content[wrapper] for wrapper in WRAPPERS if isinstance(content.get(wrapper), Mapping)]
        if not inner:
            break
        content = inner[0]
    items = content.items() if isinstance(content, Mapping) else ()
    state = {name: value for name, value in items if isinstance(name, str) and isinstance(value, Tensor)}
    prefix = "module." if all(name.startswith("module.") for name in state) else ""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items()}
