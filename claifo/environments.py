"""From a configuration to simulators; knows no torch, so that simulator processes start fast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from claifo_sim import EnvSpec, make, task_info
from claifo_sim.domains import same_look, source_of

if TYPE_CHECKING:
    from claifo_core.config import EnvConfig
    from claifo_sim.env import SimEnv


def expert_bag(task: str, domain: str, size_px: int, cameras: tuple[str, ...] = ()) -> Path:
    """Return where films of a task's expert are kept, unless another place is named.

    Args:
        task: Name of the task.
        domain: Domain in which the expert is filmed.
        size_px: Side of the picture.
        cameras: Those that film; none: the task's own.
    """
    info = task_info(task)
    look = same_look(domain, info.suite, info.scene).replace('/', '_')
    views = ''.join(f'_{camera}' for camera in cameras if cameras != info.cameras)
    return Path('bags') / f'{task}_{look}_{size_px}px{views}'


def films_of(env: EnvConfig) -> Path:
    """Return where the films are kept from which an agent of this world can learn."""
    return expert_bag(env.task, source_of(env.domain), env.size_px, env.cameras)


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
        'cameras': env.cameras,
    }
