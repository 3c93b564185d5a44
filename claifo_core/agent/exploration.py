"""Noise with which an agent tries actions that it would not choose (algorithm 1.4)."""

from __future__ import annotations

import torch
from torch import Tensor

from claifo_core.agent import losses


def explore(mean: Tensor, std: float, rng: torch.Generator) -> Tensor:
    """Return actions in [-1, 1] with Gaussian noise.

    Args:
        mean: Mean actions in [-1, 1], float32 (N, A).
        std: Standard deviation of the noise; at 0 nothing is drawn.
        rng: Source of the noise, on the device of ``mean``.
    """
    if std <= 0:
        return mean
    noise = torch.randn(mean.shape, generator=rng, device=mean.device)
    return losses.clamp_straight_through(mean + std * noise)


def uniform(count: int, action_dim: int, rng: torch.Generator) -> Tensor:
    """Return uniform random actions in [-1, 1], float32 (count, action_dim)."""
    return 2 * torch.rand(count, action_dim, generator=rng) - 1
