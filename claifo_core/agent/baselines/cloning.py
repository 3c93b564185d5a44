"""Behaviour cloning: do in a picture what the expert did in it.

A reference for what actions are worth, which a film does not have. Nothing of the agent's own
steps is learnt from: they only carry the run from one evaluation to the next, as in every method.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Cloning:
    """The loss of encoder and actor on frames of the expert."""

    def __init__(self, actor: nn.Module) -> None:
        """Take the actor, (B, Z) to (B, A): the mean action before tanh."""
        self._actor = actor

    def loss(self, latent: Tensor, action: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean of (tanh u - a)^2, and metrics.

        Args:
            latent: Of views of the expert's frames, shape (B, Z).
            action: What the expert did there, in [-1, 1], shape (B, A).
        """
        mean = torch.tanh(self._actor(latent))
        loss = functional.mse_loss(mean, action)
        return loss, {'cloning_loss': loss.detach(), 'action_abs': mean.detach().abs().mean()}
