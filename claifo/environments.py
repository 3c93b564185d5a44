"""From a configuration to simulators; knows no torch, so that simulator processes start fast."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claifo_core.data.observations import RENDERED, Observer, film_kind
from claifo_sim import EnvSpec, make, task_info
from claifo_sim.domains import same_look, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from claifo_core.config import EnvConfig, TrainConfig
    from claifo_sim.env import SimEnv
    from claifo_sim.spec import Lens


def expert_bag(
    task: str,
    domain: str,
    size_px: int,
    cameras: tuple[str, ...] = (),
    image: str = 'rgb',
    *,
    actions: bool = False,
    random: bool = False,
) -> Path:
    """Return where films of a task's expert are kept, unless another place is named.

    Args:
        task: Name of the task.
        domain: Domain in which the expert is filmed.
        size_px: Side of the picture.
        cameras: Those that film; none: the task's own.
        image: What they show: ``rgb``, ``depth``, ``segmentation`` or ``cloud``.
        actions: Whether the expert's actions are written beside them.
        random: Random actions are filmed in place of the expert.
    """
    info = task_info(task)
    look = same_look(domain, info.suite, info.scene).replace('/', '_')
    views = ''.join(f'_{camera}' for camera in cameras if cameras != info.cameras)
    kind = '' if image == 'rgb' else f'_{image}'
    more = '_actions' * actions + '_random' * random
    return Path('bags') / f'{task}_{look}_{size_px}px{views}{kind}{more}'


def films_of(config: TrainConfig, option: str = 'bag') -> Path:
    """Return where the films are kept from which an agent of this world can learn.

    Args:
        config: The run.
        option: Which film: that option of ``expert`` names it.
    """
    env, (domain, image) = config.env, _shown(config.env, option)
    of_expert = option == 'bag'
    return expert_bag(
        env.task, domain, env.size_px, env.cameras, image,
        actions=of_expert and bool(config.expert.action_topic), random=not of_expert,
    )  # fmt: skip


def _shown(env: EnvConfig, option: str) -> tuple[str, str]:
    """Return domain and kind of the pictures of a film; the agent's camera may stand elsewhere."""
    if option == 'random_agent_bag':
        return env.domain, _image_and_lens(env.observation)[0]
    return source_of(env.domain), film_kind(env.observation)


def film_words(config: TrainConfig, option: str = 'bag') -> list[str]:
    """Return the words of `claifo` that record a film, all but how much of it and where.

    Args:
        config: The run.
        option: Which film: that option of ``expert`` names it.
    """
    env, (domain, image) = config.env, _shown(config.env, option)
    acting = ('--actions',) if config.expert.action_topic else ()
    return [
        'expert', 'record', env.task, '--domain', domain, '--size-px', str(env.size_px),
        *(('--cameras', ','.join(env.cameras)) if env.cameras else ()),
        *(('--image', image) if image != 'rgb' else ()),
        *(acting if option == 'bag' else ('--random',)),
    ]  # fmt: skip


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


def _image_and_lens(observation: str) -> tuple[str, Callable[[], Lens] | None]:
    """Return what cameras show, and what turns that into the observation."""
    if observation in RENDERED:
        return observation, None
    return 'rgb', None if observation == 'rgb' else functools.partial(Observer, observation)


def _look(env: EnvConfig) -> dict[str, Any]:
    image, lens = _image_and_lens(env.observation)
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
