"""Environments without pictures, and true returns in them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import claifo_sim

if TYPE_CHECKING:
    from claifo.experts.policies import StateExpert

Act = Callable[[NDArray[np.float32]], NDArray[np.float32]]

COMPARED_EPISODES = 5  # of what a learning curve is compared with


class StateEnv:
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
    world = StateEnv(task, seed, 1)
    act = functools.partial(expert.act, world.env)
    begin = functools.partial(expert.reset, world.env)
    played = [play(world, act, seed + index, begin) for index in range(episodes)]
    returns, counts = np.array(played, float).T
    needed = world.env.info.solved_steps
    return Scores(returns, float(np.mean(counts > 0)), float(np.mean(counts > needed)))


def random_return(task: str, episodes: int = 20, seed: int = 0) -> float:
    """Return the mean true return of uniformly random actions at the control rate."""
    return float(random_returns(StateEnv(task, seed, 1), episodes, seed).mean())


def random_returns(env: StateEnv, episodes: int, seed: int) -> NDArray[np.float64]:
    """Return the true returns float64 (episodes,) of uniformly random actions."""
    rng = np.random.default_rng(seed)
    return episode_returns(
        env, lambda _: rng.uniform(-1, 1, env.action_dim).astype(np.float32), episodes, seed
    )


def episode_returns(
    env: StateEnv, act: Act, episodes: int, seed: int
) -> NDArray[np.float64]:
    """Return the true returns float64 (episodes,) of a policy; episode i has seed ``seed + i``."""
    return np.array([play(env, act, seed + index)[0] for index in range(episodes)])


def play(
    env: StateEnv, act: Act, seed: int, begin: Callable[[], None] = lambda: None
) -> tuple[float, int]:
    """Play one episode; return its true return and its steps with success.

    Args:
        env: The world.
        act: From the state to the action.
        seed: Of the episode.
        begin: Called once the episode has begun.
    """
    state, done, total, solved = env.reset(seed), False, 0.0, 0
    begin()
    while not done:
        state, reward, terminated, truncated = env.step(act(state))
        total, solved = total + reward, solved + env.success
        done = terminated or truncated
    return total, solved


def summary(returns: NDArray[np.float64]) -> dict[str, Any]:
    """Return mean, deviation and minimum of returns (episodes,), by name, to two digits."""
    figures = {'mean': returns.mean(), 'std': returns.std(), 'min': returns.min()}
    return {f'return_{name}': round(float(value), 2) for name, value in figures.items()}
