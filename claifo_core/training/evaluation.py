"""Play a policy in its world and count the true return."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claifo_core.policy import Policy


class Env(Protocol):
    """The part of gymnasium.Env that an evaluation needs.

    Observations have ``pixels``, uint8 (H, W, 3 V), and ``proprio``, float32 (P,).
    """

    def reset(self, *, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:  # noqa: ANN401
        """Advance one agent step."""

    def close(self) -> None:
        """Free the simulator."""


@dataclass(frozen=True)
class Evaluation:
    """How some episodes went.

    Attributes:
        returns: True returns.
        success_rate: Share of the episodes with success in at least one step.
        solved_rate: Share with success in more steps than the task asks for.
    """

    returns: list[float]
    success_rate: float
    solved_rate: float

    def summary(self) -> dict[str, Any]:
        """Return the record that metrics and reports hold."""
        return asdict(self) | {
            'return_mean': float(np.mean(self.returns)),
            'return_std': float(np.std(self.returns)),
            'episodes': len(self.returns),
        }


def evaluate(
    policy: Policy, env: Env, seeds: Sequence[int], solved_steps: int = 0
) -> Evaluation:
    """Play one episode per seed with the mean action.

    Args:
        policy: Who plays.
        env: Its world.
        seeds: One per episode.
        solved_steps: An episode is solved with success in more steps than so many.
    """
    return judged([play(policy, env, seed) for seed in seeds], solved_steps)


def judged(episodes: Sequence[tuple[float, int]], solved_steps: int) -> Evaluation:
    """Return how episodes went, of which :func:`play` told."""
    returns, counts = zip(*episodes, strict=True)
    success, solved = (float(np.mean(np.array(counts) > n)) for n in (0, solved_steps))
    return Evaluation(list(returns), success, solved)


def play(policy: Policy, env: Env, seed: int) -> tuple[float, int]:
    """Play one episode; returns its true return and its steps with success."""
    obs, _ = env.reset(seed=seed)
    stack = [_planar(obs)] * policy.frame_stack
    total, solved, over = 0.0, 0, False
    while not over:
        proprio = obs['proprio'][None] if policy.proprio_dim else None
        action = policy.act(np.concatenate(stack)[None], proprio)[0]
        obs, reward, terminated, truncated, info = env.step(action)
        stack = [*stack[1:], _planar(obs)]
        total += float(reward)
        solved += bool(info.get('success', False))
        over = terminated or truncated
    return total, solved


def _planar(obs: dict[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    return obs['pixels'].transpose(2, 0, 1)
