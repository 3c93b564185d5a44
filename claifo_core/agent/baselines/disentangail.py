"""DisentanGAIL (arXiv 2103.05079): the judge has an encoder of its own that hides the domain.

A stochastic preprocessor feeds the discriminator. What its latents tell about the domain is
estimated and kept low, see :mod:`claifo_core.agent.baselines.information`. With films of random
actions of both worlds (``agent.random_constraint``), latents of these may tell next to nothing.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from claifo_core.agent.baselines.information import DomainInformation, adapted, multiplied
from claifo_core.agent.baselines.pixels import PixelJudge
from claifo_core.agent.encoders import Encoder
from claifo_core.agent.judge import LatentJudge, told
from claifo_core.agent.layers import mlp

if TYPE_CHECKING:
    from claifo_core.agent.judge import Descend
    from claifo_core.agent.sight import Sight
    from claifo_core.config import AgentConfig, NetworkConfig

LOG_STD = (-5.0, 2.0)


class Disentangler(DomainInformation):
    """Preprocessor, discriminator of its latents, two statistics networks and the weight."""

    preprocessor: Encoder
    discriminator: nn.Sequential

    def __init__(
        self, config: NetworkConfig, stack: int, views: int, size_px: int, *, random: bool = False
    ) -> None:
        """Build for stacks of ``stack`` frames of ``views`` cameras, ``size_px`` squared each.

        ``random`` adds the multiplier of the constraint on films of random actions.
        """
        twice = dataclasses.replace(config, latent_dim=2 * config.latent_dim)
        super().__init__(
            config,
            preprocessor=Encoder(twice, stack, views, size_px),
            discriminator=mlp(2 * config.latent_dim, 1, config.hidden_dim),
        )
        self.multiplier: Tensor
        if random:
            self.register_buffer('multiplier', torch.tensor(1.0))


class DisentangledJudge(PixelJudge):
    """Trains preprocessor, discriminator and statistics networks and gives the reward."""

    def __init__(
        self,
        network: Disentangler,
        config: AgentConfig,
        rng: torch.Generator,
        descend: Descend,
        sight: Sight,
    ) -> None:
        """Take built parts."""
        super().__init__(sight, random=config.random_constraint)
        self._network, self._rng, self._descend = network, rng, descend
        self._encode = sight.encode
        self._faithful = config.faithful
        self._judge = LatentJudge(network.discriminator, config, rng, descend)

    def learn(
        self, agent: list[Tensor], expert: list[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`claifo_core.agent.baselines.pixels.PixelJudge`."""
        network = self._network
        # The authors' preprocessor is never trained.
        with torch.set_grad_enabled(not self._faithful):
            latents = self._sample(torch.cat([*agent, *expert])).chunk(2 * len(agent))
        now, after, *random = latents[: len(agent)]
        expert_now, expert_after, *expert_random = latents[len(agent) :]
        nats = network.learn(torch.cat([now, expert_now]), self._descend)
        ours, theirs = torch.cat([now, after], 1), torch.cat([expert_now, expert_after], 1)
        loss, outputs = self._judge.loss(ours, theirs)
        # The authors compare nats with thresholds in bits.
        unit = 1.0 if self._faithful else math.log(2)
        bits = nats / unit
        loss_and_penalty, more = loss + network.weight * bits, {}
        if random:
            few = network.learn(torch.cat([*random, *expert_random]), self._descend) / unit
            loss_and_penalty = loss_and_penalty + network.multiplier * few
            more = {'random_information': few.detach() * unit / math.log(2),
                    'random_multiplier': network.multiplier.clone()}  # fmt: skip
        gradient = self._descend(loss_and_penalty)
        network.weight.copy_(adapted(network.weight, bits.detach()))
        if random:
            network.multiplier.copy_(multiplied(network.multiplier, few.detach()))
        reward = self._judge.reward(ours.detach())
        return reward, more | {
            'domain_information': nats.detach() / math.log(2),
            'domain_weight': network.weight.clone(),
            **told(reward, loss, gradient, *outputs),
        }

    def _sample(self, images: Tensor) -> Tensor:
        """Return latents (B, Z) drawn such that the gradient reaches their mean and spread."""
        mean, spread = self._encode(images, self._network.preprocessor).chunk(2, 1)
        low, high = LOG_STD
        std = torch.exp(low + (high - low) * (spread + 1) / 2)
        return mean + std * torch.randn(mean.shape, generator=self._rng, device=mean.device)
