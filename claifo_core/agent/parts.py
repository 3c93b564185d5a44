"""Which objective, auxiliary loss and judge a configuration asks for, or cloning alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor, nn

from claifo_core.agent.baselines.bisimulation import Bisimulation
from claifo_core.agent.baselines.byol import Byol, Heads
from claifo_core.agent.baselines.cloning import Cloning
from claifo_core.agent.baselines.disentangail import DisentangledJudge, Disentangler
from claifo_core.agent.baselines.information import HideDomain
from claifo_core.agent.baselines.patchail import PatchDiscriminator, PatchJudge
from claifo_core.agent.judge import LatentJudge
from claifo_core.agent.objective import InfoNce

if TYPE_CHECKING:
    import torch

    from claifo_core.agent.judge import Descend, Judge
    from claifo_core.agent.networks import Networks
    from claifo_core.agent.objective import Objective
    from claifo_core.config import AgentConfig

Encode = Callable[[Tensor, nn.Module], Tensor]
"""Latents of images, float32 (B, T V, 3, H, W), by any encoder."""


def build_objective(
    networks: Networks, config: AgentConfig, encode: Encode, descend: Descend
) -> Objective | None:
    """Return the loss that makes latents invariant; None: there is none."""
    objective = _contrastive(networks, config, encode)
    if networks.information is None:
        return objective
    return HideDomain(objective, networks.information, descend)


def _contrastive(networks: Networks, config: AgentConfig, encode: Encode) -> Objective | None:
    if config.contrastive == 'none':
        return None
    if isinstance(networks.heads, Heads):
        return Byol(networks.encoder, networks.heads, encode, raw_anchor=config.faithful)
    return InfoNce(config, networks.similarity, networks.heads)


def build_bisimulation(networks: Networks, config: AgentConfig) -> Bisimulation | None:
    """Return the auxiliary loss of the critic's step; None: there is none."""
    if networks.transition is None:
        return None
    discount = config.discount**config.n_step
    return Bisimulation(networks.transition, config.bisimulation, discount)


def build_cloning(networks: Networks, config: AgentConfig) -> Cloning | None:
    """Return what is learnt in the place of everything else; None: no cloning."""
    return Cloning(networks.actor) if config.cloning else None


def build_judge(
    networks: Networks, config: AgentConfig, rng: torch.Generator, encode: Encode
) -> Judge | None:
    """Return who rewards imitation; None: nobody does."""
    if config.reward == 'env':
        return None
    network = networks.discriminator
    if isinstance(network, PatchDiscriminator):
        return PatchJudge(network, config, rng)
    if isinstance(network, Disentangler):
        return DisentangledJudge(network, config, rng, encode)
    return LatentJudge(network, config, rng)
