"""A world of one bright dot on a square: small, exact and importable by spawned processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from claifo_core.config import TrainConfig
from claifo_core.config.settings import from_dict, merge
from claifo_core.data import Demonstration
from claifo_core.data.stacks import Stacks, of_frames
from claifo_core.data.timestep import TimeStep
from claifo_core.device.seeding import episode_seed
from claifo_core.training.learner import Learner

BRIGHT, DARK = 1.0, 0.5
"""Light in which the expert and the agent are seen."""


class DotWorld:
    """Actions push a dot; the reward is how near it is to the centre, in 0..1."""

    def __init__(self, light: float = DARK, size_px: int = 16, steps: int = 30):
        self._light, self._size, self._limit = light, size_px, steps
        self._rng = np.random.default_rng(0)
        self._place = np.zeros(2)
        self._step = 0

    def reset(self, *, seed: int | None = None):
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        angle = self._rng.uniform(0, 2 * np.pi)
        radius = self._rng.uniform(0.2, 0.9)
        self._place = radius * np.array([np.cos(angle), np.sin(angle)])
        self._step = 0
        return {'pixels': self.pixels()}, {}

    def step(self, action):
        self._place = np.clip(self._place + 0.15 * np.asarray(action), -1, 1)
        self._step += 1
        distance = float(np.linalg.norm(self._place))
        reward = max(0.0, 1 - distance / 0.5)
        truncated = self._step >= self._limit
        return {'pixels': self.pixels()}, reward, False, truncated, {'success': distance < 0.2}

    def close(self):
        """Nothing is held."""

    def expert_action(self):
        return np.clip(-self._place / 0.15, -1, 1).astype(np.float32)

    def pixels(self):
        """Draw a soft dot, five pixels wide, on a floor with a fixed pattern."""
        axis = np.linspace(-1.25, 1.25, self._size)
        x, y = np.meshgrid(axis, axis)
        dot = np.exp(-((x - self._place[0]) ** 2 + (y - self._place[1]) ** 2) / 0.07)
        colour = np.array([200.0, 120.0, 60.0])
        floor = 40 + 20 * ((x > 0) ^ (y > 0))
        image = floor[..., None] * (1 - dot[..., None]) + colour * dot[..., None]
        return (self._light * image).astype(np.uint8)


@dataclass
class Shown:
    """What N worlds show after a step (see claifo_core.training.trainer.Step)."""

    pixels: np.ndarray
    proprio: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    success: np.ndarray


class DotVector:
    """N dot worlds in this process; the caller resets."""

    action_dim, proprio_dim, views = 2, 0, 1

    def __init__(self, count: int):
        self._worlds = [DotWorld() for _ in range(count)]
        zeros = np.zeros(count)
        self._shown = Shown(
            np.zeros((count, 16, 16, 3), np.uint8),
            np.zeros((count, 0), np.float32),
            zeros.astype(np.float32),
            *(zeros.astype(bool) for _ in range(3)),
        )

    def reset(self, seeds):
        for index, seed in enumerate(seeds):
            self.reset_one(index, seed)
        return self._shown

    def reset_one(self, index, seed):
        self._shown.pixels[index] = self._worlds[index].reset(seed=seed)[0]['pixels']
        return self._shown

    def step_async(self, actions):
        self._actions = actions

    def step_wait(self):
        shown = self._shown
        for i, (world, action) in enumerate(zip(self._worlds, self._actions, strict=True)):
            obs, shown.reward[i], _, shown.truncated[i], info = world.step(action)
            shown.pixels[i], shown.success[i] = obs['pixels'], info['success']
        return shown

    def close(self):
        """Nothing is held."""


def expert_demonstrations(
    episodes: int, light: float = BRIGHT
) -> tuple[list[np.ndarray], list[Demonstration]]:
    """Return videos, uint8 (31, 16, 16, 3), of the dot that is driven to the centre, and how."""
    films = [_film(light, 1000 + seed, DotWorld.expert_action) for seed in range(episodes)]
    videos, shown = zip(*films, strict=True)
    return list(videos), list(shown)


def expert_videos(episodes: int, light: float = BRIGHT) -> list[np.ndarray]:
    """Return the videos alone."""
    return expert_demonstrations(episodes, light)[0]


def random_videos(episodes: int, light: float) -> list[np.ndarray]:
    """Return videos, uint8 (31, 16, 16, 3), of the dot that is pushed at random."""
    rng = np.random.default_rng(7)
    return [
        _film(light, 2000 + seed, lambda _: rng.uniform(-1, 1, 2))[0] for seed in range(episodes)
    ]


def _film(
    light: float, seed: int, act: Callable[[DotWorld], np.ndarray]
) -> tuple[np.ndarray, Demonstration]:
    world = DotWorld(light)
    frames = [world.reset(seed=seed)[0]['pixels']]
    actions, rewards = [], []
    over = False
    while not over:
        actions.append(act(world))
        obs, reward, _, over, _ = world.step(actions[-1])
        frames.append(obs['pixels'])
        rewards.append(reward)
    taken = np.stack(actions).astype(np.float32)
    return np.stack(frames), Demonstration(taken, np.array(rewards, np.float32))


def small_config(**overrides: object) -> TrainConfig:
    """Return a configuration for 16 px frames and tiny networks; dots stand as ``__``."""
    base = {
        'device': 'cpu',
        'threads': 1,
        'steps': 400,
        'uniform_steps': 20,
        'seed_steps': 40,
        'replay_frames': 300,
        'env': {'size_px': 16, 'frame_stack': 2, 'num_envs': 2},
        'network': {'channels': 4, 'strides': [2, 1], 'latent_dim': 8, 'hidden_dim': 16},
        'agent': {'batch_size': 8, 'n_step': 2, 'learning_rate': 1e-3, 'std_steps': 300},
        'augment': {'shift_px': 1},
    }
    words = {key.replace('__', '.'): value for key, value in overrides.items()}
    return from_dict(merge(base, words))


class Session:
    """A learner that plays dot worlds of this process: the trainer's loop without its files.

    Everything it needs to go on is in the learner and ``episodes``.
    """

    def __init__(self, config: TrainConfig, videos: list[np.ndarray] | None = None):
        films, shown = expert_demonstrations(3)
        needed = (config.agent.cloning or config.agent.demonstrations) and not videos
        self.learner = Learner(
            config, 2, videos or films, demonstrations=shown if needed else (),
            random=[random_videos(2, light) for light in (DARK, BRIGHT)],
        )  # fmt: skip
        self._count = config.env.num_envs
        self._worlds = [DotWorld() for _ in range(self._count)]
        self._left = [0] * self._count
        self.episodes = 0

    def run(self, steps: int) -> Session:
        """Play until the learner has seen ``steps`` steps, with every update that it owes."""
        learner = self.learner
        while learner.steps < steps:
            self._begin_episodes()
            actions = learner.act()
            for env, (world, action) in enumerate(zip(self._worlds, actions, strict=True)):
                obs, reward, _, over, _ = world.step(action)
                self._left[env] = 0 if over else 1
                learner.observe(env, TimeStep(obs['pixels'], action, reward))
            for _ in range(learner.owed):
                learner.update()
        return self

    def interrupt(self) -> None:
        """Start a new episode everywhere, as the trainer does at a checkpoint."""
        self._left = [0] * self._count

    def _begin_episodes(self) -> None:
        for env, world in enumerate(self._worlds):
            if not self._left[env]:
                self.episodes += 1
                seed = episode_seed(self.learner.config.seed, 'episode', self.episodes)
                self.learner.observe(env, TimeStep(world.reset(seed=seed)[0]['pixels']))
                self._left[env] = 1


def stacks_of(pictures: torch.Tensor) -> Stacks:
    """Return stacks of known pictures, uint8 (B, T, 3, H, W), as a replay hands them out."""
    frames = pictures.flatten(0, 1).permute(0, 2, 3, 1).contiguous()
    return of_frames(frames, pictures.shape[1])
