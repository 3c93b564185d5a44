"""What options of a method need of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from claifo_core.config.agent import AgentConfig
    from claifo_core.config.vision import AugmentConfig, NetworkConfig
    from claifo_core.config.world import EnvConfig, ExpertConfig


def check_method(agent: AgentConfig, augment: AugmentConfig, network: NetworkConfig) -> None:
    """Check what options of a method need of each other.

    Raises:
        ClaifoError: two contradict each other.
    """
    if agent.share_views and (
        agent.encoder_step != 'joint'
        or augment.apply != 'everywhere'
        or agent.contrastive not in ('bilinear', 'cosine')
        or agent.contrastive_data != 'agent'
        or agent.judge != 'latent'
        or agent.reward == 'env'
        or network.contrast != 'latent'
    ):
        raise ClaifoError(
            'agent.share_views is true; it needs agent.encoder_step: joint, augment.apply: '
            'everywhere, InfoNCE on latents of agent data, and agent.judge: latent'
        )
    if agent.hide_domain and agent.contrastive_data != 'expert':
        raise ClaifoError(
            f'agent.hide_domain is true; it needs agent.contrastive_data: expert, not '
            f'{agent.contrastive_data}'
        )
    if not agent.critic_gradient and agent.contrastive == 'none':
        raise ClaifoError(
            'agent.critic_gradient is false and agent.contrastive is none: nothing would '
            'train the encoder; change one of them'
        )
    if not agent.critic_gradient and agent.bisimulation > 0:
        raise ClaifoError(
            f'agent.bisimulation is {agent.bisimulation} and agent.critic_gradient is false: '
            'the encoder is not stepped with the critic; change one of them'
        )
    if agent.random_constraint and (agent.judge != 'disentangled' or agent.reward == 'env'):
        raise ClaifoError(
            f'agent.random_constraint is true; it needs agent.judge: disentangled, not '
            f'{agent.judge}, and an imitation reward'
        )
    if agent.judge == 'patch' and agent.gan_loss != 'bce':
        raise ClaifoError(
            f'agent.gan_loss is {agent.gan_loss}; agent.judge: patch needs bce'
        )
    if agent.offline_updates and not agent.demonstrations:
        raise ClaifoError(
            f'agent.offline_updates is {agent.offline_updates}; it needs agent.demonstrations'
        )
    if network.contrast == 'features' and (
        agent.contrastive not in ('bilinear', 'cosine') or network.projection
    ):
        raise ClaifoError(
            'network.contrast is features; it needs agent.contrastive: bilinear or cosine, '
            f'not {agent.contrastive}, and network.projection: 0'
        )
    if network.projection and agent.contrastive not in ('bilinear', 'cosine'):
        raise ClaifoError(
            f'network.projection is {network.projection}; it needs agent.contrastive: '
            f'bilinear or cosine, not {agent.contrastive}'
        )


def check_demonstrations(agent: AgentConfig, expert: ExpertConfig, env: EnvConfig) -> None:
    """Check what learning from an expert's actions needs.

    Raises:
        ClaifoError: it is missing, or something contradicts it.
    """
    if not (agent.cloning or agent.demonstrations):
        return
    asks = 'agent.cloning' if agent.cloning else 'agent.demonstrations'
    missing = {
        'expert.action_topic': not expert.action_topic,
        'expert.reward_topic': agent.demonstrations and not expert.reward_topic,
    }
    for name, is_missing in missing.items():
        if is_missing:
            raise ClaifoError(
                f'{asks} is true and {name} is empty; name the topic (`claifo expert record '
                '--actions` writes /action and /time_step)'
            )
    contradicting = {
        'env.proprio': env.proprio,  # which nothing measured of the expert
        'agent.hide_domain': agent.hide_domain,
        'agent.contrastive': agent.cloning and agent.contrastive != 'none',
        'agent.bisimulation': agent.cloning and agent.bisimulation > 0,
        'agent.demonstrations': agent.cloning and agent.demonstrations,
    }
    for name, used in contradicting.items():
        if used:
            raise ClaifoError(f'{asks} is true, which leaves no place for {name}; switch it '
                              'off')  # fmt: skip
    if agent.demonstrations and agent.reward != 'env':
        raise ClaifoError(
            f'agent.demonstrations is true; it needs agent.reward: env, not {agent.reward}'
        )
