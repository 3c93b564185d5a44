"""Adroit hand tasks (Rajeswaran et al., 2018; gymnasium-robotics) as :class:`SimEnv`.

Cameras, proprioception and sparse rewards are those of the paper; dense rewards those of the first
publication. Models and starts are those of gymnasium-robotics.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from claifo_sim.rendering import probe

probe()  # MuJoCo reads MUJOCO_GL when it is imported

import mujoco  # noqa: E402
import numpy as np  # noqa: E402

from claifo_sim.env import SimEnv  # noqa: E402
from claifo_sim.painting import Part, StockLook  # noqa: E402

if TYPE_CHECKING:
    from claifo_sim.registry import TaskInfo
    from claifo_sim.spec import EnvSpec

_DOWN = (0.0, 0.0, 0.0, 1.0)  # a camera that looks down, turned by 180 degrees about its axis
_SLANTED = (0.924, 0.383, 0.0, 0.0)  # forward and down by 45 degrees
_SKY_PX = 128
_FINGER_JOINTS = 24


class _Place(NamedTuple):
    """Where a camera stands (metres) and how it is turned (quaternion)."""

    pos: tuple[float, float, float]
    quat: tuple[float, float, float, float]


# As in the paper's code. Two cameras of relocate stand before and beside the hand, one below it,
# so its table is not drawn.
_CAMERAS: dict[str, dict[str, _Place]] = {
    'door': {'top': _Place((0.0, 0.0, 1.5), _DOWN)},
    'hammer': {'top': _Place((0.0, 0.0, 1.1), _DOWN)},
    'pen': {'vil_camera': _Place((0.0, -0.8, 0.8), _SLANTED)},
    'relocate': {
        'cam1': _Place((0.0, -0.04, -1.0), (0.0, 0.0, 1.0, 0.0)),
        'cam2': _Place((0.0, 0.8, 0.2), (0.0, 0.0, 0.5**0.5, 0.5**0.5)),
        'cam3': _Place((0.8, 0.0, 0.2), (0.5, 0.5, 0.5, 0.5)),
    },
}
_NO_TABLE = ('relocate',)


def load(info: TaskInfo, spec: EnvSpec) -> AdroitEnv:
    """Build a task.

    Raises:
        SimError: No render back end is installed.
    """
    return AdroitEnv(info, spec, _scene(info.scene))


def _scene(scene: str) -> Any:  # noqa: ANN401  (an environment of gymnasium-robotics)
    """Return the library's environment over a model with our cameras and a black sky."""
    # On import it prints a notice of versions of rewards, which are not used here.
    with contextlib.redirect_stderr(io.StringIO()):
        module = importlib.import_module(f'gymnasium_robotics.envs.adroit_hand.adroit_{scene}')
    base = getattr(module, f'AdroitHand{scene.capitalize()}Env')

    def build(env: Any) -> tuple[mujoco.MjModel, mujoco.MjData]:  # noqa: ANN401
        model = _compile(env.fullpath, _CAMERAS[scene])
        if scene in _NO_TABLE:
            model.material('tablecube').rgba[:] = 0
        return model, mujoco.MjData(model)

    return type(f'{base.__name__}WithSky', (base,), {'_initialize_simulation': build})()


def _compile(path: str, cameras: dict[str, _Place]) -> mujoco.MjModel:
    spec = mujoco.MjSpec.from_file(path)
    spec.add_texture(
        name='sky', type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, width=_SKY_PX, height=6 * _SKY_PX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT, rgb1=[1, 1, 1], rgb2=[0, 0, 0],
    )
    for name, place in cameras.items():
        if (found := spec.camera(name)) is None:
            found = spec.worldbody.add_camera(name=name)
        found.pos, found.quat = place.pos, place.quat
    model: mujoco.MjModel = spec.compile()
    return model


def _take_sky(model: mujoco.MjModel) -> np.ndarray:
    """Return the gradient of the sky, and leave it black as in the suite."""
    texture = model.texture('sky')
    shape = int(texture.height[0]), int(texture.width[0]), int(texture.nchannel[0])
    start = int(texture.adr[0])
    pixels = model.tex_data[start:start + int(np.prod(shape))].reshape(shape)
    gradient = pixels.copy()
    pixels[:] = 0
    return gradient


def _look(model: mujoco.MjModel) -> StockLook:
    names = [model.geom(index).name for index in range(model.ngeom)]
    hand = [i for i, name in enumerate(names) if name.startswith('V_')]
    bodies = [model.body(body).name for body in model.geom_bodyid]
    frame = [i for i, body in enumerate(bodies) if body == 'frame']
    return StockLook(
        {
            'body': Part(geoms=tuple(hand)), 'table': Part(('tablecube',)),
            'frame': Part(geoms=tuple(frame)),
        },
        'groundplane', ('groundplane', 'tablecube'), ('groundplane',),
        sky=_take_sky(model),
    )


