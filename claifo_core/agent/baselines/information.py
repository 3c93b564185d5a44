"""How much latents tell about where a frame comes from (mutual information; arXiv 2103.05079).

Statistics networks estimate it from below (MINE, arXiv 1801.04062); a whole bit is certainty. A
weight on that estimate, which adapts itself, keeps an encoder under it. DisentanGAIL has it on an
encoder of its judge's, :class:`HideDomain` on the shared one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from claifo_core.agent.layers import initialise, mlp
from claifo_core.agent.objective import contrasted

if TYPE_CHECKING:
    from claifo_core.agent.judge import Descend
    from claifo_core.agent.objective import Objective
    from claifo_core.agent.sample import Sample
    from claifo_core.agent.sight import Part, View
    from claifo_core.config import NetworkConfig

TOO_MUCH, LITTLE = 0.99, 0.495
"""Bits of mutual information above which the weight grows, below which it falls."""
FACTOR, WEIGHTS, FIRST_WEIGHT = 1.5, (1e-4, 5.0), 0.5
RANDOM_BITS, LEAST_MULTIPLIER, RATE = 0.001, 1e-3, 1e-3
"""Of random actions: bits allowed, least multiplier, and step of its logarithm."""
DECAY = 0.99
"""Of the moving average in the gradient of the statistics networks."""


class DomainInformation(nn.Module):
    """Two statistics networks and the weight."""

    def __init__(self, config: NetworkConfig, **before: nn.Module) -> None:
        """Build for latents of ``config``; the networks ``before`` are part of the module."""
        super().__init__()
        for name, part in before.items():
            self.add_module(name, part)
        size, hidden = config.latent_dim + 1, config.hidden_dim
        self.statistics = nn.ModuleList(mlp(size, 1, hidden) for _ in range(2))
        self.apply(initialise)
        self.weight: Tensor
        self.log_average: Tensor
        self.register_buffer('weight', torch.tensor(FIRST_WEIGHT))
        # Of exp(T) where domains are drawn at random, per network; empty so far.
        self.register_buffer('log_average', torch.full((2,), -math.inf))

    def learn(self, latents: Tensor, descend: Descend) -> Tensor:
        """Do one step of the statistics networks, then estimate.

        Args:
            latents: Of the agent, then as many of the expert, shape (B, Z).
            descend: See :data:`claifo_core.agent.judge.Descend`.

        Returns:
            The greater bound in nats; its gradient reaches the latents alone.
        """
        descend(self.loss(latents.detach()))
        self.statistics.requires_grad_(False)
        nats = information(*self.scores(latents)).max()
        self.statistics.requires_grad_(True)
        return nats

    def loss(self, latents: Tensor) -> Tensor:
        """Return minus the bound, whose gradient divides by a moving average (less biased)."""
        own, either = self.scores(latents)
        average = self.log_average
        now = either.detach().logsumexp(1) - math.log(either.shape[1])
        moved = torch.logaddexp(average + math.log(DECAY), now + math.log(1 - DECAY))
        average.copy_(torch.where(average.isneginf(), now, moved))
        ratio = torch.exp(either - average.unsqueeze(1)).mean(1)
        return (ratio - own.mean(1)).sum()

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


def multiplied(multiplier: Tensor, bits: Tensor) -> Tensor:
    """Return the next Lagrange multiplier of what latents of random actions may tell.

    Its logarithm goes up or down by :data:`RATE`, as the published Adam lets it.
    """
    step = torch.exp(RATE * torch.sign(bits - RANDOM_BITS))
    return (multiplier * step).clamp_min(LEAST_MULTIPLIER)


class HideDomain:
    """Adds to an objective what the latents of the shared encoder tell about the domain."""

    def __init__(
        self, objective: Objective | None, network: DomainInformation, descend: Descend
    ) -> None:
        """Take the objective, if any; ``descend`` steps the statistics networks."""
        self._objective, self._network, self._descend = objective, network, descend
        self.two_way = objective is not None and objective.two_way
        self.in_pass = objective is None or objective.in_pass

    def parts(self, sample: Sample) -> tuple[list[Part], list[Part]]:
        """See :class:`claifo_core.agent.objective.Objective`; both worlds, in one order."""
        if self._objective is None:
            return contrasted('expert', sample)
        return self._objective.parts(sample)

    def loss(self, first: View, second: View) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`.objective.Objective`; agent's frames first, then expert's."""
        network = self._network
        bits = self._network.learn(first.latent, self._descend) / math.log(2)
        weight = network.weight.clone()
        network.weight.copy_(adapted(weight, bits.detach()))
        loss = weight * bits
        metrics = {'encoder_information': bits.detach(), 'encoder_domain_weight': weight}
        if self._objective is None:
            return loss, metrics
        added, told = self._objective.loss(first, second)
        return loss + added, metrics | told

    def after_step(self) -> None:
        """See :class:`claifo_core.agent.objective.Objective`."""
        if self._objective is not None:
            self._objective.after_step()
