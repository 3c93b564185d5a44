"""Noise with which an agent tries actions that it would not choose (algorithm 1.4)."""

from __future__ import annotations

from collections.abc import Callable

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


def smoothed(
    actor: Callable[[Tensor], Tensor],
    state: Tensor,
    std: float | Tensor,
    clip: float,
    rng: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return the actor's actions with clipped noise, which smooths what the critic is asked.

    Args:
        actor: Gives the mean before tanh, shape (B, A).
        state: Shape (B, Z + P).
        std: Standard deviation of the noise, cut at +- ``clip``.
        clip: Bound of the noise.
        rng: Source of the noise, on the device of ``state``.

    Returns:
        Actions within (-1, 1), whose gradient passes as if unclamped, and their means before tanh.
    """
    pre_tanh = actor(state)
    mean = torch.tanh(pre_tanh)
    noise = torch.randn(mean.shape, generator=rng, device=mean.device)
    return losses.clamp_straight_through(mean + (std * noise).clamp(-clip, clip)), pre_tanh


def uniform(count: int, action_dim: int, rng: torch.Generator) -> Tensor:
    """Return uniform random actions in [-1, 1], float32 (count, action_dim)."""
    return 2 * torch.rand(count, action_dim, generator=rng) - 1
