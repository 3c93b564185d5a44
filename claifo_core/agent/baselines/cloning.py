"""Behaviour cloning: do in a picture what the expert did in it.

A reference for what actions are worth, which a film does not have. Nothing of the agent's own
steps is learnt from: they only carry the run from one evaluation to the next, as in every method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from claifo_core.agent.agent import Agent, Metrics
from claifo_core.agent.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claifo_core.data.replay import Batch
    from claifo_core.data.stacks import Stacks


def cloning_loss(
    actor: nn.Module, latent: Tensor, action: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the mean of (tanh u - a)^2, and metrics.

    Args:
        actor: (B, Z) to (B, A), the mean action u before tanh.
        latent: Of views of the expert's frames, shape (B, Z).
        action: What the expert did there, in [-1, 1], shape (B, A).
    """
    mean = torch.tanh(actor(latent))
    loss = functional.mse_loss(mean, action)
    return loss, {'cloning_loss': loss.detach(), 'action_abs': mean.detach().abs().mean()}


class Cloner(Agent):
    """Trains encoder and actor on the expert's frames and actions alone."""

    def update(
        self, agent: Batch, expert: Batch, std: float | Tensor, random: Sequence[Stacks] = ()
    ) -> Metrics:
        """Do one update; the actor sees what it sees in every method."""
        self._sight.watch(Sample(agent, expert))
        latent = self._sight.graded((expert.obs, 'critic')).latent
        loss, metrics = cloning_loss(self.networks.actor, latent, expert.action)
        return metrics | {'encoder_gradient': self.optimisers.step(loss, 'encoder', 'actor')}
