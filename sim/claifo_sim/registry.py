"""The tasks by name, and :func:`make`, which builds any of them."""

from __future__ import annotations

import dataclasses
import importlib
from typing import TYPE_CHECKING

from claifo_sim import domains
from claifo_sim.errors import SimError, did_you_mean

if TYPE_CHECKING:
    from claifo_sim.env import SimEnv

PROFILES = ('fast', 'faithful', 'off')

# The module of each suite offers load(info, spec) -> SimEnv; it is imported when first needed.
_SUITES = {'dmc': 'claifo_sim.dmc'}


@dataclasses.dataclass(frozen=True)
class TaskInfo:
    """What is known of a task without loading its simulator.

    Attributes:
        name: Name by which the task is made.
        suite: Suite that it comes from.
        scene: Model in that suite.
        goal: Task of that model in the suite.
        description: What the robot has to do.
        control_hz: Actions per second at action repeat 1.
        action_dim: Number of actuators.
        proprio_dim: Size of the proprioception.
        camera: Index of the model's camera that films the task.
        control_steps: Control steps of a full episode.
        geom_scale: (geom, factor) drawn larger than the model has it; for the eye only.
    """

    name: str
    suite: str
    scene: str
    goal: str
    description: str
    control_hz: float
    action_dim: int
    proprio_dim: int
    camera: int = 0
    control_steps: int = 1000
    geom_scale: tuple[tuple[str, float], ...] = ()


@dataclasses.dataclass(frozen=True)
class EnvSpec:
    """The arguments of :func:`make`, so that they can travel to another process."""

    task: str
    domain: str = domains.STOCK
    seed: int = 0
    size_px: int = 64
    action_repeat: int = 1
    profile: str = 'fast'
    episode_steps: int = 0

    def __post_init__(self) -> None:
        """Refuse values that cannot work.

        Raises:
            SimError: A value is out of its range, or the task or domain does not exist.
        """
        domains.domain(self.domain, task_info(self.task).scene)
        if self.profile not in PROFILES:
            near = did_you_mean(self.profile, PROFILES)
            raise SimError(f'profile {self.profile!r}: unknown{near}; one of {PROFILES}')
        for key, low, high in (
            ('seed', 0, 2**63 - 1), ('size_px', 8, 1024), ('action_repeat', 1, 1000),
            ('episode_steps', 0, 10**6),
        ):
            value = getattr(self, key)
            if not isinstance(value, int) or not low <= value <= high:
                raise SimError(f'{key} {value!r}: must be a whole number in {low}..{high}')


def _dmc(
    scene: str, goal: str, hz: float, actions: int, proprio: int, description: str, *,
    camera: int = 0, suffix: str = '', geom_scale: tuple[tuple[str, float], ...] = ()
) -> TaskInfo:
    return TaskInfo(
        f'{scene}_{goal}{suffix}', 'dmc', scene, goal, description, hz, actions, proprio, camera,
        geom_scale=geom_scale,
    )


_TASKS = {
    info.name: info
    for info in (
        _dmc('acrobot', 'swingup', 100, 1, 2, 'swing a two-link pendulum up by its elbow'),
        _dmc('ball_in_cup', 'catch', 50, 2, 4, 'catch a ball on a string in a cup'),
        _dmc('cartpole', 'balance', 100, 1, 2, 'keep a pole upright on a cart'),
        _dmc('cartpole', 'balance_sparse', 100, 1, 2, 'keep a pole upright, sparse reward'),
        _dmc('cartpole', 'swingup', 100, 1, 2, 'swing a pole up and balance it'),
        _dmc('cartpole', 'swingup_sparse', 100, 1, 2, 'swing a pole up, sparse reward'),
        _dmc('cartpole', 'two_poles', 100, 1, 2, 'swing two chained poles up'),
        _dmc('cheetah', 'run', 100, 6, 12, 'run forward on two legs'),
        _dmc('finger', 'spin', 50, 2, 4, 'keep a body spinning with a finger'),
        _dmc('finger', 'turn_easy', 50, 2, 4, 'turn a body to a large target'),
        _dmc('finger', 'turn_hard', 50, 2, 4, 'turn a body to a small target'),
        _dmc('hopper', 'hop', 50, 4, 8, 'hop forward on one leg'),
        _dmc('hopper', 'stand', 50, 4, 8, 'stand upright on one leg'),
        _dmc('humanoid', 'run', 40, 21, 42, 'run at 10 m/s'),
        _dmc('humanoid', 'stand', 40, 21, 42, 'stand up and stay up'),
        _dmc('humanoid', 'walk', 40, 21, 42, 'walk at 1 m/s'),
        _dmc('pendulum', 'swingup', 50, 1, 2, 'swing a weak pendulum up'),
        _dmc('point_mass', 'easy', 50, 2, 4, 'push a ball to the centre'),
        _dmc('point_mass', 'easy', 50, 2, 4, 'push a ball to the centre; ball drawn 4x larger',
             suffix='_big', geom_scale=(('pointmass', 4.0),)),
        _dmc('quadruped', 'run', 50, 12, 32, 'run on four legs', camera=2),
        _dmc('quadruped', 'walk', 50, 12, 32, 'walk on four legs', camera=2),
        _dmc('reacher', 'easy', 50, 2, 4, 'reach a large target with a two-link arm'),
        _dmc('reacher', 'hard', 50, 2, 4, 'reach a small target with a two-link arm'),
        _dmc('walker', 'run', 40, 6, 12, 'run at 8 m/s on two legs'),
        _dmc('walker', 'stand', 40, 6, 12, 'stand upright on two legs'),
        _dmc('walker', 'walk', 40, 6, 12, 'walk at 1 m/s on two legs'),
    )
}


def tasks() -> tuple[TaskInfo, ...]:
    """Return every registered task, by name."""
    return tuple(_TASKS[name] for name in sorted(_TASKS))


def task_info(name: str) -> TaskInfo:
    """Return the task called ``name``.

    Raises:
        SimError: There is no such task.
    """
    if name not in _TASKS:
        raise SimError(
            f'task {name!r}: unknown{did_you_mean(name, _TASKS)}; `claifo tasks` lists all'
        )
    return _TASKS[name]


def domain_names(task: str) -> tuple[str, ...]:
    """Return the visual domains in which ``task`` can be shown.

    Raises:
        SimError: There is no such task.
    """
    return domains.names(task_info(task).scene)


def make(
    task: str,
    domain: str = domains.STOCK,
    seed: int = 0,
    *,
    size_px: int = 64,
    action_repeat: int = 1,
    profile: str = 'fast',
    episode_steps: int = 0,
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

    Raises:
        SimError: An argument is unknown or out of range, or no render back end is installed.
    """
    spec = EnvSpec(task, domain, seed, size_px, action_repeat, profile, episode_steps)
    info = task_info(task)
    suite = importlib.import_module(_SUITES[info.suite])
    env: SimEnv = suite.load(info, spec)
    return env
