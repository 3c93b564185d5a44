"""Environments without pictures, and true returns in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

import claifo_sim

if TYPE_CHECKING:
    from claifo.experts.policies import StateExpert

Act = Callable[[NDArray[np.float32]], NDArray[np.float32]]

COMPARED_EPISODES = 5  # of what a learning curve is compared with


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

    Attributes:
        obs_dim: length of the state.
        action_dim: length of the action.
        success: whether the last step solved the task.
    """

    def __init__(self, task: str, seed: int, action_repeat: int) -> None:
        """Build the environment."""
        self.env = claifo_sim.make(task, seed=seed, action_repeat=action_repeat, profile='off')
        self.obs_dim = len(self.env.reset()[0]['state'])
        self.action_dim = self.env.info.action_dim
        self.success = False

    def reset(self, seed: int | None = None) -> NDArray[np.float32]:
        """Start an episode and return its first state, float32 (S,)."""
        return self.env.reset(seed=seed)[0]['state']

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, bool, bool]:
        """Hold ``action``; return state, summed true reward, terminated, truncated."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.success = info['success']
        return observation['state'], reward, terminated, truncated


def random_return(task: str, episodes: int = 20, seed: int = 0) -> float:
    """Return the mean true return of uniformly random actions at the control rate."""
    return float(random_returns(TaskStateEnv(task, seed, 1), episodes, seed).mean())


@dataclass(frozen=True)
class Scores:
    """How episodes of an expert went.

    Attributes:
        returns: true returns float64 (E,).
        success: share of the episodes with success in at least one step.
        solved: share with success in more steps than the task's ``solved_steps``.
    """

    returns: NDArray[np.float64]
    success: float
    solved: float


def expert_scores(task: str, expert: StateExpert, episodes: int, seed: int) -> Scores:
    """Let an expert play at the control rate; episode i has seed ``seed + i``."""
    world = TaskStateEnv(task, seed, 1)
    played = [_play(world, expert, seed + index) for index in range(episodes)]
    returns, counts = np.array(played, float).T
    needed = world.env.info.solved_steps
    return Scores(returns, float(np.mean(counts > 0)), float(np.mean(counts > needed)))


def _play(world: TaskStateEnv, expert: StateExpert, seed: int) -> tuple[float, int]:
    """Return true return and steps with success of one episode."""
    state, done, total, solved = world.reset(seed), False, 0.0, 0
    expert.reset(world.env)
    while not done:
        state, reward, terminated, truncated = world.step(expert.act(world.env, state))
        total, solved = total + reward, solved + world.success
        done = terminated or truncated
    return total, solved


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
