"""The tasks by name: what is known of each without loading its simulator."""

from __future__ import annotations

import dataclasses
import re

from claifo_sim import domains
from claifo_sim.errors import SimError, did_you_mean


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
        cameras: Names of the cameras that film the task, unless others are asked for.
        control_steps: Control steps of a full episode.
        size_px: Side of the picture that the paper uses.
        solved_steps: An episode counts as solved for good when it is in more steps than so many
            (the rule of the paper's authors; plain success is in any step).
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
    cameras: tuple[str, ...]
    control_steps: int = 1000
    size_px: int = 64
    solved_steps: int = 0
    geom_scale: tuple[tuple[str, float], ...] = ()

    @property
    def optional(self) -> bool:
        """Whether its suite is an extra that may be missing."""
        return self.suite == 'robosuite'


_DMC_CAMERAS = {
    'ball_in_cup': 'cam0', 'cheetah': 'side', 'finger': 'cam0', 'hopper': 'cam0',
    'humanoid': 'back', 'quadruped': 'y', 'walker': 'side',
}
_RELOCATE_CAMERAS = ('cam1', 'cam2', 'cam3')


def _dmc(
    scene: str, goal: str, hz: float, actions: int, proprio: int, description: str, *,
    suffix: str = '', geom_scale: tuple[tuple[str, float], ...] = ()
) -> TaskInfo:
    return TaskInfo(
        f'{scene}_{goal}{suffix}', 'dmc', scene, goal, description, hz, actions, proprio,
        (_DMC_CAMERAS.get(scene, 'fixed'),), geom_scale=geom_scale,
    )


def _adroit(
    scene: str, actions: int, description: str, *, cameras: tuple[str, ...] = ('top',),
    steps: int = 200, solved_steps: int = 25,
) -> list[TaskInfo]:
    """Return the task with the paper's sparse reward and the one with the dense reward."""
    return [
        TaskInfo(
            f'adroit_{scene}{suffix}', 'adroit', scene, goal, f'{description}; {goal} reward', 100,
            actions, 24, cameras, steps, 84, solved_steps,
        )
        for goal, suffix in (('sparse', ''), ('dense', '_dense'))
    ]


def _robosuite(
    scene: str, description: str, *, steps: int = 500, actions: int = 7, proprio: int = 16,
    camera: str = 'frontview',
) -> list[TaskInfo]:
    """Return the task with a reward for success alone and the one with a shaped reward."""
    name = re.sub('(?<=[a-z])(?=[A-Z])', '_', scene).lower()
    return [
        TaskInfo(
            f'robosuite_{name}{suffix}', 'robosuite', scene, goal, f'{description}; {goal} reward',
            20, actions, proprio, (camera,), steps, 84,
        )
        for goal, suffix in (('sparse', ''), ('dense', '_dense'))
    ]


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
        _dmc('quadruped', 'run', 50, 12, 32, 'run on four legs'),
        _dmc('quadruped', 'walk', 50, 12, 32, 'walk on four legs'),
        _dmc('reacher', 'easy', 50, 2, 4, 'reach a large target with a two-link arm'),
        _dmc('reacher', 'hard', 50, 2, 4, 'reach a small target with a two-link arm'),
        _dmc('walker', 'run', 40, 6, 12, 'run at 8 m/s on two legs'),
        _dmc('walker', 'stand', 40, 6, 12, 'stand upright on two legs'),
        _dmc('walker', 'walk', 40, 6, 12, 'walk at 1 m/s on two legs'),
        *_adroit('door', 28, 'undo the latch and pull the door open'),
        *_adroit('hammer', 26, 'pick up the hammer and drive the nail in'),
        *_adroit('pen', 24, 'turn the pen in the hand like the one shown', steps=100,
                 cameras=('vil_camera',), solved_steps=20),
        *_adroit('relocate', 30, 'carry the ball to the target', cameras=_RELOCATE_CAMERAS),
        *_robosuite('Lift', 'lift a cube', steps=100),
        *_robosuite('Stack', 'put a cube on another', steps=250),
        *_robosuite('Door', 'press the handle and pull the door open', steps=400),
        *_robosuite('NutAssemblySquare', 'put a square nut on its peg'),
        *_robosuite('NutAssemblyRound', 'put a round nut on its peg'),
        *_robosuite('PickPlaceCan', 'put a can into its bin'),
        *_robosuite('PickPlaceMilk', 'put a milk carton into its bin'),
        *_robosuite('PickPlaceBread', 'put a loaf into its bin'),
        *_robosuite('PickPlaceCereal', 'put a cereal box into its bin'),
        *_robosuite('ToolHang', 'build a stand and hang a tool on it'),
        *_robosuite('Wipe', 'wipe the table clean', actions=6, proprio=14),
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
    info = task_info(task)
    return domains.names(info.suite, info.scene)
