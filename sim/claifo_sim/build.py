""":func:`make` builds the environment of any task, whatever suite it comes from."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from claifo_sim import domains
from claifo_sim.registry import task_info
from claifo_sim.spec import EnvSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from claifo_sim.env import SimEnv
    from claifo_sim.spec import Lens

# The module of each suite offers load(info, spec) -> SimEnv; it is imported when first needed.
_SUITES = {
    suite: f'claifo_sim.{suite}' for suite in ('dmc', 'adroit', 'robosuite')
}


def make(
    task: str,
    domain: str = domains.STOCK,
    seed: int = 0,
    *,
    size_px: int = 64,
    action_repeat: int = 1,
    profile: str = 'fast',
    episode_steps: int = 0,
    cameras: tuple[str, ...] = (),
    image: str = 'rgb',
    camera_jitter: float = 0.0,
    lens: Callable[[], Lens] | None = None,
) -> SimEnv:
    """Build an environment.

    Args:
        task: Name of a task of :func:`tasks`.
        domain: Name of a visual domain of :func:`domain_names`.
        seed: Seed of the episodes.
        size_px: Width and height of the pictures.
        action_repeat: Control steps for which each action is held.
        profile: ``fast`` (no shadow, reflection or multisampling; 2x supersampling), ``faithful``
            (the suite's own picture quality), or ``off`` (observations without pictures).
        episode_steps: Cut episodes after this many agent steps; 0 keeps the task's own limit.
        cameras: Names of the model's cameras, in order; none means those of the task.
        image: What cameras show: ``rgb``, ``depth``, ``segmentation``, or ``cloud``: depth, as
            the cameras would see it where they belong.
        camera_jitter: Each episode every camera is turned by up to so many degrees about each of
            its axes, and shifted by up to so many hundredths of the extent of the scene.
        lens: Makes what turns the pictures of an episode, one after the other, into what is
            observed; it must be importable in a worker. None: the pictures themselves.

    Raises:
        SimError: An argument is unknown or out of range, or no render back end is installed.
    """
    spec = EnvSpec(
        task, domain, seed, size_px, action_repeat, profile, episode_steps, tuple(cameras), image,
        camera_jitter, lens,
    )
    info = task_info(task)
    suite = importlib.import_module(_SUITES[info.suite])
    env: SimEnv = suite.load(info, spec)
    return env
