"""Limits of a robot, and the one function through which every command passes.

No limit has a default: who gives none gets no motion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from claifo_core.config import settings
from claifo_core.errors import ClaifoError, check_choice, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from claifo_core.deploy.action import ActionPart

FORMAT = 'claifo-limits-1'
REACTIONS = ('hold', 'zero', 'ramp_down')
_NEEDED = {
    'position': ('position', 'velocity', 'step'),
    'velocity': ('position', 'velocity', 'step'),
    'effort': ('effort', 'step'),
    'twist': ('velocity', 'step'),
}
_SENSELESS = {
    ('hold', 'velocity'): 'the robot would go on moving',
    ('hold', 'twist'): 'the robot would go on moving',
    ('zero', 'position'): 'every joint would be driven to 0',
}


@dataclass(frozen=True)
class JointLimits:
    """Limits of one joint, or of one axis of a twist.

    Attributes:
        name: As in the contract.
        step: Largest change from one command to the next, in the unit of the command.
        position: Where the joint may be (low, high), rad or m.
        velocity: Largest speed, rad/s or m/s.
        effort: Largest effort, in the unit of the command.
    """

    name: str
    step: float
    position: tuple[float, float] | None = None
    velocity: float | None = None
    effort: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits that are inverted, or none."""
        for key in ('step', 'velocity', 'effort'):
            value = getattr(self, key)
            if value is not None and not 0 < value < math.inf:
                raise ClaifoError(f'{key} of {self.name} is {value}; finite and above 0 is needed')
        if self.position is not None:
            _check_range(f'position of {self.name}', *self.position)


def _check_range(what: str, low: float, high: float) -> None:
    if not -math.inf < low < high < math.inf:
        raise ClaifoError(f'{what} is [{low:g}, {high:g}]; the first must be below the second')


@dataclass(frozen=True)
class Workspace:
    """Where the body that a twist moves may be.

    Attributes:
        topic: `geometry_msgs/PoseStamped` of the body, in the frame of the twist.
        low: x, y, z in metres.
        high: x, y, z in metres.
    """

    topic: str
    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def __post_init__(self) -> None:
        """Refuse a box that is inside out."""
        for axis, low, high in zip('xyz', self.low, self.high, strict=True):
            _check_range(f'workspace {axis}', low, high)


@dataclass(frozen=True)
class Limits:
    """The limits of a robot and what is done when something is wrong.

    Attributes:
        format: Version of this layout.
        joints: One for every name of the contract.
        on_fault: hold (the last command again), zero, or ramp_down (to a stop in ``ramp_s``).
        workspace: For twists.
        joint_states: Topic on which the robot tells where its joints are.
        watchdog_periods: A fault when the newest image acted on is older, in control periods.
        ramp_s: Time of the ramp, seconds.
    """

    format: str
    joints: tuple[JointLimits, ...]
    on_fault: str
    workspace: Workspace | None = None
    joint_states: str = '/joint_states'
    watchdog_periods: float = 2.0
    ramp_s: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.format != FORMAT:
            raise ClaifoError(f'format is {self.format!r}; this version reads {FORMAT}')
        check_choice('on_fault', self.on_fault, REACTIONS)
        if not 1 <= self.watchdog_periods < math.inf or not 0 < self.ramp_s < math.inf:
            raise ClaifoError('watchdog_periods must be at least 1, ramp_s above 0')


def load(path: Path | str) -> Limits:
    """Read limits: a file of their own, or the ``limits`` of a contract.

    Raises:
        ClaifoError: the file is missing, has no limits, or says what cannot be.
    """
    values = settings.read_yaml(path)
    if 'cameras' in values:
        values = values.get('limits') or {}
    if not values:
        raise ClaifoError(f'{path}: has no limits; without limits nothing moves')
    return settings.build(Limits, values, str(path))


def check(limits: Limits, action: ActionPart, source: str) -> None:
    """Check that every number of an action has the limits that its meaning asks for.

    Raises:
        ClaifoError: names the joint and the limit that is missing.
    """
    meaning = action.meaning
    if reason := _SENSELESS.get((limits.on_fault, meaning)):
        fit = [r for r in REACTIONS if (r, meaning) not in _SENSELESS]
        raise ClaifoError(
            f'{source}: on_fault {limits.on_fault} with {meaning} commands: {reason}; choose '
            f'{" or ".join(fit)}'
        )
    given = {joint.name: joint for joint in limits.joints}
    for name in action.names:
        if name not in given:
            raise ClaifoError(f'{source}: no limits for {name}{did_you_mean(name, given)}')
        for key in _NEEDED[meaning]:
            if getattr(given[name], key) is None:
                raise ClaifoError(f'{source}: {name} has no limit of {key}; {meaning} commands '
                                  f'need {", ".join(_NEEDED[meaning])}')
    if meaning == 'twist' and limits.workspace is None:
        raise ClaifoError(f'{source}: twist commands need a workspace')


