"""Which agent a configuration asks for: C-LAIfO, or with parts of another method in its places."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from torch import nn

from claifo_core.agent.agent import Agent
from claifo_core.agent.baselines.bisimulation import Bisimulation
from claifo_core.agent.baselines.byol import Byol, Heads
from claifo_core.agent.baselines.cloning import Cloner
from claifo_core.agent.baselines.disentangail import DisentangledJudge, Disentangler
from claifo_core.agent.baselines.information import HideDomain
from claifo_core.agent.baselines.patchail import PatchDiscriminator, PatchJudge
from claifo_core.agent.baselines.vrl3 import Conservative, SafeAgent
from claifo_core.agent.judge import EnvReward, LatentJudge
from claifo_core.agent.objective import InfoNce, NoObjective
from claifo_core.agent.sight import Sight

if TYPE_CHECKING:
    import torch

    from claifo_core.agent.augment import Augmenter
    from claifo_core.agent.auxiliary import Auxiliary
    from claifo_core.agent.judge import Descend, Judge
    from claifo_core.agent.networks import Networks
    from claifo_core.agent.objective import Objective
    from claifo_core.agent.optimisers import Optimisers
    from claifo_core.config import AgentConfig, TrainConfig


def build_agent(
    networks: Networks,
    optimisers: Optimisers,
    augmenter: Augmenter,
    config: TrainConfig,
    rng: torch.Generator,
    *,
    half: bool = False,
    offline: bool = False,
) -> Agent:
    """Return the agent of a run.

    Args:
        networks: What acts and learns.
        optimisers: What moves their weights.
        augmenter: Makes views, from a stream of its own.
        config: The run.
        rng: Where every other random number comes from.
        half: Encode in bfloat16.
        offline: Hold the critic low for actions that the transitions do not show.
    """
    kind = Cloner if config.agent.cloning else SafeAgent if config.agent.safe_q > 0 else Agent
    sight = Sight(networks.encoder, augmenter, config, half=half)
    descend = functools.partial(_descend, optimisers)
    return kind(
        networks,
        optimisers,
        sight,
        _objective(networks, config, sight, descend),
        _judge(networks, config.agent, rng, sight, descend),
        config.agent,
        rng,
        _auxiliaries(networks, config.agent, rng, offline=offline),
    )


def _descend(optimisers: Optimisers, loss: torch.Tensor) -> torch.Tensor:
    return optimisers.step(loss, 'discriminator')


def _objective(
    networks: Networks, config: TrainConfig, sight: Sight, descend: Descend
) -> Objective:
    """Return the loss that makes latents invariant."""
    objective = _contrastive(networks, config, sight)
    if networks.information is not None:
        return HideDomain(objective, networks.information, descend)
    return objective or NoObjective()


def _contrastive(networks: Networks, config: TrainConfig, sight: Sight) -> Objective | None:
    if config.agent.contrastive == 'none':
        return None
    if isinstance(networks.heads, Heads):
        return Byol(config.agent, networks.encoder, networks.heads, sight.encode)
    in_pass = config.network.contrast == 'latent'
    return InfoNce(config.agent, networks.similarity, networks.heads, in_pass=in_pass)


def _judge(
    networks: Networks, config: AgentConfig, rng: torch.Generator, sight: Sight, descend: Descend
) -> Judge:
    """Return who rewards the agent."""
    if config.reward == 'env':
        return EnvReward(config.env_reward_scale, None)
    judge = _imitation_judge(networks, config, rng, sight, descend)
    return judge if config.reward == 'imitation' else EnvReward(config.env_reward_scale, judge)


def _imitation_judge(
    networks: Networks, config: AgentConfig, rng: torch.Generator, sight: Sight, descend: Descend
) -> Judge:
    network = networks.discriminator
    if isinstance(network, PatchDiscriminator):
        return PatchJudge(network, config, rng, descend, sight)
    if isinstance(network, Disentangler):
        return DisentangledJudge(network, config, rng, descend, sight)
    assert isinstance(network, nn.Sequential)
    return LatentJudge(network, config, rng, descend)


def _auxiliaries(
    networks: Networks, config: AgentConfig, rng: torch.Generator, *, offline: bool
) -> list[Auxiliary]:
    """Return the further losses of the critic's step."""
    found: list[Auxiliary] = []
    if offline:
        found.append(Conservative(networks, config.std_clip, rng))
    if networks.transition is not None:
        discount = config.discount**config.n_step
        found.append(Bisimulation(networks.transition, config.bisimulation, discount))
    return found
