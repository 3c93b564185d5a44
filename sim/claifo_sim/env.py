"""What the environments of all suites share: time limits, pictures, state, visual domains."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

import gymnasium
import mujoco
import numpy as np

from claifo_sim import domains
from claifo_sim.corruption import corrupt
from claifo_sim.errors import SimError, did_you_mean
from claifo_sim.painting import Painter, StockLook
from claifo_sim.rendering import View
from claifo_sim.visual import moved

if TYPE_CHECKING:
    from claifo_sim.registry import TaskInfo
    from claifo_sim.spec import EnvSpec
    from claifo_sim.visual import VisualDomain

Observation = dict[str, np.ndarray]
# Tasks place targets in the model itself; with these a state shows the same picture elsewhere.
_PLACED = ('body_pos', 'body_quat', 'geom_pos', 'site_pos')
_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class SimEnv(gymnasium.Env[Observation, np.ndarray], abc.ABC):
    """A robot seen through one camera or several.

    Observations are ``pixels`` uint8 (H, W, 3 V) RGB, the pictures of V cameras one behind the
    other (absent with profile ``off``), ``state``
    float32 (S,) as the suite defines it, and ``proprio`` float32 (P,), what a robot would measure
    of itself. Actions are float32 (A,) in [-1, 1]. The reward is the task's own, summed over the
    action repeat. ``info['success']`` is a bool.

    Attributes:
        info: The task.
        model: The MuJoCo model.
        data: The MuJoCo data.
        control_hz: Agent steps per second.
        max_steps: Agent steps of a full episode.
        cameras: Indices of the cameras that film.
    """

    metadata = {'render_modes': ['rgb_array']}  # noqa: RUF012  gymnasium declares it so
    render_mode = 'rgb_array'
    _hidden: tuple[int, ...] = ()  # groups of shapes that are not drawn

    def __init__(
        self, info: TaskInfo, spec: EnvSpec, model: mujoco.MjModel, data: mujoco.MjData,
        stock: StockLook,
    ) -> None:
        """Start an episode, so that the model is as the task wants it, and paint the domain.

        Raises:
            SimError: No render back end is installed, or the model has no such camera.
        """
        self.info, self.model, self.data = info, model, data
        self.control_hz = info.control_hz / spec.action_repeat
        own_limit = -(-info.control_steps // spec.action_repeat)
        self.max_steps = min(spec.episode_steps or own_limit, own_limit)
        self._spec = spec
        self._control_limit = min(self.max_steps * spec.action_repeat, info.control_steps)
        self._control_step = 0
        self._over = True
        self._view: View | None = None
        self._closed = False
        self._first_seed: int | None = spec.seed
        self.cameras = self._find_cameras(spec.filmed_by)
        self._lens = spec.lens and spec.lens()
        self._begin(spec.seed)
        self._painter = Painter(model, stock, self.cameras)
        self._episode = 0  # number from which follows what is random in its pictures
        self.set_domain(spec.domain)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (info.action_dim,), np.float32)
        self.observation_space = self._spaces()

    def _find_cameras(self, wanted: tuple[str, ...]) -> tuple[int, ...]:
        names = [self.model.camera(index).name for index in range(self.model.ncam)]
        for name in wanted:
            if name not in names:
                raise SimError(f'camera {name!r}: {self.info.name} has none of that name'
                               f'{did_you_mean(name, names)}; it has {", ".join(names)}')
        return tuple(map(names.index, wanted))

    @abc.abstractmethod
    def _begin(self, seed: int | None) -> None:
        """Start an episode; ``None`` goes on with the present random stream."""

    @abc.abstractmethod
    def _advance(self, action: np.ndarray) -> tuple[float, bool]:
        """Do one control step; return its reward and whether the task has ended the episode."""

    @abc.abstractmethod
    def _success(self, reward: float) -> bool:
        """Return whether the task is solved now, given the reward of the last control step."""

    @abc.abstractmethod
    def _state(self) -> np.ndarray:
        """Return the suite's own observation of the state, float32 (S,)."""

    @abc.abstractmethod
    def proprio(self) -> np.ndarray:
        """Return what the robot measures of itself, float32 (P,)."""

    def _spaces(self) -> gymnasium.spaces.Dict:
        box = gymnasium.spaces.Box
        spaces = {
            'state': box(-np.inf, np.inf, self._state().shape, np.float32),
            'proprio': box(-np.inf, np.inf, self.proprio().shape, np.float32),
        }
        if self._spec.profile != 'off':
            size = self._spec.size_px
            shape = (size, size, 3 * len(self.cameras))
            spaces['pixels'] = box(0, 255, shape, np.uint8)
        return gymnasium.spaces.Dict(spaces)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Makes this and the following episodes repeatable; ``None`` goes on at random, at
                first from the seed of ``make``.
            options: Not used.

        Returns:
            The first observation and ``{'success': False}``.

        Raises:
            SimError: The seed is negative.
        """
        if seed is not None and seed < 0:
            raise SimError(f'{self.info.name}: seed {seed} must not be negative')
        seed = self._first_seed if seed is None else seed
        super().reset(seed=seed)
        self._begin(seed)
        self._first_seed = None
        self._episode = int(self.np_random.integers(2**63))
        self._control_step = 0
        self._over = False
        if self._spec.camera_jitter:
            self._paint()
        if self._lens:
            self._lens.begin()
        return self._observe(), {'success': False}

    def step(
        self, action: np.ndarray
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Hold ``action`` for the action repeat.

        Args:
            action: float32 (A,), clipped to [-1, 1].

        Returns:
            Observation, reward, whether the task ended the episode (``terminated``), whether the
            time was up (``truncated``), and ``{'success': bool}`` at the last control step.

        Raises:
            SimError: The episode is over, or the action has the wrong shape or is not finite.
        """
        action = self._checked(action)
        total, terminated = 0.0, False
        for _ in range(self._spec.action_repeat):
            reward, terminated = self._advance(action)
            total += reward
            self._control_step += 1
            if terminated or self._control_step >= self._control_limit:
                break
        truncated = not terminated and self._control_step >= self._control_limit
        self._over = terminated or truncated
        return self._observe(), total, terminated, truncated, {'success': self._success(reward)}

    def _checked(self, action: np.ndarray) -> np.ndarray:
        if self._over:
            raise SimError(f'{self.info.name}: no episode is running; call reset() before step()')
        action = np.asarray(action, np.float64)
        if action.shape != self.action_space.shape or not np.isfinite(action).all():
            raise SimError(f'{self.info.name}: action {action.tolist()} must be '
                           f'{self.info.action_dim} finite numbers in -1..1')
        return np.clip(action, -1.0, 1.0)

    def _observe(self) -> Observation:
        observation = {'state': self._state(), 'proprio': self.proprio()}
        if self._spec.profile != 'off':
            pixels = self.pixels()
            observation['pixels'] = self._lens(pixels) if self._lens else pixels
        return observation

    def pixels(self) -> np.ndarray:
        """Return the pictures of the present state, uint8 (H, W, 3 V).

        They are what the cameras show, before any lens.

        Raises:
            SimError: The profile is ``off``, the environment is closed or no back end works.
        """
        if self._spec.profile == 'off':
            raise SimError(f'{self.info.name}: profile off has no pictures; use fast or faithful')
        if self._closed:
            raise SimError(f'{self.info.name}: the environment has been closed')
        if self._view is None:
            self._view = View(self.model, self.cameras, self._spec.size_px,
                              fast=self._spec.profile == 'fast', hidden=self._hidden,
                              image=self._spec.image)
        homes = self._painter.homes(self.data) if self._spec.image == 'cloud' else ()
        moment = self._look.seed, self._episode, self._control_step
        return corrupt(self._view.render(self.data, homes), self._look, moment)

    def render(self) -> np.ndarray:
        """Return :meth:`pixels`, under the name that gymnasium knows."""
        return self.pixels()

    def set_domain(self, domain: str | VisualDomain) -> None:
        """Show the scene in another visual domain; the state stays.

        Args:
            domain: A name of ``domain_names`` or any :class:`VisualDomain`.

        Raises:
            SimError: There is no such domain.
        """
        if isinstance(domain, str):
            domain = domains.domain(domain, self.info.suite, self.info.scene)
        self._look = domain
        self._paint()

    def _paint(self) -> None:
        """Give the model its look, with the camera where it is in this episode."""
        look, reach = self._look, self._spec.camera_jitter
        if reach:
            shift, turn = np.random.default_rng(self._episode).uniform(-reach, reach, (2, 3))
            look = moved(look, tuple(shift / 100), tuple(turn))
        textures = self._painter.apply(look)
        mujoco.mj_camlight(self.model, self.data)
        if self._view is not None and textures:
            self._view.upload(textures)

    def get_state(self) -> np.ndarray:
        """Return everything that decides the picture and the future of the scene, float64 (N,)."""
        physics = np.empty(mujoco.mj_stateSize(self.model, _STATE))
        mujoco.mj_getState(self.model, self.data, physics, _STATE)
        return np.concatenate([physics, *(getattr(self.model, n).ravel() for n in _PLACED)])

    def set_state(self, state: np.ndarray) -> None:
        """Put the scene into ``state``, as :meth:`get_state` of the same task gave it.

        The episode's step count is not part of it.

        Raises:
            SimError: The state is of another task.
        """
        arrays = [getattr(self.model, name) for name in _PLACED]
        physics = mujoco.mj_stateSize(self.model, _STATE)
        size = physics + sum(array.size for array in arrays)
        if state.shape != (size,):
            raise SimError(f'{self.info.name}: state of shape {state.shape} is of another task; '
                           f'this one has ({size},)')
        start = physics
        for array in arrays:
            array[:] = state[start:start + array.size].reshape(array.shape)
            start += array.size
        mujoco.mj_setState(self.model, self.data, state[:physics], _STATE)
        mujoco.mj_forward(self.model, self.data)
        # The forward pass moves the solver's warm start on: put it back.
        mujoco.mj_setState(self.model, self.data, state[:physics], _STATE)

    def close(self) -> None:
        """Free the GL context; more calls do nothing."""
        self._closed = True
        if self._view is not None:
            self._view.close()
            self._view = None
