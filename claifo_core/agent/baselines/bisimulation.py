"""Bisimulation (arXiv 2006.10742): latents as far apart as what follows from them differs.

An auxiliary loss of the encoder. The distance of two latents is to be the difference of their
rewards and, discounted, the distance of what a learnt model says comes next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from claifo_core.agent.auxiliary import CriticStep

LOG_STD = (-5.0, 0.0)
"""Bounds of the model's spread; latents are within [-1, 1]."""


class Bisimulation:
    """The loss of the encoder, and that of the transition model."""

    def __init__(self, model: nn.Module, weight: float, discount: float) -> None:
        """Take the model, (B, Z + A) to (B, 2 Z): mean and spread of the next latent.

        Args:
            model: Learns from latents that are fixed.
            weight: Of the encoder's loss.
            discount: From the latents to the next.
        """
        self._model, self._weight, self._discount = model, weight, discount

    def loss(self, step: CriticStep, std: float | Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`claifo_core.agent.auxiliary.Auxiliary`; the sum of both losses."""
        mean, spread = self._predict(step.latent.detach(), step.action)
        fit = transition_loss(mean, spread, step.next_latent)
        target = targets(step.reward, mean.detach(), spread.detach(), self._discount)
        loss = (_pair(step.latent).abs().sum(1) - target).square().mean()
        metrics = {'bisimulation_loss': loss.detach(), 'transition_loss': fit.detach()}
        return self._weight * loss + fit, metrics

    def _predict(self, latent: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        mean, spread = self._model(torch.cat([latent, action], 1)).chunk(2, 1)
        low, high = LOG_STD
        return mean, torch.exp(low + (high - low) * torch.sigmoid(spread))


def targets(reward: Tensor, mean: Tensor, std: Tensor, discount: float) -> Tensor:
    """Return |r_i - r_j| + discount x W2 of both Gaussians for each pair, shape (B,)."""
    squares = _pair(mean).square() + _pair(std).square()
    return _pair(reward).abs() + discount * squares.sum(1).sqrt()


def transition_loss(mean: Tensor, std: Tensor, next_latent: Tensor) -> Tensor:
    """Return minus the log-likelihood (nats, without its constant), averaged over the batch."""
    nats = ((next_latent - mean) / std).square() / 2 + std.log()
    return nats.sum(1).mean()


def _pair(values: Tensor) -> Tensor:
    """Return the difference of each row and its partner; a batch is in random order already."""
    return values - values.roll(1, 0)
