"""Settings of a run: the single source of defaults, ranges, units and help.

The defaults are the authors' walker walk setting with the light mismatch (paper, section V).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from claifo_core.errors import ClaifoError
from claifo_core.method_checks import check_method
from claifo_core.observations import KINDS
from claifo_core.options import Section, check, option

CONTRASTED = {'agent': 1, 'expert': 2, 'agent+random': 2, 'random': 2, 'all': 4}
"""Batches that the contrastive loss sees, by ``agent.contrastive_data``."""
_FILMED = ('agent', 'expert')


@dataclass(frozen=True)
class EnvConfig(Section):
    """The world in which the agent acts and learns."""

    task: str = option('walker_walk', 'task name (see `claifo tasks`)')
    domain: str = option('light/target', 'how the agent sees its world (see `claifo domains`)')
    size_px: int = option(64, 'side of the square frame', unit='px', low=16, high=512)
    frame_stack: int = option(3, 'frames in one observation', low=1, high=16)
    action_repeat: int = option(1, 'control steps for which an action is held', low=1, high=16)
    cameras: tuple[str, ...] = option(
        (), 'cameras whose pictures make one observation; empty: those of the task'
    )
    proprio: bool = option(
        False, 'actor and critic also see what the robot measures of itself (proprioception)'
    )
    observation: str = option(
        'rgb',
        'what the agent sees of its frames: colours, grey levels, events (where the light '
        'changes), or, in simulation alone, depth, segmentation, or cloud: depth as the camera '
        'would see it where it belongs',
        choices=KINDS,
    )
    camera_jitter: float = option(
        0.0,
        'largest random move of the camera, drawn for each training episode: a turn by so many '
        'degrees about each axis, and a shift by so many hundredths of the scene along each; '
        '0: none',
        unit='deg',
        low=0,
        high=45,
    )
    profile: str = option('fast', 'rendering quality', choices=('fast', 'faithful'))
    num_envs: int = option(1, 'environments, each in a process of its own', low=1, high=256)
    episode_steps: int = option(
        0, 'training episodes are cut after so many agent steps; 0: the limit of the task', low=0
    )


@dataclass(frozen=True)
class ExpertConfig(Section):
    """Where the expert's videos are and how they are read."""

    bag: str = option('', 'a rosbag2, or a folder of them, with the videos of the expert')
    topic: str = option(
        '',
        'image topic, or those of several cameras with commas between; empty: the only one, or '
        'those that `claifo expert record` writes for env.cameras',
    )
    action_topic: str = option(
        '',
        'topic of what the expert did (claifo_msgs/msg/Action), for agent.cloning and '
        'agent.demonstrations; empty: films are images alone',
    )
    reward_topic: str = option(
        '',
        'topic of what that earned (claifo_msgs/msg/TimeStep), for agent.demonstrations; empty: '
        'not known',
    )
    split: str = option('bag', 'what ends an episode', choices=('bag', 'gap', 'marker'))
    gap_s: float = option(1.0, 'pause that ends an episode (split: gap)', unit='s', low=0.001)
    marker_topic: str = option('', 'topic whose messages start an episode (split: marker)')
    crop: tuple[int, int, int, int] | None = option(
        None, 'part of the image that is kept: x, y, width, height; null: all', unit='px', low=0
    )
    max_episodes: int = option(0, 'use only the first so many episodes; 0: all', low=0)
    random_bag: str = option(
        '',
        "films of random actions in the expert's world, for methods that need them; empty: where "
        '`claifo expert record --random` puts them',
    )
    random_agent_bag: str = option('', "the same in the agent's world")


@dataclass(frozen=True)
class AugmentConfig(Section):
    """The random look T that the latent space must not depend on."""

    kind: str = option(
        'brightness',
        'what T changes: brightness, color and full as the authors; generic, everything of color '
        'in wide ranges; auto, the colours of agent and expert and what lies between; shift',
        choices=('brightness', 'color', 'full', 'generic', 'auto', 'shift'),
    )
    apply: str = option(
        'CL-Q',
        'inputs that see T (the others see a random shift): contrastive (CL), critic (Q), '
        'discriminator (D)',
        choices=('CL-Q', 'CL-D', 'CL-only', 'everywhere', 'nowhere'),
    )
    draw: str = option(
        'batch',
        'one draw per batch and frame (batch, as the authors), or per sample and the same over '
        'the stack (sample)',
        choices=('batch', 'sample'),
    )
    brightness: tuple[float, float] = option((1.0, 4.0), 'range of the brightness factor', low=0)
    warp: float = option(
        0.0,
        'T also pulls the corners of the picture, by at most this share of its side: another '
        'viewpoint',
        low=0,
        high=0.25,
    )
    shift_px: int = option(4, 'largest random shift', unit='px', low=0, high=16)
    shift_too: bool = option(False, 'shift the images that see T as well')


