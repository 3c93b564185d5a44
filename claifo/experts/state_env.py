"""Environments without pictures, and true returns in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

import claifo_sim

if TYPE_CHECKING:
    from claifo.experts.policies import StateExpert

Act = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class StateEnv(Protocol):
    """What training needs of an environment.

    Attributes:
        obs_dim: length of the state.
        action_dim: length of the action.
    """

    obs_dim: int
    action_dim: int

    def reset(self, seed: int | None = None) -> NDArray[np.float32]:
        """Start an episode and return its first state, float32 (S,)."""

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, bool, bool]:
        """Hold ``action``; return state, summed true reward, terminated, truncated."""


class TaskStateEnv:
    """A task of the simulators without its pictures.

    Args:
        task: name of the task.
        seed: seed of the episodes.
        action_repeat: control steps for which an action is held.
    """

    def __init__(self, task: str, seed: int, action_repeat: int) -> None:
        """Build the environment."""
        self.env = claifo_sim.make(task, seed=seed, action_repeat=action_repeat, profile='off')
        self.obs_dim = len(self.env.reset()[0]['state'])
        self.action_dim = self.env.info.action_dim

    def reset(self, seed: int | None = None) -> NDArray[np.float32]:
        """Start an episode and return its first state, float32 (S,)."""
        return self.env.reset(seed=seed)[0]['state']

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, bool, bool]:
        """Hold ``action``; return state, summed true reward, terminated, truncated."""
        observation, reward, terminated, truncated, _ = self.env.step(action)
        return observation['state'], reward, terminated, truncated


def random_return(task: str, episodes: int = 20, seed: int = 0) -> float:
    """Return the mean true return of uniformly random actions at the control rate."""
    return float(random_returns(TaskStateEnv(task, seed, 1), episodes, seed).mean())


def expert_returns(
    task: str, expert: StateExpert, episodes: int, seed: int
) -> NDArray[np.float64]:
    """Return the true returns float64 (episodes,) of an expert at the control rate."""
    world = TaskStateEnv(task, seed, 1)
    returns = np.zeros(episodes)
    for index in range(episodes):
        state, done = world.reset(seed + index), False
        expert.reset(world.env)
        while not done:
            action = expert.act(world.env, state)
            state, reward, terminated, truncated = world.step(action)
            returns[index] += reward
            done = terminated or truncated
    return returns


def episode_returns(
    env: StateEnv, act: Act, episodes: int, seed: int
) -> NDArray[np.float64]:
    """Return the true returns float64 (episodes,) of a policy; episode i has seed ``seed + i``."""
    return np.array([_episode_return(env, act, seed + index) for index in range(episodes)])


def random_returns(env: StateEnv, episodes: int, seed: int) -> NDArray[np.float64]:
    """Return the true returns float64 (episodes,) of uniformly random actions."""
    rng = np.random.default_rng(seed)

    def act(_: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return any action."""
        return rng.uniform(-1, 1, env.action_dim).astype(np.float32)

    return episode_returns(env, act, episodes, seed)


def _episode_return(env: StateEnv, act: Act, seed: int) -> float:
    """Play one episode and return its true return."""
    obs, total, done = env.reset(seed), 0.0, False
    while not done:
        obs, reward, terminated, truncated = env.step(act(obs))
        total += reward
        done = terminated or truncated
    return total
