"""Who says how much a transition looks like the expert's: the latent discriminator (step 2, 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from claifo_core.agent import losses
from claifo_core.agent.diagnostics import judge_metrics, reward_metrics
from claifo_core.agent.layers import slope, stages

if TYPE_CHECKING:
    from claifo_core.agent.sample import Sample
    from claifo_core.agent.sight import Part
    from claifo_core.config import AgentConfig

Descend = Callable[[Tensor], Tensor]
"""Descends a loss with the optimiser of the discriminator; returns the norm of the gradient."""


class Judge(Protocol):
    """Learns to tell transitions of the expert from the agent's, and rewards the agent."""

    def parts(self, sample: Sample) -> tuple[list[Part], list[Part]]:
        """Return which views of agent and expert it wants the shared encoder's latents of."""

    def imitate(
        self, sample: Sample, agent: list[Tensor], expert: list[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Do one step, then judge the agent.

        Args:
            sample: What is learnt from.
            agent: Latents of its :meth:`parts`, (B, Z) each.
            expert: The same of the expert.

        Returns:
            The reward, shape (B,), and metrics.
        """


def told(
    reward: Tensor, loss: Tensor, gradient: Tensor, expert_out: Tensor, agent_out: Tensor
) -> dict[str, Tensor]:
    """Return what every judge tells of itself."""
    return {
        'discriminator_loss': loss.detach(),
        'discriminator_gradient': gradient,
        **judge_metrics(expert_out, agent_out),
        **reward_metrics(reward),
    }


class LatentJudge:
    """A discriminator of latents (z, z') with a gradient penalty: C-LAIfO and LAIfO."""

    def __init__(
        self,
        network: nn.Sequential,
        config: AgentConfig,
        rng: torch.Generator,
        descend: Descend,
    ) -> None:
        """Take the discriminator, an :func:`claifo_core.agent.layers.mlp` of (B, 2Z) to (B, 1)."""
        self._network, self._config, self._rng, self._descend = network, config, rng, descend

    def parts(self, sample: Sample) -> tuple[list[Part], list[Part]]:
        """See :class:`Judge`."""
        agent, expert = (
            [(batch.obs, 'discriminator'), (batch.next_obs, 'discriminator')]
            for batch in (sample.agent, sample.expert)
        )
        return agent, expert

    def imitate(
        self, sample: Sample, agent: list[Tensor], expert: list[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`Judge`."""
        pairs = torch.cat(agent, 1)
        loss, outputs = self.loss(pairs, torch.cat(expert, 1))
        gradient = self._descend(loss)
        reward = self.reward(pairs)
        return reward, told(reward, loss, gradient, *outputs)

    def loss(self, agent: Tensor, expert: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the loss with its penalty, and the outputs for expert and agent (step 2)."""
        *hidden, output = stages(self._network, torch.cat([expert, agent]))
        expert_out, agent_out = output.squeeze(1).chunk(2)
        if self._config.gan_loss == 'bce':
            loss = losses.discriminator_loss(expert_out, agent_out)
            mix = torch.rand(len(agent), 1, generator=self._rng, device=self._rng.device)
            find, target = lambda: self._slope_at(mix * agent + (1 - mix) * expert), 1.0
        else:
            loss = losses.least_squares_loss(expert_out, agent_out)
            at_expert = [rows[: len(expert)] for rows in hidden[1::2]]
            ones = torch.ones_like(expert_out).unsqueeze(1)
            find, target = lambda: slope(self._network, at_expert, ones), 0.0
        if self._config.penalty_weight > 0:
            loss = loss + self._config.penalty_weight * losses.slope_penalty(find(), target)
        return loss, (expert_out, agent_out)

    def _slope_at(self, points: Tensor) -> Tensor:
        """Return the gradient to points, (B, 2Z), of D or of sigma(D), as is configured."""
        *hidden, output = stages(self._network, points.detach())
        upstream = torch.ones_like(output)
        if self._config.penalty_on == 'sigmoid':
            on = torch.sigmoid(output)
            (upstream,) = torch.autograd.grad(on, output, upstream, create_graph=True)
        return slope(self._network, hidden[1::2], upstream)

    @torch.no_grad()
    def reward(self, agent: Tensor) -> Tensor:
        """Return the reward of pairs of latents, (B, 2Z) (step 3)."""
        output = self._network(agent).squeeze(1)
        return losses.imitation_reward(
            output, self._config.gan_loss, self._config.imitation_reward
        )


class EnvReward:
    """The environment's reward, beside what another judge gives or alone."""

    def __init__(self, scale: float, judge: Judge | None) -> None:
        """Take the factor on the environment's reward, and who rewards imitation, if anybody."""
        self._scale, self._judge = scale, judge

    def parts(self, sample: Sample) -> tuple[list[Part], list[Part]]:
        """See :class:`Judge`."""
        return ([], []) if self._judge is None else self._judge.parts(sample)

    def imitate(
        self, sample: Sample, agent: list[Tensor], expert: list[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`Judge`; metrics are of the imitation reward alone."""
        reward = torch.zeros_like(sample.agent.reward)
        metrics = reward_metrics(reward)
        if self._judge is not None:
            reward, metrics = self._judge.imitate(sample, agent, expert)
        return reward + self._scale * sample.agent.reward, metrics
