"""Options of Algorithm 1: losses, optimisers and schedules."""

from __future__ import annotations

from dataclasses import dataclass

from claifo_core.config.options import Section, option

CONTRASTED = {'agent': 1, 'expert': 2, 'agent+random': 2, 'random': 2, 'all': 4}
"""Batches that the contrastive loss sees, by ``agent.contrastive_data``."""
_FILMED = ('agent', 'expert')


@dataclass(frozen=True)
class AgentConfig(Section):
    """Algorithm 1: losses, optimisers and schedules."""

    batch_size: int = option(512, 'transitions per update', low=2)
    discount: float = option(0.99, 'gamma', low=0, high=1)
    n_step: int = option(1, 'agent steps between obs and next_obs', low=1, high=20)
    learning_rate: float = option(1e-4, 'Adam: encoder, actor, critic, similarity', low=0)
    discriminator_learning_rate: float = option(1e-4, 'Adam: discriminator', low=0)
    final_rate: float = option(
        1.0, 'share of the learning rates left at the last step; they fall linearly', low=0, high=1
    )
    critic_tau: float = option(0.01, 'share of the critic mixed into its target', low=0, high=1)
    std_start: float = option(1.0, 'exploration noise at the start', low=0)
    std_end: float = option(0.1, 'exploration noise at the end', low=0)
    std_steps: int = option(100_000, 'agent steps over which the noise falls', low=1)
    std_clip: float = option(0.3, 'bound of the noise in critic target and actor loss', low=0)
    contrastive: str = option(
        'bilinear',
        'similarity in InfoNCE: bilinear (code), cosine with temperature (paper), none (LAIfO); '
        'or byol in place of InfoNCE',
        choices=('bilinear', 'cosine', 'byol', 'none'),
    )
    contrastive_data: str = option(
        'agent',
        'whose frames InfoNCE sees: of the agent; of the expert as well; random adds unlike '
        'frames of random actions in both worlds as pairs, or stands alone; all of them',
        choices=tuple(CONTRASTED),
    )
    hide_domain: bool = option(
        False,
        'the encoder also hides from the latents whether a frame is of agent or expert: the '
        'mutual-information penalty of DisentanGAIL (needs agent.contrastive_data: expert)',
    )
    temperature: float = option(0.1, 'temperature of the cosine similarity', low=1e-6)
    encoder_step: str = option(
        'sequential',
        'InfoNCE step before the critic step (code), or one step on the sum (paper)',
        choices=('sequential', 'joint'),
    )
    critic_gradient: bool = option(
        True, 'the encoder follows the error of the critic, beside the contrastive loss'
    )
    bisimulation: float = option(
        0.0, "weight of the bisimulation loss, beside the critic's error; 0: none", low=0
    )
    share_views: bool = option(
        False,
        'the discriminator sees the views of the contrastive and critic steps '
        '(needs encoder_step joint and augment.apply everywhere)',
    )
    judge: str = option(
        'latent',
        'what imitates: a discriminator of latents, of image patches (PatchAIL-W), or of latents '
        'of an encoder of its own (DisentanGAIL)',
        choices=('latent', 'patch', 'disentangled'),
    )
    gan_loss: str = option('bce', 'discriminator loss', choices=('bce', 'least_squares'))
    penalty_weight: float = option(10.0, 'weight of the gradient penalty', low=0)
    penalty_on: str = option(
        'sigmoid', 'output whose gradient is penalised', choices=('sigmoid', 'logit')
    )
    reward: str = option(
        'imitation',
        "what the critic learns: the imitation reward, its sum with the environment's reward, or "
        'that alone (no discriminator is trained)',
        choices=('imitation', 'imitation+env', 'env'),
    )
    env_reward_scale: float = option(
        1.0, "factor on the environment's reward (reward: imitation+env, env)", low=0
    )
    imitation_reward: str = option(
        'hard',
        'imitation reward: hard 0/1 (code), softplus -log(1-D) (paper), probability D, logit',
        choices=('hard', 'softplus', 'probability', 'logit'),
    )
    centre_reward: bool = option(
        False,
        'the imitation reward less its mean over the batch: a reward of one sign makes all values '
        'rise together, and the encoder, which follows them, lose what differs between frames '
        '(not for tasks that can end early)',
    )
    random_constraint: bool = option(
        False,
        'the judge also hides the domain of films of random actions (judge: disentangled)',
    )
    cloning: bool = option(
        False,
        "encoder and actor copy the expert's actions, and learn nothing else (behaviour cloning; "
        'needs expert.action_topic)',
    )
    demonstrations: bool = option(
        False,
        "actor and critic also learn from the expert's steps, drawn as if they were the agent's "
        '(needs expert.action_topic, expert.reward_topic and reward: env)',
    )
    offline_updates: int = option(
        0,
        'updates on demonstrations alone before the first step, with a conservative critic '
        '(needs agent.demonstrations)',
        low=0,
    )
    safe_q: float = option(
        0.0, 'value beyond which targets of the critic hardly grow (VRL3); 0: no limit', low=0
    )
    actor_penalty: float = option(
        0.0, 'weight on pre-tanh actions beyond +-1, against saturation', low=0
    )
    faithful: bool = option(
        False,
        'with the defects of published code that docs/methods.md lists (byol, judges patch and '
        'disentangled)',
    )

    @property
    def needs_random(self) -> bool:
        """Whether films of random actions are needed, of both worlds."""
        contrasted = self.contrastive != 'none' and self.contrastive_data not in _FILMED
        return contrasted or self.random_constraint
