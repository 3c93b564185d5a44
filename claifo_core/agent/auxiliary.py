"""Losses that another method adds to the step of critic and encoder (step 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class CriticStep(NamedTuple):
    """What the critic has just been shown, and what it said.

    Attributes:
        latent: Of the observations, shape (B, Z); its gradient reaches the encoder, if any does.
        state: The latent with the proprioception, shape (B, Z + P).
        action: Shape (B, A).
        values: Q1 and Q2, shape (B,) each.
        next_latent: Shape (B, Z), without gradient.
        next_action: What the actor would do there, shape (B, A).
        reward: What the critic learns from, shape (B,).
    """

    latent: Tensor
    state: Tensor
    action: Tensor
    values: tuple[Tensor, Tensor]
    next_latent: Tensor
    next_action: Tensor
    reward: Tensor


class Auxiliary(Protocol):
    """A loss that is added to the critic's."""

    def loss(self, step: CriticStep, std: float | Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss with its weight, and metrics; ``std`` is of the noise on actions."""
