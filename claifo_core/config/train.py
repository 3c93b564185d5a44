"""Settings of a run: the single source of defaults, ranges, units and help.

The defaults are the authors' walker walk setting with the light mismatch (paper, section V).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from claifo_core.config.agent import AgentConfig
from claifo_core.config.method_checks import check_demonstrations, check_method
from claifo_core.config.options import Section, option
from claifo_core.config.vision import AugmentConfig, NetworkConfig
from claifo_core.config.world import EnvConfig, ExpertConfig
from claifo_core.errors import ClaifoError


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
        super().__post_init__()
        check_method(self.agent, self.augment, self.network)
        check_demonstrations(self.agent, self.expert, self.env)
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
