"""From a configuration to simulators; knows no torch, so that simulator processes start fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from claifo_sim import EnvSpec, make, task_info

if TYPE_CHECKING:
    from claifo_core.config import EnvConfig
    from claifo_sim.env import SimEnv


def agent_hz(env: EnvConfig) -> float:
    """Return how often the agent acts, per second."""
    return task_info(env.task).control_hz / env.action_repeat


def evaluation_env(env: EnvConfig) -> SimEnv:
    """Build the world of evaluations: the agent's, with episodes of full length."""
    return make(**_look(env))


def env_spec(env: EnvConfig) -> EnvSpec:
    """Return what one training environment is made of."""
    return EnvSpec(**_look(env), episode_steps=env.episode_steps)


def _look(env: EnvConfig) -> dict[str, Any]:
    return {
        'task': env.task,
        'domain': env.domain,
        'size_px': env.size_px,
        'action_repeat': env.action_repeat,
        'profile': env.profile,
    }
