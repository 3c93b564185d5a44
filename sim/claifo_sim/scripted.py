"""Scripted controllers for the tasks whose mechanics can be written down.

A controller reads the simulator's own state and returns an action in [-1, 1]. Those here keep no
memory, so they may be asked at any rate; those of arms (scripted_arms.py) go through phases, and
must be built anew for every episode and asked once per control step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import mujoco
import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from claifo_sim.errors import SimError, did_you_mean
from claifo_sim.scripted_arms import PLANS, Controller, controller

ControllerFactory = Callable[[mujoco.MjModel, mujoco.MjData], Controller]

POINT_MASS_STIFFNESS = 60.0
POINT_MASS_DAMPING = 12.0
REACHER_STIFFNESS = 20.0
REACHER_DAMPING = 1.0
# Of the swing-up: gains on energy, cart position (m) and cart velocity (m/s); within this angle
# (rad) and rate (rad/s) of upright the balance takes over. Found by random search on the return.
SWING_ENERGY, SWING_POSITION, SWING_VELOCITY = 6.0, 2.0, 1.3
CATCH_ANGLE = 0.5
CATCH_RATE = 3.5
GRAVITY = 9.81


def scripted_tasks() -> tuple[str, ...]:
    """Return the names of the tasks that have a scripted controller."""
    return tuple(_TASKS)


def scripted(task: str) -> ControllerFactory:
    """Return what builds the scripted controller of a task from a model and its data.

    Raises:
        SimError: the task has none.
    """
    if task not in _TASKS:
        raise SimError(
            f'task {task!r} has no scripted controller{did_you_mean(task, _TASKS)}; '
            f'these have one: {", ".join(_TASKS)}'
        )
    return _TASKS[task]


def _point_mass(model: mujoco.MjModel, data: mujoco.MjData) -> Controller:
    """Return a spring and damper towards the target in the middle."""
    del model

    def act() -> NDArray[np.float32]:
        """Return the two forces."""
        force = -POINT_MASS_STIFFNESS * data.qpos[:2] - POINT_MASS_DAMPING * data.qvel[:2]
        return _limited(force)

    return act


def _reacher(model: mujoco.MjModel, data: mujoco.MjData) -> Controller:
    """Return springs and dampers at the two joints towards angles that put the tip on target."""
    target = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, 'target')
    finger = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, 'finger')
    link = float(model.body_pos[finger][0])

    def act() -> np.ndarray:
        """Return the two joint torques."""
        errors = _joint_errors(data.geom_xpos[target][:2], link, data.qpos)
        error = min(errors, key=lambda each: float(np.abs(each).max()))
        return _limited(REACHER_STIFFNESS * error - REACHER_DAMPING * data.qvel)

    return act


def _joint_errors(target: np.ndarray, link: float, angles: np.ndarray) -> list[np.ndarray]:
    """Return the joint errors (2,) to both poses that reach a point, elbow to either side.

    Args:
        target: point (x, y) in metres from the shoulder.
        link: length of both links in metres.
        angles: joint angles (2,) in rad; the shoulder turns freely, the wrist does not.
    """
    distance = min(float(np.hypot(*target)), 2 * link)
    bend = 2 * np.arccos(distance / (2 * link))
    heading = np.arctan2(target[1], target[0])
    return [
        np.array([_wrapped(heading - side * bend / 2 - angles[0]), side * bend - angles[1]])
        for side in (-1, 1)
    ]


def _cartpole_balance(model: mujoco.MjModel, data: mujoco.MjData) -> Controller:
    """Return the linear-quadratic regulator about the upright pole."""
    gain = _regulator(model)

    def act() -> NDArray[np.float32]:
        """Return the force on the cart."""
        state = np.concatenate([data.qpos, data.qvel])
        state[1] = _wrapped(state[1])
        return _limited(-gain @ state)

    return act


def _cartpole_swingup(model: mujoco.MjModel, data: mujoco.MjData) -> Controller:
    """Return energy shaping far from upright, the regulator near it."""
    balance = _cartpole_balance(model, data)

    def act() -> NDArray[np.float32]:
        """Return the force on the cart."""
        angle, rate = _wrapped(data.qpos[1]), data.qvel[1]
        if abs(angle) < CATCH_ANGLE and abs(rate) < CATCH_RATE:
            return balance()
        # Energy of a uniform rod of 1 m about its end, per m*g*l: 0 when it can just stand.
        energy = 0.5 * rate**2 * (2 / 3) / (2 * GRAVITY) + (np.cos(angle) - 1) / 2
        push = SWING_ENERGY * energy * np.sign(rate * np.cos(angle) + 1e-9)
        centre = SWING_POSITION * data.qpos[0] + SWING_VELOCITY * data.qvel[0]
        return _limited(np.array([push - centre]))

    return act


def _regulator(model: mujoco.MjModel) -> NDArray[np.float32]:
    """Return the feedback matrix (1, 4) for the cart and pole linearised about upright."""
    # Finite differences refuse the Runge-Kutta integrator: linearise an Euler copy.
    euler = copy.copy(model)
    euler.opt.integrator = mujoco.mjtIntegrator.mjINT_EULER
    data = mujoco.MjData(euler)
    mujoco.mj_forward(euler, data)
    size = 2 * model.nv
    transition, effect = np.zeros((size, size)), np.zeros((size, model.nu))
    mujoco.mjd_transitionFD(euler, data, 1e-6, True, transition, effect, None, None)
    cost, effort = np.diag([1.0, 10.0, 0.1, 0.1]), 0.1 * np.eye(model.nu)
    value = scipy.linalg.solve_discrete_are(transition, effect, cost, effort)
    return np.linalg.solve(effect.T @ value @ effect + effort, effect.T @ value @ transition)


def _wrapped(angle: float) -> float:
    """Return an angle in [-pi, pi)."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _limited(action: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the action as float32 within [-1, 1]."""
    return np.clip(action, -1, 1).astype(np.float32)


_TASKS: dict[str, ControllerFactory] = {
    'point_mass_easy': _point_mass,
    'point_mass_easy_big': _point_mass,
    'cartpole_balance': _cartpole_balance,
    'cartpole_balance_sparse': _cartpole_balance,
    'cartpole_swingup': _cartpole_swingup,
    'reacher_easy': _reacher,
    'reacher_hard': _reacher,
    **{task: controller(plan) for task, plan in PLANS.items()},
}
