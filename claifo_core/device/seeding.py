"""One tree of random generators: every stream of a run follows from its seed and a name."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def resume(
    rngs: dict[str, torch.Generator], states: Mapping[str, torch.Tensor], seed: int, *path: int
) -> None:
    """Let streams go on; a state of another device says nothing here, so those begin anew.

    Args:
        rngs: Streams by name.
        states: State of each, by ``rng.`` and its name.
        seed: The seed of the run.
        path: Numbers that tell this beginning from all others.
    """
    anew = []
    for name, rng in rngs.items():
        state = states[f'rng.{name}']
        if state.shape == rng.get_state().shape:
            rng.set_state(state.cpu())
        else:
            rng.manual_seed(seed_for(seed, name, *path))
            anew.append(name)
    if anew:
        print(f'claifo: saved on another device; draws begin anew: {", ".join(anew)}',
              file=sys.stderr)
