"""What the gate knows of the robot: its joints, or the body that a twist moves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from claifo_core.deploy.joints import Joints, Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from claifo_core.deploy.action import ActionPart
    from claifo_core.deploy.events import Now, Posed
    from claifo_core.deploy.limits import Limits

_TOO_FAST = 1.2
_TOO_FAST_PERIODS = 2
_TURN_S = 0.020
_LINEAR, _ANGULAR = ('linear.x', 'linear.y', 'linear.z'), ('angular.x', 'angular.y', 'angular.z')


class _Since:
    """Since when something has been so."""

    def __init__(self) -> None:
        self._at_s: float | None = None

    def lasts_s(self, holds: bool, now_s: float) -> float:
        """Return for how long it has held without a break."""
        if not holds:
            self._at_s = None
            return 0.0
        self._at_s = now_s if self._at_s is None else self._at_s
        return now_s - self._at_s


class Felt:
    """The joints of a robot.

    Attributes:
        kind: 'joints', or '' where nothing of them is limited.
    """

    def __init__(self, limits: Limits, action: ActionPart, period_s: float) -> None:
        """Know nothing yet."""
        given = {joint.name: joint for joint in limits.joints}
        joints = [given[name] for name in action.names]
        limited = any(joint.position or joint.velocity for joint in joints)
        self.kind = 'joints' if limited or action.meaning != 'effort' else ''
        self._meaning, self._names = action.meaning, action.names
        self._joints = Joints(action.names, ('position',) * len(joints))
        fastest = [math.inf if joint.velocity is None else joint.velocity for joint in joints]
        self._fastest = _TOO_FAST * np.array(fastest)
        self._patience_s = _TOO_FAST_PERIODS * period_s
        self._far = np.array([math.inf if j.following is None else j.following for j in joints])
        self._following_s = limits.following_s
        self.begin()

    def begin(self) -> None:
        """Let nothing that was wrong before count any more."""
        self._runs_away, self._lags = _Since(), _Since()

    def take(self, now: Now, told: Told) -> None:
        """Take a message.

        Raises:
            ClaifoError: it cannot be true.
        """
        self._joints.add(told, round(now.steady_s * 1e9))

    def age_s(self, now: Now) -> float:
        """Return how old the oldest of what is known is."""
        return float(self._joints.ages_ns(round(now.steady_s * 1e9), now.ros_ns).max()) / 1e9

    def place(self) -> NDArray[np.float64]:
        """Return the positions (A,)."""
        return self._joints.array('position')

    def speed(self) -> NDArray[np.float64]:
        """Return the speeds, where efforts are commanded the efforts (A,); NaN: unknown."""
        return self._joints.array('effort' if self._meaning == 'effort' else 'velocity')

    def problem(self, now: Now, sent: NDArray[np.float64]) -> str:
        """Return what is wrong with what the robot does; empty if nothing is."""
        speed = np.abs(self._joints.array('velocity'))
        wild = speed > self._fastest
        if self._runs_away.lasts_s(bool(wild.any()), now.steady_s) > self._patience_s:
            k = int(np.argmax(wild))
            return (f'{self._names[k]} moves at {speed[k]:.4g}, faster than its limit of '
                    f'{self._fastest[k] / _TOO_FAST:g}')  # fmt: skip
        if self._meaning == 'effort':
            return ''
        apart = np.abs(sent - self._joints.array(self._meaning))
        far = apart > self._far
        if self._lags.lasts_s(bool(far.any()), now.steady_s) > self._following_s:
            k = int(np.argmax(far))
            return (f'{self._names[k]} does not follow: it is {apart[k]:.4g} from its command, '
                    f'more than {self._far[k]:g}')  # fmt: skip
        return ''


class Body:
    """The body that a twist moves.

    Attributes:
        kind: 'pose'.
    """

    kind = 'pose'

    def __init__(self, action: ActionPart) -> None:
        """Know nothing yet."""
        self._names = action.names
        self._axes = Joints(_LINEAR, ('position',) * 3)
        self._turn = np.full(3, math.nan)
        self._before: tuple[float, NDArray[np.float64]] | None = None

    def begin(self) -> None:
        """Let nothing that was wrong before count any more."""

    def take(self, now: Now, posed: Posed) -> None:
        """Take a message.

        Raises:
            ClaifoError: it cannot be true.
        """
        told = Told(_LINEAR, posed.place, stamp_ns=posed.stamp_ns)
        self._axes.add(told, round(now.steady_s * 1e9))
        self._take_rotation(posed.stamp_ns / 1e9 or now.steady_s, posed.rotation)

    def _take_rotation(self, at_s: float, rotation: Sequence[float]) -> None:
        quaternion = np.array(rotation)
        size = float(np.linalg.norm(quaternion))
        if not 0 < size < math.inf:
            return
        quaternion = quaternion / size
        if self._before is None or not 0 <= at_s - self._before[0] < 1:
            self._turn, self._before = np.full(3, math.nan), (at_s, quaternion)
        elif at_s - self._before[0] >= _TURN_S:
            span_s = at_s - self._before[0]
            self._turn = _turned(self._before[1], quaternion) / span_s
            self._before = (at_s, quaternion)

    def age_s(self, now: Now) -> float:
        """Return how old what is known is."""
        return float(self._axes.ages_ns(round(now.steady_s * 1e9), now.ros_ns).max()) / 1e9

    def place(self) -> NDArray[np.float64]:
        """Return x, y, z."""
        return self._axes.array('position')

    def speed(self) -> NDArray[np.float64]:
        """Return the speed along and about each axis of the command (A,); NaN: unknown."""
        moves = dict(zip(_LINEAR, self._axes.array('velocity'), strict=True))
        moves |= dict(zip(_ANGULAR, self._turn, strict=True))
        return np.array([moves[name] for name in self._names])

    def problem(self, now: Now, sent: NDArray[np.float64]) -> str:
        """Return nothing: a pose is not compared with its twist."""
        return ''


def _turned(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation vector from one unit quaternion (x, y, z, w) to another, rad."""
    a, b = first, second
    if a @ b < 0:
        b = -b
    vector: NDArray[np.float64] = a[3] * b[:3] - b[3] * a[:3] - np.cross(b[:3], a[:3])
    size = float(np.linalg.norm(vector))
    if size < 1e-12:
        return np.zeros(3)
    angle = 2 * math.atan2(size, float(a @ b))
    return vector * (angle / size)
