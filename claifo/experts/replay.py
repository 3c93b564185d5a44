"""Replay of n-step transitions, and the running scale of the observations."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Step(NamedTuple):
    """One agent step: what was seen and done, and what an environment answers to it."""

    obs: NDArray[np.float32]
    action: NDArray[np.float32]
    next_obs: NDArray[np.float32]
    reward: float
    terminated: bool
    truncated: bool


@dataclass(frozen=True)
class Batch:
    """Transitions of a minibatch; all float32.

    Attributes:
        obs: states, shape (B, S).
        action: actions, shape (B, A).
        reward: discounted sum of the rewards up to ``next_obs``, shape (B,).
        next_obs: states n steps later, shape (B, S).
        discount: factor of the value of ``next_obs``; 0 after a termination, shape (B,).
    """

    obs: NDArray[np.float32]
    action: NDArray[np.float32]
    reward: NDArray[np.float32]
    next_obs: NDArray[np.float32]
    discount: NDArray[np.float32]


class NStepReplay:
    """A ring of n-step transitions, one row each, so that a batch is a single gather.

    Args:
        capacity: number of transitions kept.
        obs_dim: length of the state.
        action_dim: length of the action.
        steps: n of the n-step return.
        gamma: discount per step.
    """

    def __init__(
        self, capacity: int, obs_dim: int, action_dim: int, steps: int, gamma: float
    ) -> None:
        """Allocate the ring."""
        self._rows = np.zeros((capacity, 2 * obs_dim + action_dim + 2), np.float32)
        self._splits = np.cumsum([obs_dim, action_dim, 1, obs_dim])
        self._steps, self._gamma = steps, gamma
        self._open: deque[tuple[NDArray[np.float32], NDArray[np.float32], float]] = deque()
        self._added = 0

    def __len__(self) -> int:
        """Return the number of transitions stored."""
        return min(self._added, len(self._rows))

    def add(self, step: Step) -> None:
        """Append one step; at the end of an episode its last, shorter windows are stored too.

        A truncation (time limit) keeps the value of the last state, a termination does not.
        """
        self._open.append((step.obs, step.action, step.reward))
        if len(self._open) == self._steps:
            self._store_oldest(step.next_obs, step.terminated)
        while (step.terminated or step.truncated) and self._open:
            self._store_oldest(step.next_obs, step.terminated)

    def sample(self, size: int, rng: np.random.Generator) -> Batch:
        """Return ``size`` transitions drawn uniformly with replacement."""
        rows = self._rows[rng.integers(len(self), size=size)]
        obs, action, reward, next_obs, discount = np.split(rows, self._splits, axis=1)
        return Batch(obs, action, reward[:, 0], next_obs, discount[:, 0])

    def _store_oldest(self, next_obs: NDArray[np.float32], terminated: bool) -> None:
        """Close the oldest open window with ``next_obs`` as its end."""
        total = sum(step[2] * self._gamma**i for i, step in enumerate(self._open))
        discount = 0.0 if terminated else self._gamma ** len(self._open)
        obs, action, _ = self._open.popleft()
        row = self._rows[self._added % len(self._rows)]
        row[:] = np.concatenate([obs, action, [total], next_obs, [discount]])
        self._added += 1


class RunningScale:
    """Mean and deviation of all observations so far (Welford), to scale the network inputs.

    Args:
        size: length of an observation.
    """

    def __init__(self, size: int) -> None:
        """Start at mean 0, deviation 1."""
        self._count = 0
        self._mean = np.zeros(size)
        self._squares = np.zeros(size)
        self.mean = np.zeros(size, np.float32)
        self.std = np.ones(size, np.float32)

    def add(self, obs: NDArray[np.float32]) -> None:
        """Take one observation, shape (S,), into account."""
        self._count += 1
        step = obs - self._mean
        self._mean += step / self._count
        self._squares += step * (obs - self._mean)
        self.mean[:] = self._mean
        # Constant entries keep their scale: a deviation of zero would blow up rounding noise.
        std = np.sqrt(self._squares / self._count)
        self.std[:] = np.where(std > 1e-2, std, 1.0)
