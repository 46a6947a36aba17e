"""Seeds: every random stream has a name, and no stream depends on the configuration, so that fold fits stay paired."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(seed: int, *parts: str | int) -> int:
    """Return the seed of a named stream, in [0, 2**63): the same on every machine."""
    text = "/".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@contextmanager
def torch_seed(seed: int) -> Iterator[None]:
    """Seed torch inside the block and give the caller's random state back after it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
