"""Who says how much a transition looks like the expert's: the latent discriminator (step 2, 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from claifo_core.agent import losses
from claifo_core.agent.diagnostics import judge_metrics

if TYPE_CHECKING:
    from claifo_core.config import AgentConfig

Descend = Callable[[Tensor], Tensor]
"""Descends a loss with the optimiser of the discriminator; returns the norm of the gradient."""


class Judge(Protocol):
    """Learns to tell transitions of the expert from the agent's, and rewards the agent.

    Attributes:
        sees_pixels: Whether it gets images, float32 (B, T V, 3, H, W), or latents of the shared
            encoder, (B, Z).
    """

    sees_pixels: bool

    def learn(
        self, agent: list[Tensor], expert: list[Tensor], descend: Descend
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Do one step, then judge the agent.

        Args:
            agent: Its observations at both ends of the transitions, and those of random actions in
                its world, if the judge learns from them.
            expert: The same of the expert.
            descend: See :data:`Descend`.

        Returns:
            The imitation reward, shape (B,), and metrics.
        """


class LatentJudge:
    """A discriminator of latents (z, z') with a gradient penalty: C-LAIfO and LAIfO."""

    sees_pixels = False

    def __init__(self, network: nn.Module, config: AgentConfig, rng: torch.Generator) -> None:
        """Take the discriminator, (B, 2Z) to (B, 1)."""
        self._network, self._config, self._rng = network, config, rng

    def learn(
        self, agent: list[Tensor], expert: list[Tensor], descend: Descend
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`Judge`."""
        pairs = torch.cat(agent, 1)
        loss, outputs = self.loss(pairs, torch.cat(expert, 1))
        gradient = descend(loss)
        reward = self.reward(pairs)
        return reward, {
            'discriminator_loss': loss.detach(),
            'discriminator_gradient': gradient,
            **judge_metrics(*outputs),
        }

    def loss(self, agent: Tensor, expert: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the loss with its penalty, and the outputs for expert and agent (step 2)."""
        config, network = self._config, self._network
        expert_out, agent_out = network(torch.cat([expert, agent])).squeeze(1).chunk(2)
        if config.gan_loss == 'bce':
            loss = losses.discriminator_loss(expert_out, agent_out)
            mix = torch.rand(len(agent), 1, generator=self._rng, device=self._rng.device)
            points, target, on = mix * agent + (1 - mix) * expert, 1.0, config.penalty_on
        else:
            loss = losses.least_squares_loss(expert_out, agent_out)
            points, target, on = expert, 0.0, 'logit'
        if config.penalty_weight > 0:
            penalty = losses.gradient_penalty(network, points, on=on, target=target)
            loss = loss + config.penalty_weight * penalty
        return loss, (expert_out, agent_out)

    @torch.no_grad()
    def reward(self, agent: Tensor) -> Tensor:
        """Return the reward of pairs of latents, (B, 2Z) (step 3)."""
        output = self._network(agent).squeeze(1)
        return losses.imitation_reward(
            output, self._config.gan_loss, self._config.imitation_reward
        )
