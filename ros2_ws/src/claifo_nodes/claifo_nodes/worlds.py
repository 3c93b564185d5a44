"""What a simulator node simulates, without ROS: environments that are driven, or an expert's."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from claifo_msgs.msg import TimeStep

from claifo.experts import load_expert
from claifo_core.device.seeding import episode_seed
from claifo_nodes.time_steps import Batch
from claifo_sim import EnvSpec, VectorEnv, make


class World(Protocol):
    """Environments that go on step by step; after a LAST the next step is a FIRST."""

    num_envs: int
    action_dim: int

    def restart(self) -> Batch:
        """Begin new episodes everywhere."""

    def step(self, actions: np.ndarray) -> Batch:
        """Go on with actions float32 (N, A)."""

    def close(self) -> None:
        """Free the simulators."""


class _Seeds:
    """A new seed for every episode."""

    def __init__(self, seed: int) -> None:
        self._seed, self._count = seed, 0

    def next(self, env: int) -> int:
        self._count += 1
        return episode_seed(self._seed, 'episode', env, self._count)


class Driven:
    """N environments that others drive, each rendered by the one thread of a process of its own.

    Attributes:
        num_envs: N.
        action_dim: Length of an action.
    """

    def __init__(self, spec: EnvSpec, count: int, seed: int) -> None:
        """Start the processes.

        Raises:
            SimError: The task or domain does not exist, or a process cannot start.
        """
        self._envs = VectorEnv([spec] * count)
        self._seeds = _Seeds(seed)
        self.num_envs, self.action_dim = count, self._envs.action_dim
        self._over = np.zeros(count, bool)

    def restart(self) -> Batch:
        """Begin new episodes everywhere."""
        self._over[:] = True
        return self.step(np.zeros((self.num_envs, self.action_dim), np.float32))

    def step(self, actions: np.ndarray) -> Batch:
        """Go on; environments whose episode is over begin a new one.

        Raises:
            SimError: A process died.
        """
        first = self._over
        seeds = {env: self._seeds.next(env) for env in np.flatnonzero(first).tolist()}
        self._envs.step_async(actions, seeds)
        shown = self._envs.step_wait()
        self._over = shown.terminated | shown.truncated
        kind = np.select([first, self._over], [TimeStep.FIRST, TimeStep.LAST], TimeStep.MID)
        return Batch(
            shown.pixels, np.where(first[:, None], 0, actions).astype(np.float32), shown.proprio,
            shown.reward, 1 - shown.terminated.astype(np.float32), kind.astype(np.uint8),
            shown.success,
        )  # fmt: skip

    def close(self) -> None:
        """End the processes."""
        self._envs.close()


class Filmed:
    """One environment that the task's expert drives; the actions of others do not count.

    Attributes:
        num_envs: 1.
        action_dim: Length of an action.
    """

    num_envs = 1

    def __init__(self, spec: EnvSpec, seed: int) -> None:
        """Load simulator and expert.

        Raises:
            SimError: The task or domain does not exist.
            ClaifoError: The task has no expert.
        """
        self._expert = load_expert(spec.task)
        self._env = make(**vars(spec))
        self.action_dim = self._env.action_space.shape[0]
        self._seed, self._count = seed, 0
        self._over = True
        self._state = np.zeros(0, np.float32)

    def restart(self) -> Batch:
        """Begin a new episode."""
        self._over = True
        return self.step(np.zeros((1, self.action_dim), np.float32))

    def step(self, actions: np.ndarray) -> Batch:
        """Let the expert act; after the end of an episode, begin a new one."""
        del actions
        if self._over:
            obs, info = self._env.reset(seed=self._seed + self._count)
            self._count += 1
            self._expert.reset(self._env)
            action = np.zeros(self.action_dim, np.float32)
            reward, terminated, self._over, kind = 0.0, False, False, TimeStep.FIRST
        else:
            action = self._expert.act(self._env, self._state)
            obs, reward, terminated, truncated, info = self._env.step(action)
            self._over = terminated or truncated
            kind = TimeStep.LAST if self._over else TimeStep.MID
        self._state = obs['state']
        return Batch(
            obs['pixels'][None], np.asarray(action, np.float32)[None],
            np.asarray(obs['proprio'], np.float32)[None], np.array([reward], np.float32),
            np.array([0.0 if terminated else 1.0], np.float32), np.array([kind], np.uint8),
            np.array([info['success']], bool),
        )  # fmt: skip

    def close(self) -> None:
        """Free the simulator."""
        self._env.close()
