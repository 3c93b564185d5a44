"""Settings of expert training: the source of the defaults, ranges and help of its options."""

from __future__ import annotations

from dataclasses import dataclass

from claifo_core.config import Section, option

# Rewards are scaled so that a perfect policy (reward 1 at every control step) is worth this.
VALUE_OF_PERFECT = 10.0


@dataclass(frozen=True)
class Td3Config(Section):
    """Settings of a training run; the defaults are those of walker walk."""

    steps: int = option(150_000, 'agent steps in all', low=1)
    action_repeat: int = option(2, 'control steps for which an action is held', low=1, high=16)
    seed: int = option(0, 'seed of everything random', low=0)
    hidden: int = option(256, 'width of the two hidden layers', low=1, high=400)
    batch: int = option(256, 'transitions per update', low=1)
    learning_rate: float = option(5e-4, 'step of Adam', low=1e-6, high=0.1)
    gamma: float = option(0.99, 'discount per agent step', low=0, high=0.9999)
    n_step: int = option(3, 'length of the n-step return', unit='agent steps', low=1, high=100)
    tau: float = option(0.01, 'rate of the target networks per update', low=1e-5, high=1)
    random_steps: int = option(2_000, 'agent steps with random actions first', low=1)
    noise_steps: int = option(30_000, 'agent steps until exploration has faded', low=1)
    noise_end: float = option(0.1, 'exploration noise that remains', low=0, high=1)
    eval_every: int = option(10_000, 'agent steps between evaluations', low=1)
    eval_episodes: int = option(10, 'episodes per evaluation', low=1)

    def noise(self, step: int) -> float:
        """Return the standard deviation of the exploration noise at an agent step."""
        return 1 + (self.noise_end - 1) * min(step / self.noise_steps, 1.0)

    def reward_scale(self) -> float:
        """Return the factor on the summed reward of an agent step."""
        return VALUE_OF_PERFECT * (1 - self.gamma) / self.action_repeat


@dataclass(frozen=True)
class DistilConfig(Section):
    """Settings of distilling a teacher into an expert."""

    seed: int = option(0, 'seed of everything random', low=0)
    rounds: int = option(30, 'rounds of playing and learning', low=1)
    episodes: int = option(15, 'episodes per round', low=1)
    updates: int = option(1500, 'gradient steps per round; ten times as many in the last', low=1)
    hidden: int = option(128, 'width of the two hidden layers', low=1, high=400)
    batch: int = option(256, 'states per update', low=1)
    learning_rate: float = option(2e-3, 'first step of Adam in a round', low=1e-6, high=0.1)


@dataclass(frozen=True)
class RecordConfig(Section):
    """How much is filmed, and how it is written."""

    episodes: int = option(10, 'episodes', low=1)
    seed: int = option(0, 'of the first episode', low=0)
    episode_steps: int = option(
        0, "control steps per episode; 0: the task's own limit", low=0
    )
    compressed: bool = option(
        False, 'write CompressedImage (png, lossless) instead of Image'
    )
