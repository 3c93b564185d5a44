"""One tree of random generators: every stream of a run follows from its seed and a name."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def seed_for(seed: int, *path: str | int) -> int:
    """Return the 63-bit seed of the stream named by ``path``, independent of all other names.

    Args:
        seed: The seed of the run.
        path: Names and numbers, for example ``('episode', environment, number)``.
    """
    keys = [p if isinstance(p, int) else zlib.crc32(p.encode()) for p in path]
    state = np.random.SeedSequence(seed, spawn_key=keys).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def episode_seed(seed: int, *path: str | int) -> int:
    """Return a 31-bit seed, which every simulator accepts."""
    return seed_for(seed, *path) >> 32


def generator(seed: int, *path: str | int, device: torch.device | str = 'cpu') -> torch.Generator:
    """Return the torch generator of the stream named by ``path``."""
    import torch  # here: simulators need seeds, and no torch

    return torch.Generator(device).manual_seed(seed_for(seed, *path))
