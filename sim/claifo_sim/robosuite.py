"""robosuite tasks (Zhu et al., 2020) with the Panda arm as :class:`SimEnv`.

The arm follows poses of its hand (OSC_POSE, 20 Hz): three displacements, three rotations, gripper.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import logging
from typing import TYPE_CHECKING, Any

from claifo_sim.errors import SimError
from claifo_sim.rendering import probe

probe()  # MuJoCo reads MUJOCO_GL when it is imported

import mujoco  # noqa: E402
import numpy as np  # noqa: E402

from claifo_sim.env import SimEnv  # noqa: E402
from claifo_sim.painting import Part, StockLook  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from claifo_sim.registry import TaskInfo
    from claifo_sim.spec import EnvSpec

VERSION = '1.5.2'
_MUJOCO = ((3, 3), (3, 10))  # the first versions that work, and that do not any more
_VISIBLE = 1  # the group of the shapes that are meant to be seen
_PROPRIO = ('robot0_joint_pos', 'robot0_eef_pos', 'robot0_eef_quat', 'robot0_gripper_qpos')


def check_installed() -> None:
    """Check that robosuite is there, and that this MuJoCo is one that it works with.

    Raises:
        SimError: It is missing or of another version, or MuJoCo does not fit.
    """
    if importlib.util.find_spec('robosuite') is None:
        raise SimError('robosuite is not installed; it is an extra: `make robosuite`, or see '
                       'docs/install.md')
    found = importlib.metadata.version('robosuite')
    if found != VERSION:
        raise SimError(f'robosuite {found} is installed; this project works with {VERSION}')
    version = tuple(map(int, mujoco.__version__.split('.')[:2]))
    if not _MUJOCO[0] <= version < _MUJOCO[1]:
        raise SimError(f'robosuite {VERSION} does not work with mujoco {mujoco.__version__}; '
                       'it does with 3.3 to 3.9')


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what robosuite tells of its optional parts off the console."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def load(info: TaskInfo, spec: EnvSpec) -> RobosuiteEnv:
    """Build a task.

    Raises:
        SimError: robosuite is missing or does not fit, or no render back end is installed.
    """
    check_installed()
    with _quiet():
        import robosuite

        task = robosuite.make(
            info.scene, robots='Panda', has_renderer=False, has_offscreen_renderer=False,
            use_camera_obs=False, control_freq=int(info.control_hz), ignore_done=True,
            # The model stays, so that look and GL context stay: a reset takes milliseconds.
            hard_reset=False, reward_shaping=info.goal == 'dense', seed=spec.seed,
        )
        return RobosuiteEnv(info, spec, task)


def _look(model: mujoco.MjModel) -> StockLook:
    robot = tuple(
        index for index in range(model.ngeom)
        if model.geom_group[index] == _VISIBLE
        and model.body(model.geom_bodyid[index]).name.startswith(('robot0', 'gripper0'))
    )
    table = tuple(
        name for name in (model.mat(index).name for index in range(model.nmat))
        if name.startswith('table') and 'leg' not in name
    )
    parts = {'body': Part(geoms=robot), 'table': Part(table), 'floor': Part(('floorplane',)),
             'walls': Part(('walls_mat',))}
    backdrop = ('floorplane', 'walls_mat')
    return StockLook(parts, '', (*backdrop, *table), backdrop)


class RobosuiteEnv(SimEnv):
    """One task of the arm.

    ``state`` is robosuite's observation of objects and robot, ``proprio`` joint angles, position
    and orientation of the hand and the opening of the gripper. The state of the controller is not
    part of :meth:`get_state`.

    Attributes:
        task: robosuite's environment, for experts.
        seen: Its newest observation.
    """

    _hidden = (0,)  # collision shapes

    def __init__(self, info: TaskInfo, spec: EnvSpec, task: Any) -> None:  # noqa: ANN401
        """Wrap robosuite's environment.

        Raises:
            SimError: No render back end is installed, or there is no such camera.
        """
        self.task = task
        self.seen: dict[str, np.ndarray] = {}
        model = task.sim.model._model
        super().__init__(info, spec, model, task.sim.data._data, _look(model))

    def _begin(self, seed: int | None) -> None:
        if seed is not None:
            # Samplers hold the generator: set its state, do not replace it.
            self.task.rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state
        self.seen = self.task.reset()

    def _advance(self, action: np.ndarray) -> tuple[float, bool]:
        self.seen, reward, _, _ = self.task.step(action)
        return float(reward), False

    def _success(self, reward: float) -> bool:
        return bool(self.task._check_success())

    def _state(self) -> np.ndarray:
        parts = [self.seen['object-state'], self.seen['robot0_proprio-state']]
        return np.concatenate(parts).astype(np.float32)

    def proprio(self) -> np.ndarray:
        """Return what the robot measures of itself, float32 (P,)."""
        return np.concatenate([self.seen[name] for name in _PROPRIO]).astype(np.float32)

    def close(self) -> None:
        """Free the GL context; more calls do nothing."""
        super().close()
        self.task.close()