class AdroitEnv(SimEnv):
    """One task of the hand.

    ``state`` is the suite's observation, ``proprio`` the positions of the 24 joints of wrist and
    fingers. ``info['success']`` is the paper's criterion: the door open by more than 1.4 rad, the
    nail in, the pen turned as wanted wherever it is, the ball near its target. Only a dropped pen
    ends an episode early.
    """

    def __init__(self, info: TaskInfo, spec: EnvSpec, scene: Any) -> None:  # noqa: ANN401
        """Wrap the library's environment.

        Raises:
            SimError: No render back end is installed, or there is no such camera.
        """
        self._scene = scene
        model, data = scene.model, scene.data
        actuators = [model.actuator(i) for i in range(model.nu)][-_FINGER_JOINTS:]
        self._joints = model.jnt_qposadr[[int(a.trnid[0]) for a in actuators]]
        self._goal = _GOALS[info.scene](model, data)
        self._seen = np.zeros(0, np.float32)
        super().__init__(info, spec, model, data, _look(model))

    def _begin(self, seed: int | None) -> None:
        observation, _ = self._scene.reset(seed=None if seed is None else seed % 2**32)
        self._seen = np.asarray(observation, np.float32)

    def _advance(self, action: np.ndarray) -> tuple[float, bool]:
        self._seen = np.asarray(self._scene.step(action)[0], np.float32)
        reward = self._goal.sparse() if self.info.goal == 'sparse' else self._goal.dense()
        return reward, self._goal.failed()

    def _success(self, reward: float) -> bool:
        return self._goal.solved()

    def _state(self) -> np.ndarray:
        return self._seen

    def proprio(self) -> np.ndarray:
        """Return what the robot measures of itself, float32 (P,)."""
        return self.data.qpos[self._joints].astype(np.float32)

    def close(self) -> None:
        """Free the GL context; more calls do nothing."""
        super().close()
        self._scene.close()


class _Goal:
    """Rewards and success of one scene, from positions in the world."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self._model, self._data = model, data

    def _site(self, name: str) -> np.ndarray:
        found: np.ndarray = self._data.site(name).xpos
        return found

    def _body(self, name: str) -> np.ndarray:
        found: np.ndarray = self._data.body(name).xpos
        return found

    def failed(self) -> bool:
        """Return whether the episode cannot go on."""
        return False

    def sparse(self) -> float:
        """Return the paper's reward."""
        raise NotImplementedError

    def dense(self) -> float:
        """Return the sparse reward with terms that lead to it."""
        raise NotImplementedError

    def solved(self) -> bool:
        """Return whether the task is solved now."""
        raise NotImplementedError


class _Door(_Goal):
    def _angle(self) -> float:
        return float(self._data.joint('door_hinge').qpos[0])

    def solved(self) -> bool:
        return self._angle() > 1.4

    def sparse(self) -> float:
        angle = self._angle()
        steps = 2 * (angle > 0.2) + 8 * (angle > 1.0) + 10 * (angle > 1.35)
        return -0.1 * (angle - 1.57) ** 2 + steps

    def dense(self) -> float:
        reach = _distance(self._site('S_grasp'), self._site('S_handle'))
        speed = float(np.square(self._data.qvel).sum())
        return self.sparse() - 0.1 * reach - 1e-5 * speed


class _Hammer(_Goal):
    def _depth_left(self) -> float:
        return _distance(self._site('S_target'), self._site('nail_goal'))

    def solved(self) -> bool:
        return self._depth_left() < 0.01

    def sparse(self) -> float:
        left = self._depth_left()
        return -10 * left + 25 * (left < 0.02) + 75 * (left < 0.01)

    def dense(self) -> float:
        hammer, head = self._body('Object'), self._site('tool')
        reach = 0.1 * _distance(self._site('S_grasp'), hammer)
        reach += _distance(head, self._site('S_target'))
        lifted = 2.0 * (hammer[2] > 0.04 and head[2] > 0.04)
        return self.sparse() - reach - 1e-2 * float(np.linalg.norm(self._data.qvel)) + lifted


class _Pen(_Goal):
    def _errors(self) -> tuple[float, float]:
        """Return the distance from the place wanted, and the cosine to the direction wanted."""
        away = _distance(self._body('Object'), self._site('eps_ball'))
        pen = self._site('object_top') - self._site('object_bottom')
        wanted = self._site('target_top') - self._site('target_bottom')
        return away, float(pen @ wanted / np.linalg.norm(pen) / np.linalg.norm(wanted))

    def solved(self) -> bool:
        return self._errors()[1] > 0.95

    def failed(self) -> bool:
        return float(self._body('Object')[2]) < 0.075

    def sparse(self) -> float:
        return 50.0 * (self.solved() and self._errors()[0] < 0.075)

    def dense(self) -> float:
        away, cosine = self._errors()
        near = 10 * (away < 0.075 and cosine > 0.9)
        return self.sparse() - away + cosine + near - 5 * self.failed()


class _Relocate(_Goal):
    def _away(self) -> float:
        return _distance(self._body('Object'), self._site('target'))

    def solved(self) -> bool:
        return self._away() < 0.1

    def sparse(self) -> float:
        away = self._away()
        return 10.0 * (away < 0.1) + 20.0 * (away < 0.05)

    def dense(self) -> float:
        palm, ball, target = self._site('S_grasp'), self._body('Object'), self._site('target')
        reward = self.sparse() - 0.1 * _distance(palm, ball)
        if ball[2] > 0.04:
            reward += 1 - 0.5 * _distance(palm, target) - 0.5 * _distance(ball, target)
        return reward


_GOALS: dict[str, Callable[[mujoco.MjModel, mujoco.MjData], _Goal]] = {
    'door': _Door, 'hammer': _Hammer, 'pen': _Pen, 'relocate': _Relocate,
}


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.linalg.norm(first - second))
