"""DeepMind Control Suite tasks as :class:`SimEnv`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claifo_sim.rendering import probe

probe()  # dm_control reads MUJOCO_GL when it is imported

import mujoco  # noqa: E402
import numpy as np  # noqa: E402
from dm_control import suite  # noqa: E402

from claifo_sim.env import SimEnv  # noqa: E402
from claifo_sim.painting import Part, StockLook  # noqa: E402

if TYPE_CHECKING:
    from dm_control.rl import control

    from claifo_sim.registry import TaskInfo
    from claifo_sim.spec import EnvSpec

_STOCK = StockLook(
    {'body': Part(('self',)), 'effector': Part(('effector',))}, 'grid', ('grid',), ('grid',),
    ((0.4, 0.6, 0.8), (0.0, 0.0, 0.0)),
)
_SUCCESS_REWARD = 0.9


def load(info: TaskInfo, spec: EnvSpec) -> DmcEnv:
    """Build a task of the suite.

    Raises:
        SimError: No render back end is installed.
    """
    task = suite.load(info.scene, info.goal, task_kwargs={'random': spec.seed})
    model = task.physics.model.ptr
    for geom, factor in info.geom_scale:
        model.geom(geom).size[:] *= factor
    return DmcEnv(info, spec, task)


class DmcEnv(SimEnv):
    """One task of the suite.

    ``state`` is the suite's own observation, flat. ``proprio`` is position and velocity of the
    actuated joints. The suite has no success flag: a task counts as solved in a step whose reward,
    which is in 0..1, is at least 0.9.
    """

    def __init__(self, info: TaskInfo, spec: EnvSpec, task: control.Environment) -> None:
        """Wrap ``task``.

        Raises:
            SimError: No render back end is installed.
        """
        self._task = task
        model, data = task.physics.model.ptr, task.physics.data.ptr
        joints = _actuated_joints(model)
        self._qpos, self._qvel = model.jnt_qposadr[joints], model.jnt_dofadr[joints]
        self._substeps = round(task.control_timestep() / task.physics.timestep())
        self._low, self._high = model.actuator_ctrlrange.T.copy()
        super().__init__(info, spec, model, data, _STOCK)

    def _begin(self, seed: int | None) -> None:
        if seed is not None:
            self._task.task.random.seed(seed % 2**32)
        with self._task.physics.reset_context():
            self._task.task.initialize_episode(self._task.physics)

    def _advance(self, action: np.ndarray) -> tuple[float, bool]:
        # Not Environment.step: it would compute an observation per control step and reset itself.
        task, physics = self._task.task, self._task.physics
        task.before_step(self._low + (action + 1) / 2 * (self._high - self._low), physics)
        physics.step(self._substeps)
        task.after_step(physics)
        return float(task.get_reward(physics)), task.get_termination(physics) == 0.0

    def _success(self, reward: float) -> bool:
        return reward >= _SUCCESS_REWARD

    def _state(self) -> np.ndarray:
        observation = self._task.task.get_observation(self._task.physics)
        parts = [np.ravel(value) for value in observation.values()]
        return np.concatenate(parts).astype(np.float32)

    def proprio(self) -> np.ndarray:
        """Return what the robot measures of itself, float32 (P,)."""
        values = self.data.qpos[self._qpos], self.data.qvel[self._qvel]
        return np.concatenate(values).astype(np.float32)


def _actuated_joints(model: mujoco.MjModel) -> list[int]:
    """Return the joints that the actuators move, directly or through fixed tendons, in order."""
    joints: set[int] = set()
    for transmission, (target, _) in zip(
        model.actuator_trntype, model.actuator_trnid, strict=True
    ):
        if transmission == mujoco.mjtTrn.mjTRN_JOINT:
            joints.add(int(target))
        elif transmission == mujoco.mjtTrn.mjTRN_TENDON:
            wraps = slice(model.tendon_adr[target],
                          model.tendon_adr[target] + model.tendon_num[target])
            joints.update(model.wrap_objid[wraps].tolist())
    return sorted(joints)