@dataclass(frozen=True)
class NetworkConfig(Section):
    """Sizes of the networks (algorithm 1.2)."""

    channels: int = option(32, 'channels of every convolution', low=1)
    strides: tuple[int, ...] = option((2, 1, 1, 1), 'stride of each 3x3 convolution', low=1)
    views: str = option(
        'stacked',
        'pictures of several cameras: channels of one input (stacked), or one after the other '
        'through the same convolutions (shared)',
        choices=('stacked', 'shared'),
    )
    encoder: str = option(
        'drq',
        'body of the encoder: 3x3 convolutions (drq), a small residual network (impala), '
        'convolutions and the place of each feature (spatial_softmax), a small transformer (vit)',
        choices=('drq', 'impala', 'spatial_softmax', 'vit'),
    )
    projection: int = option(
        0, 'width of a head between latent and contrastive loss; 0: none', low=0
    )
    contrast: str = option(
        'latent',
        'what the contrastive loss compares: the latents, or the features before the linear '
        'layer, which then follows the critic alone',
        choices=('latent', 'features'),
    )
    latent_dim: int = option(50, 'dimension of the latent z', low=1)
    hidden_dim: int = option(1024, 'units in each hidden layer of the heads', low=1)


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


@dataclass(frozen=True)
class TrainConfig(Section):
    """One run of `claifo train`."""

    seed: int = option(0, 'seed of every random stream of the run', low=0)
    device: str = option('auto', 'where to learn', choices=('auto', 'cpu', 'cuda'))
    precision: str = option(
        'float32',
        'arithmetic: float32; tf32, the tensor cores of a GPU; bfloat16, the encoder in half '
        'precision and the rest as tf32',
        choices=('float32', 'tf32', 'bfloat16'),
    )
    threads: int = option(0, 'torch threads; 0: all cores but one, at least one', low=0)
    steps: int = option(1_100_000, 'agent steps in all, over all environments', low=1)
    minutes: float = option(
        0.0, 'stop after so much training time; 0: no limit', unit='min', low=0
    )
    uniform_steps: int = option(2000, 'first steps with uniform random actions', low=0)
    seed_steps: int = option(4000, 'steps before the first update', low=1)
    update_every: int = option(2, 'agent steps per update', low=1)
    replay_frames: int = option(1_000_000, 'frames kept in the replay', low=100)
    log_every: int = option(1000, 'agent steps between lines of training metrics', low=1)
    eval_every: int = option(10_000, 'agent steps between evaluations', low=1)
    eval_episodes: int = option(10, 'episodes per evaluation', low=1)
    eval_processes: int = option(
        0, 'processes that share the episodes; 0: half of the cores that are free', low=0, high=256
    )
    checkpoint_every: int = option(50_000, 'agent steps between checkpoints', low=1)
    env: EnvConfig = dataclasses.field(default_factory=EnvConfig)
    expert: ExpertConfig = dataclasses.field(default_factory=ExpertConfig)
    augment: AugmentConfig = dataclasses.field(default_factory=AugmentConfig)
    network: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)
    agent: AgentConfig = dataclasses.field(default_factory=AgentConfig)

    def __post_init__(self) -> None:
        """Check ranges and what options need of each other.

        Raises:
            ClaifoError: two values contradict each other, or one is out of range.
        """
        for field in dataclasses.fields(self):
            if field.metadata:
                check(field, getattr(self, field.name))
        check_method(self)
        if self.seed_steps <= self.agent.n_step * self.env.num_envs:
            raise ClaifoError(
                f'seed_steps is {self.seed_steps}; it must exceed agent.n_step * env.num_envs '
                f'= {self.agent.n_step * self.env.num_envs}'
            )
        needed = self.env.num_envs * (self.agent.n_step + self.env.frame_stack)
        if self.replay_frames < needed:
            raise ClaifoError(
                f'replay_frames is {self.replay_frames}; it must be at least env.num_envs * '
                f'(agent.n_step + env.frame_stack) = {needed}'
            )
