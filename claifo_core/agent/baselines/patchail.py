"""PatchAIL-W (arXiv 2302.00965): a discriminator of image patches instead of latents.

Each logit judges one patch of the pixels (o, o'). The reward is the mean logit, weighted by how
much the agent's patches are spread as the expert's are. Encoder, critic and actor are those of
Algorithm 1.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from claifo_core.agent import losses
from claifo_core.agent.baselines.pixels import PixelJudge
from claifo_core.agent.judge import told
from claifo_core.agent.layers import initialise

if TYPE_CHECKING:
    from collections.abc import Callable

    from claifo_core.agent.judge import Descend
    from claifo_core.agent.sight import Sight
    from claifo_core.config import AgentConfig, NetworkConfig

FIRST_SIMILARITY = 1.3
"""The similarities are scaled once, such that those of the first batch have this mean."""


class PatchDiscriminator(nn.Module):
    """Two stacks of images, channel behind channel, to a logit per patch."""

    def __init__(self, config: NetworkConfig, channels: int) -> None:
        """Build for ``channels`` of both stacks together; 32, 64, 128 wide at the default."""
        super().__init__()
        widths = (channels, *(times * config.channels for times in (1, 2, 4)), 1)
        layers: list[nn.Module] = []
        for before, width in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, width, 4, 1 if layers else 2, 1), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers[:-1]).apply(initialise)
        self.scale: Tensor
        self.register_buffer('scale', torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, shape (B, patches), of images in -0.5..0.5, shape (B, C, H, W)."""
        logits: Tensor = self.layers(images)
        return logits.flatten(1)


def similarity(agent: Tensor, expert: Tensor) -> Tensor:
    """Return exp(-KL) of each agent sample's patches from the expert's average, shape (B,).

    Args:
        agent: Logits, shape (B, patches). The patches of a sample are spread as their sigma(D)
            are, divided by their sum.
        expert: Logits, shape (B, patches).
    """
    ours = torch.sigmoid(agent)
    ours = ours / ours.sum(1, keepdim=True)
    theirs = torch.sigmoid(expert).mean(0)
    theirs = theirs / theirs.sum()
    return torch.exp(-(ours * (ours / theirs).log()).sum(1))


def penalty_over_channels(network: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """Return the penalty as it was published, which is next to nothing.

    One norm per channel, over all samples mixed up, of the gradient with respect to inputs in
    0..255; the sum over channels is divided by the number of logits.
    """
    points = points.detach().requires_grad_(True)
    logits = network(points)
    (gradient,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
    rows = gradient.reshape(gradient.shape[1], -1) / 255
    penalty: Tensor = (rows.norm(dim=1) - 1).square().sum() / logits.numel()
    return penalty


class PatchJudge(PixelJudge):
    """Trains the discriminator of patches and gives its reward."""

    def __init__(
        self,
        network: PatchDiscriminator,
        config: AgentConfig,
        rng: torch.Generator,
        descend: Descend,
        sight: Sight,
    ) -> None:
        """Take built parts."""
        super().__init__(sight)
        self._network, self._config, self._rng, self._descend = network, config, rng, descend

    def learn(
        self, agent: list[Tensor], expert: list[Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`claifo_core.agent.baselines.pixels.PixelJudge`."""
        ours, theirs = (_stacked(images) for images in (agent, expert))
        expert_out, agent_out = self._network(torch.cat([theirs, ours])).chunk(2)
        loss = losses.discriminator_loss(expert_out, agent_out)
        if self._config.penalty_weight > 0:
            loss = loss + self._config.penalty_weight * self._penalty(ours, theirs)
        gradient = self._descend(loss)
        reward = self._reward(ours, theirs)
        return reward, told(reward, loss, gradient, expert_out, agent_out)

    def _penalty(self, ours: Tensor, theirs: Tensor) -> Tensor:
        mix = torch.rand(len(ours), 1, 1, 1, generator=self._rng, device=self._rng.device)
        points = mix * ours + (1 - mix) * theirs
        if self._config.faithful:
            return penalty_over_channels(self._network, points)
        # Of the mean logit, which is the reward: so its weight depends on no number of patches.
        return losses.gradient_penalty(
            lambda x: self._network(x).mean(1), points, on=self._config.penalty_on, target=1.0
        )

    @torch.no_grad()
    def _reward(self, ours: Tensor, theirs: Tensor) -> Tensor:
        expert_out, agent_out = self._network(torch.cat([theirs, ours])).chunk(2)
        alike, scale = similarity(agent_out, expert_out), self._network.scale
        scale.copy_(torch.where(scale > 0, scale, FIRST_SIMILARITY / alike.mean()))
        reward: Tensor = scale * alike * agent_out.mean(1)
        return reward


def _stacked(images: list[Tensor]) -> Tensor:
    """Return both ends of transitions as the channels of one image in -0.5..0.5."""
    return torch.cat(images, 1).float() / 255 - 0.5