class Limiter:
    """Brings commands inside the limits; remembers the last one that was sent.

    Attributes:
        measures: What must be measured before a first command: '', 'joints' or 'pose'.
        sent: The last command; None before the first.
    """

    def __init__(self, limits: Limits, action: ActionPart, period_s: float) -> None:
        """Take limits that :func:`check` has passed."""
        given = {joint.name: joint for joint in limits.joints}
        joints = [given[name] for name in action.names]
        self._meaning, self._period_s, self._ramp_s = action.meaning, period_s, limits.ramp_s
        self._on_fault = limits.on_fault
        self.measures = {'position': 'joints', 'velocity': 'joints', 'twist': 'pose'}.get(
            action.meaning, ''
        )
        self._low, self._high = _command_range(action.meaning, joints)
        self._step = np.array([joint.step for joint in joints])
        if action.meaning == 'position':
            speed = np.array([joint.velocity for joint in joints], float)
            self._step = np.minimum(self._step, speed * period_s)
        self._room = _room(limits, action, joints)
        self.sent: NDArray[np.float64] | None = None
        self._speed = np.zeros(len(joints))

    def begin(self, measured: NDArray[np.float64]) -> None:
        """Start from where the robot is: positions of the joints, or anything else for no motion.

        Raises:
            ClaifoError: a joint is outside its limits already.
        """
        if self._meaning != 'position':
            self.sent = np.zeros(len(self._low))
            return
        outside = (measured < self._low - self._step) | (measured > self._high + self._step)
        if outside.any():
            raise ClaifoError(
                f'joint number {int(np.argmax(outside))} is at {measured[np.argmax(outside)]:.4g},'
                ' outside its limits; move it inside by hand'
            )
        self.sent = np.clip(measured, self._low, self._high)

    def clip(
        self, requested: NDArray[np.float64], measured: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the command nearest to what is requested that keeps all limits.

        Where a moving joint or body comes near its border, the border goes before the limit of
        the step: braking is never slowed down.

        Args:
            requested: Finite numbers, shape (A,).
            measured: Joint positions (A,), or x, y, z of the body; for velocities and twists.
        """
        assert self.sent is not None
        low, high = self._low, self._high
        if self._room is not None and measured is not None:
            low, high = self._braking(measured)
        step_low, step_high = self.sent - self._step, self.sent + self._step
        near = np.clip(requested, step_low, step_high)
        return self._send(np.clip(near, low, high))

    def safe(self) -> NDArray[np.float64]:
        """Return the next command of the reaction to a fault."""
        assert self.sent is not None
        if self._on_fault == 'hold':
            return self._send(self.sent)
        if self._on_fault == 'zero':
            return self._send(np.zeros_like(self.sent))
        steps = max(round(self._ramp_s / self._period_s), 1)
        if self._meaning == 'position':  # what is brought to zero is the speed
            slower = self._speed - np.clip(self._speed, -self._step / steps, self._step / steps)
            return self._send(np.clip(self.sent + slower, self._low, self._high))
        brake = np.maximum(np.abs(self._high), np.abs(self._low)) / steps
        return self._send(self.sent - np.clip(self.sent, -brake, brake))

    def _send(self, command: NDArray[np.float64]) -> NDArray[np.float64]:
        assert self.sent is not None
        self._speed, self.sent = command - self.sent, command
        return command.copy()

    def _braking(
        self, measured: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the speeds from which one can still stop before the border, step by step."""
        assert self._room is not None
        which, border_low, border_high = self._room
        low, high = self._low.copy(), self._high.copy()
        place = measured[which]
        for k in np.flatnonzero(which >= 0):
            down, up = place[k] - border_low[k], border_high[k] - place[k]
            high[k] = min(high[k], _stoppable(up, self._step[k], self._period_s))
            low[k] = max(low[k], -_stoppable(down, self._step[k], self._period_s))
        return low, high


def _stoppable(distance: float, step: float, period_s: float) -> float:
    """Return the speed from which ``distance`` suffices, losing ``step`` after each period.

    In n periods, the last of which is slower than a step, a speed v covers
    ``period * (n v - step n (n - 1) / 2)``.
    """
    speeds = distance / period_s
    if not speeds > 0:
        return 0.0
    n = max(math.ceil((math.sqrt(1 + 8 * speeds / step) - 1) / 2), 1)
    return (speeds + step * n * (n - 1) / 2) / n


def _command_range(
    meaning: str, joints: list[JointLimits]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if meaning == 'position':
        pairs = [joint.position or (0.0, 0.0) for joint in joints]
        return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    key = 'effort' if meaning == 'effort' else 'velocity'
    high = np.array([getattr(joint, key) for joint in joints], float)
    return -high, high


def _room(
    limits: Limits, action: ActionPart, joints: list[JointLimits]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Return, for each number, which measurement has borders (-1: none), and these borders."""
    if action.meaning == 'velocity':
        pairs = np.array([joint.position or (0.0, 0.0) for joint in joints])
        return np.arange(len(joints)), pairs[:, 0], pairs[:, 1]
    if action.meaning == 'twist' and limits.workspace:
        axes = ('linear.x', 'linear.y', 'linear.z')
        which = np.array([axes.index(n) if n in axes else -1 for n in action.names])
        box_low, box_high = np.array(limits.workspace.low), np.array(limits.workspace.high)
        return which, box_low[which], box_high[which]
    return None
