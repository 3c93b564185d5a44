"""The networks of algorithm 1.2: encoder, actor, twin critic, discriminator, similarity."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from claifo_core.agent.baselines.byol import Heads
from claifo_core.agent.baselines.disentangail import Disentangler
from claifo_core.agent.baselines.information import DomainInformation
from claifo_core.agent.baselines.patchail import PatchDiscriminator
from claifo_core.agent.encoders import Encoder
from claifo_core.agent.layers import initialise, mlp
from claifo_core.config import AgentConfig

if TYPE_CHECKING:
    from claifo_core.config import NetworkConfig


class TwinCritic(nn.Module):
    """Two independent estimates of Q(s, a); s is the latent z with the proprioception."""

    def __init__(self, state_dim: int, action_dim: int, hidden: int) -> None:
        """Build both heads."""
        super().__init__()
        self.heads = nn.ModuleList(mlp(state_dim + action_dim, 1, hidden) for _ in range(2))

    def forward(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Return Q1 and Q2, shape (B,) each, of state (B, Z + P) and action (B, A)."""
        both = torch.cat([state, action], 1)
        first, second = (head(both).squeeze(1) for head in self.heads)
        return first, second


@dataclass
class Networks:
    """All networks of the agent; ``similarity`` is W of the bilinear InfoNCE.

    The actor gives the pre-tanh mean of the action, the discriminator the logit of "expert" (and
    whatever else the imitation judge needs). ``heads`` are those of the representation objective;
    ``information`` is what it needs to hide the domain, ``transition`` the model of bisimulation.
    """

    encoder: Encoder
    actor: nn.Sequential
    critic: TwinCritic
    target_critic: TwinCritic
    discriminator: nn.Module
    similarity: nn.Parameter
    heads: nn.Module | None = None
    information: DomainInformation | None = None
    transition: nn.Sequential | None = None

    @torch.no_grad()
    def follow_critic(self, tau: float) -> None:
        """Move the target critic by a share of its distance from the critic."""
        target, critic = self.target_critic.parameters(), self.critic.parameters()
        torch._foreach_lerp_(list(target), list(critic), tau)

    def modules(self) -> dict[str, nn.Module]:
        """Return the modules by name (all but the similarity matrix)."""
        return {name: part for name, part in vars(self).items() if isinstance(part, nn.Module)}


def build_networks(
    config: NetworkConfig,
    *,
    frame_stack: int,
    size_px: int,
    action_dim: int,
    seed: int,
    views: int = 1,
    proprio_dim: int = 0,
    agent: AgentConfig | None = None,
    device: torch.device | str = 'cpu',
) -> Networks:
    """Build and initialise every network from one seed.

    Linear layers start orthogonal with gain 1, convolutions with gain sqrt(2), biases at 0, the
    similarity matrix uniform in [0, 1) (algorithm 1.2). Encoder, actor and critic start the same
    whatever the imitation judge and the representation objective of ``agent`` are.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = Encoder(config, frame_stack, views, size_px)
        z, h = config.latent_dim, config.hidden_dim
        critic = TwinCritic(z + proprio_dim, action_dim, h)
        actor, discriminator = mlp(z + proprio_dim, action_dim, h), mlp(2 * z, 1, h)
        for part in (encoder, actor, critic, discriminator):
            part.apply(initialise)
        similarity = nn.Parameter(_similarity(config, encoder).to(device))
        agent = agent or AgentConfig()
        judge, heads = _build_others(config, agent, encoder, frame_stack, size_px)
        information = DomainInformation(config) if agent.hide_domain else None
        transition = (
            mlp(z + action_dim, 2 * z, h).apply(initialise) if agent.bisimulation > 0 else None
        )
    for convolving in (encoder, judge, heads):
        for weight in convolving.parameters() if convolving is not None else ():
            if weight.ndim == 4:
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    target = copy.deepcopy(critic).requires_grad_(False)
    return Networks(
        encoder.to(device),
        actor.to(device),
        critic.to(device),
        target.to(device),
        (discriminator if judge is None else judge).to(device),
        similarity,
        None if heads is None else heads.to(device),
        None if information is None else information.to(device),
        None if transition is None else transition.to(device),
    )


def _similarity(config: NetworkConfig, encoder: Encoder) -> Tensor:
    """Return W of the bilinear InfoNCE; between features, scaled down to the sum of as few."""
    if config.contrast == 'latent':
        return torch.rand(2 * (config.projection or config.latent_dim,))
    features = encoder.linear.in_features
    return torch.rand(features, features) / features


def _build_others(
    config: NetworkConfig, agent: AgentConfig, encoder: Encoder, frame_stack: int, size_px: int
) -> tuple[nn.Module | None, nn.Module | None]:
    """Return the networks of another judge than the default, and the heads of the objective."""
    judge: nn.Module | None = None
    if agent.judge == 'patch':
        judge = PatchDiscriminator(config, 6 * frame_stack * encoder.views)
    elif agent.judge == 'disentangled':
        views, random = encoder.views, agent.random_constraint
        judge = Disentangler(config, frame_stack, views, size_px, random=random)
    heads: nn.Module | None = None
    if agent.contrastive == 'byol':
        heads = Heads(config, encoder)
    elif config.projection:
        heads = mlp(config.latent_dim, config.projection, config.hidden_dim).apply(initialise)
    return judge, heads
