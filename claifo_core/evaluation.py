"""Play a policy in its world and count the true return."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from claifo_core.policy import Policy


class Env(Protocol):
    """The part of gymnasium.Env that an evaluation needs; obs has 'pixels', uint8 (H, W, 3)."""

    def reset(self, *, seed: int | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:  # noqa: ANN401
        """Advance one agent step."""

    def close(self) -> None:
        """Free the simulator."""


@dataclass(frozen=True)
class Evaluation:
    """True returns of some episodes."""

    returns: list[float]
    success_rate: float

    def summary(self) -> dict[str, Any]:
        """Return the record that metrics and reports hold."""
        return asdict(self) | {
            'return_mean': float(np.mean(self.returns)),
            'return_std': float(np.std(self.returns)),
            'episodes': len(self.returns),
        }


def evaluate(policy: Policy, env: Env, seeds: Sequence[int]) -> Evaluation:
    """Play one episode per seed with the mean action.

    An episode succeeds when any of its steps does.
    """
    results = [_episode(policy, env, seed) for seed in seeds]
    returns, successes = zip(*results, strict=True)
    return Evaluation(list(returns), float(np.mean(successes)))


def _episode(policy: Policy, env: Env, seed: int) -> tuple[float, bool]:
    obs, _ = env.reset(seed=seed)
    stack = [_planar(obs)] * policy.frame_stack
    total, success, over = 0.0, False, False
    while not over:
        action = policy.act(np.concatenate(stack)[None])[0]
        obs, reward, terminated, truncated, info = env.step(action)
        stack = [*stack[1:], _planar(obs)]
        total += float(reward)
        success |= bool(info.get('success', False))
        over = terminated or truncated
    return total, success


def _planar(obs: dict[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    return obs['pixels'].transpose(2, 0, 1)
