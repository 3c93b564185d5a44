"""Scripted controllers for the tasks whose mechanics can be written down.

A controller reads the simulator's own state and returns an action in [-1, 1]; it keeps no memory,
so it may be asked at any rate.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import mujoco
import numpy as np
import scipy.linalg  # type: ignore[import-untyped]
from numpy.typing import NDArray

from claifo_sim.errors import SimError, did_you_mean

Controller = Callable[[], NDArray[np.float32]]
ControllerFactory = Callable[[mujoco.MjModel, mujoco.MjData], Controller]

POINT_MASS_STIFFNESS = 60.0
POINT_MASS_DAMPING = 12.0
REACHER_STIFFNESS = 60.0
REACHER_DAMPING = 0.25
# Of the swing-up: within this angle (rad) and rate (rad/s) of upright the balance takes over.
CATCH_ANGLE = 0.45
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
    """Return a spring at the finger tip, through the Jacobian, with joint damping."""
    finger = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, 'finger')
    target = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, 'target')
    jacobian = np.zeros((3, model.nv))

    def act() -> NDArray[np.float32]:
        """Return the two joint torques."""
        tip = data.geom_xpos[finger]
        mujoco.mj_jac(model, data, jacobian, None, tip, model.geom_bodyid[finger])
        error = data.geom_xpos[target] - tip
        torque = REACHER_STIFFNESS * jacobian[:2].T @ error[:2] - REACHER_DAMPING * data.qvel
        return _limited(torque)

    return act


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
        push = 8 * energy * np.sign(rate * np.cos(angle) + 1e-9)
        return _limited(np.array([push - 0.8 * data.qpos[0] - 0.6 * data.qvel[0]]))

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
}
