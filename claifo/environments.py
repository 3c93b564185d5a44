"""From a configuration to simulators; knows no torch, so that simulator processes start fast."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from claifo_core.data.observations import RENDERED, Observer
from claifo_sim import EnvSpec, make, task_info

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from claifo_core.config import EnvConfig
    from claifo_sim.env import SimEnv
    from claifo_sim.spec import Lens


def agent_hz(env: EnvConfig) -> float:
    """Return how often the agent acts, per second."""
    return task_info(env.task).control_hz / env.action_repeat


def evaluation_env(env: EnvConfig) -> SimEnv:
    """Build the world of evaluations: episodes of full length, the camera where it belongs."""
    return make(**_look(env))


def env_spec(env: EnvConfig) -> EnvSpec:
    """Return what one training environment is made of."""
    return EnvSpec(
        **_look(env), episode_steps=env.episode_steps, camera_jitter=env.camera_jitter
    )


def world_of(metadata: Mapping[str, Any], domain: str) -> EnvConfig:
    """Return the world that a policy was made for, in a visual domain of choice.

    Args:
        metadata: Of the policy file.
        domain: Name of the domain.
    """
    from claifo_core.config import EnvConfig

    return EnvConfig(
        task=metadata['task'],
        domain=domain,
        size_px=metadata['frames']['size_px'],
        action_repeat=metadata['action_repeat'],
        cameras=tuple(metadata['cameras']),
        observation=metadata['frames'].get('observation', 'rgb'),
    )


def image_and_lens(observation: str) -> tuple[str, Callable[[], Lens] | None]:
    """Return what cameras show, and what turns that into the observation."""
    if observation in RENDERED:
        return observation, None
    return 'rgb', None if observation == 'rgb' else functools.partial(Observer, observation)


def _look(env: EnvConfig) -> dict[str, Any]:
    image, lens = image_and_lens(env.observation)
    return {
        'task': env.task,
        'domain': env.domain,
        'size_px': env.size_px,
        'action_repeat': env.action_repeat,
        'profile': env.profile,
        'cameras': env.cameras,
        'image': image,
        'lens': lens,
    }
