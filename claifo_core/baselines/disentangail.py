"""DisentanGAIL (arXiv 2103.05079): the judge has an encoder of its own that hides the domain.

A stochastic preprocessor feeds the discriminator. Statistics networks estimate from below how
many bits its latents tell about where a frame comes from (mutual information; MINE, arXiv
1801.04062); a whole bit is certainty. A weight on that estimate, which adapts itself, keeps the
preprocessor under it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from claifo_core.diagnostics import judge_metrics
from claifo_core.encoders import Encoder
from claifo_core.judge import LatentJudge
from claifo_core.layers import initialise, mlp

if TYPE_CHECKING:
    from claifo_core.config import AgentConfig, NetworkConfig
    from claifo_core.judge import Descend

LOG_STD = (-5.0, 2.0)
TOO_MUCH, LITTLE = 0.99, 0.495
"""Bits of mutual information above which the weight grows, below which it falls."""
FACTOR, WEIGHTS, FIRST_WEIGHT = 1.5, (1e-4, 5.0), 0.5
DECAY = 0.99
"""Of the moving average in the gradient of the statistics networks."""


class Disentangler(nn.Module):
    """Preprocessor, discriminator of its latents, two statistics networks and the weight."""

    def __init__(self, config: NetworkConfig, stack: int, views: int, size_px: int) -> None:
        """Build for stacks of ``stack`` frames of ``views`` cameras, ``size_px`` squared each."""
        super().__init__()
        z, hidden = config.latent_dim, config.hidden_dim
        twice = dataclasses.replace(config, latent_dim=2 * z)
        self.preprocessor = Encoder(twice, stack, views, size_px)
        self.discriminator = mlp(2 * z, 1, hidden)
        self.statistics = nn.ModuleList(mlp(z + 1, 1, hidden) for _ in range(2))
        self.apply(initialise)
        self.weight: Tensor
        self.log_average: Tensor
        self.register_buffer('weight', torch.tensor(FIRST_WEIGHT))
        # Of exp(T) where domains are drawn at random, per network; empty so far.
        self.register_buffer('log_average', torch.full((2,), -math.inf))

    def scores(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return T(z, own domain), shape (2, B), and T(z, either domain), shape (2, 2 B).

        Args:
            latents: Of the agent, then as many of the expert, shape (B, Z).
        """
        half = latents.new_ones(len(latents) // 2, 1)
        own = torch.cat([-half, half])
        both = torch.cat([torch.cat([latents, own], 1), torch.cat([latents, -own], 1)])
        outputs = torch.stack([network(both).squeeze(1) for network in self.statistics])
        return outputs[:, : len(latents)], outputs


def information(own: Tensor, either: Tensor) -> Tensor:
    """Return mean T(own) - log mean exp T(either) of each network, a lower bound in nats.

    Both domains are as frequent, so the mean over either domain of every latent is the product
    of the marginals itself, where a shuffle would be a noisy sample of it.
    """
    return own.mean(1) - (either.logsumexp(1) - math.log(either.shape[1]))


def adapted(weight: Tensor, bits: Tensor) -> Tensor:
    """Return the next weight: larger where the latents tell too much, smaller where little."""
    factor = torch.where(bits > TOO_MUCH, FACTOR, torch.where(bits < LITTLE, 1 / FACTOR, 1.0))
    return (weight * factor).clamp(*WEIGHTS)


class DisentangledJudge:
    """Trains preprocessor, discriminator and statistics networks and gives the reward."""

    sees_pixels = True

    def __init__(
        self,
        network: Disentangler,
        config: AgentConfig,
        rng: torch.Generator,
        encode: Callable[[Tensor, nn.Module], Tensor],
    ) -> None:
        """Take built parts; ``encode`` gives the latents of images by any encoder."""
        self._network, self._rng, self._encode = network, rng, encode
        self._faithful = config.faithful
        self._judge = LatentJudge(network.discriminator, config, rng)

    def learn(
        self, agent: list[Tensor], expert: list[Tensor], descend: Descend
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`claifo_core.judge.Judge`."""
        network = self._network
        # The authors' preprocessor is never trained.
        with torch.set_grad_enabled(not self._faithful):
            latents = self._sample(torch.cat([*agent, *expert]))
        now, after, expert_now, expert_after = latents.chunk(4)
        domains = torch.cat([now, expert_now])
        descend(self._statistics_loss(domains.detach()))
        ours, theirs = torch.cat([now, after], 1), torch.cat([expert_now, expert_after], 1)
        loss, outputs = self._judge.loss(ours, theirs)
        network.statistics.requires_grad_(False)
        nats = information(*network.scores(domains)).max()
        network.statistics.requires_grad_(True)
        # The authors compare nats with thresholds in bits.
        bits = nats if self._faithful else nats / math.log(2)
        gradient = descend(loss + network.weight * bits)
        network.weight.copy_(adapted(network.weight, bits.detach()))
        return self._judge.reward(ours.detach()), {
            'discriminator_loss': loss.detach(),
            'discriminator_gradient': gradient,
            'domain_information': nats.detach() / math.log(2),
            'domain_weight': network.weight.clone(),
            **judge_metrics(*outputs),
        }

    def _sample(self, images: Tensor) -> Tensor:
        """Return latents (B, Z) drawn such that the gradient reaches their mean and spread."""
        mean, spread = self._encode(images, self._network.preprocessor).chunk(2, 1)
        low, high = LOG_STD
        std = torch.exp(low + (high - low) * (spread + 1) / 2)
        return mean + std * torch.randn(mean.shape, generator=self._rng, device=mean.device)

    def _statistics_loss(self, latents: Tensor) -> Tensor:
        """Return minus the bound, whose gradient divides by a moving average (less biased)."""
        network = self._network
        own, either = network.scores(latents)
        average = network.log_average
        now = either.detach().logsumexp(1) - math.log(either.shape[1])
        moved = torch.logaddexp(average + math.log(DECAY), now + math.log(1 - DECAY))
        average.copy_(torch.where(average.isneginf(), now, moved))
        ratio = torch.exp(either - average.unsqueeze(1)).mean(1)
        return (ratio - own.mean(1)).sum()
