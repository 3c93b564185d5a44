"""Every command passes here: the nearest one that keeps all limits, per time.

Time is passed in. What changes from one command to the next is bounded by the time between them,
at most one control period, whatever came when. Braking before the border of a position goes
before the limit of an acceleration: it is never slowed down.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from claifo_core.deploy.action import ActionPart
    from claifo_core.deploy.limits import JointLimits, Limits

_SHORTEST_S = 1e-6
_FAR = 1e9


class Limiter:
    """Brings commands inside the limits; remembers the last one that was sent.

    Attributes:
        measures: What must be measured before a first command: '', 'joints' or 'pose'.
        needs_speed: Whether how fast that moves must be known, too.
        sent: The last command; None before the first.
    """

    def __init__(
        self, limits: Limits, action: ActionPart, period_s: float, horizon_s: float
    ) -> None:
        """Take limits that :func:`claifo_core.deploy.limits.check` has passed.

        Args:
            limits: Of the robot.
            action: What its commands mean.
            period_s: Of the control.
            horizon_s: Longest time from one command to the next before a reaction begins.
        """
        given = {joint.name: joint for joint in limits.joints}
        joints = [given[name] for name in action.names]
        self._meaning, self._period_s = action.meaning, period_s
        self._on_fault, self._ramp_s = limits.on_fault, limits.ramp_s
        self._is_place = action.meaning == 'position'
        self.measures = {'position': 'joints', 'velocity': 'joints', 'twist': 'pose'}.get(
            action.meaning, ''
        )
        self._set_rates(joints)
        self.needs_speed = action.meaning in ('velocity', 'twist') or bool(
            self._is_place and np.isfinite(self._acceleration).any()
        )
        self._which, self._low, self._high = _borders(limits, action, joints)
        self._horizon_s = period_s if self._is_place else horizon_s
        self.forget()

    def _set_rates(self, joints: list[JointLimits]) -> None:
        """Set the largest speed, or effort, and the bounds of its change per second."""
        step = _numbers([joint.step for joint in joints]) / self._period_s
        self._acceleration = _numbers([joint.acceleration for joint in joints])
        self._jerk = _numbers([joint.jerk for joint in joints])
        if self._is_place:
            self._largest = np.minimum(_numbers([joint.velocity for joint in joints]), step)
            return
        effort = self._meaning == 'effort'
        self._largest = _numbers([j.effort if effort else j.velocity for j in joints])
        self._acceleration = step if effort else np.minimum(self._acceleration, step)

    def forget(self) -> None:
        """Know nothing of the robot any more: others may move it."""
        count = len(self._largest)
        self.sent: NDArray[np.float64] | None = None
        self._sent_s = self._since_s = 0.0
        self._speed, self._growth = np.zeros(count), np.zeros(count)
        self._at_first = np.zeros(count)
        self._path, self._origin = np.zeros(count), np.full(count, np.nan)

    def observe(self, place: NDArray[np.float64], now_s: float, age_s: float) -> None:
        """Learn where the robot is.

        Args:
            place: Positions of the joints, or x, y, z of the body; NaN where unknown.
            now_s: Steady time.
            age_s: How long ago it was measured.
        """
        if self._is_place:
            return
        gone = self._travelled(now_s - age_s) if self.sent is not None else self._path
        numbers = np.where(self._which >= 0, place[self._which], np.nan)
        self._origin = np.where(np.isfinite(numbers), numbers - gone, self._origin)

    def begin(
        self, place: NDArray[np.float64], speed: NDArray[np.float64], now_s: float
    ) -> None:
        """Start from what the robot does.

        Args:
            place: Positions of the joints (A,), for positions.
            speed: Measured in the unit of the command: speeds or efforts (A,); NaN counts as 0.
            now_s: Steady time.

        Raises:
            ClaifoError: a joint is outside its limits already.
        """
        moves = np.clip(np.nan_to_num(speed), -self._largest, self._largest)
        if not self._is_place:
            self.sent = moves
        else:
            self._refuse_outside(place)
            self.sent = np.clip(place, self._low, self._high)
        # It did the same a period ago, too: so the first command may differ from it.
        self._speed, self._growth, self._sent_s = moves, 0 * moves, now_s - self._period_s
        self._path = np.zeros_like(moves) if self._is_place else -moves * self._period_s
        self._since_s, self._at_first = now_s, np.abs(moves)

    def _refuse_outside(self, place: NDArray[np.float64]) -> None:
        near = self._largest * self._period_s
        outside = (place < self._low - near) | (place > self._high + near)
        if outside.any():
            raise ClaifoError(
                f'joint number {int(np.argmax(outside))} is at {place[np.argmax(outside)]:.4g},'
                ' outside its limits; move it inside by hand'
            )

    def clip(self, requested: NDArray[np.float64], now_s: float) -> NDArray[np.float64]:
        """Return the command nearest to what is requested that keeps all limits.

        Args:
            requested: Finite numbers, shape (A,).
            now_s: Steady time.
        """
        assert self.sent is not None
        requested = np.clip(requested, -_FAR, _FAR)
        if self._is_place:
            return self._send_place(requested, now_s)
        near = self._near(requested, self._span_s(now_s))
        return self._send(self._between_borders(near, now_s), now_s)

    def react(self, now_s: float) -> None:
        """Begin the reaction to a fault, or to the end."""
        self._since_s, self._at_first = now_s, np.abs(self._speed)

    def safe(self, now_s: float) -> NDArray[np.float64]:
        """Return the next command of the reaction."""
        assert self.sent is not None
        left = self._left(now_s)
        speed = np.clip(self._speed, -left, left)
        if not self._is_place:
            return self._send(self._between_borders(speed, now_s), now_s)
        place = np.clip(self.sent + speed * self._span_s(now_s), self._low, self._high)
        return self._send(place, now_s, np.where(place == self.sent, 0.0, speed))

    def _left(self, now_s: float) -> NDArray[np.float64]:
        """Return the speeds, or efforts, that the reaction still allows."""
        if self._on_fault == 'hold':
            return np.zeros_like(self._speed) if self._is_place else np.abs(self._speed)
        if self._on_fault == 'zero':
            return np.zeros_like(self._speed)
        lost = self._largest * ((now_s - self._since_s) / self._ramp_s)
        left: NDArray[np.float64] = np.maximum(self._at_first - lost, 0.0)
        return left

    @property
    def still(self) -> bool:
        """Whether the reaction has come to its end."""
        return self._on_fault == 'hold' or not self._speed.any()

    def _span_s(self, now_s: float) -> float:
        """Return the time since the last command, at most a period."""
        return min(max(now_s - self._sent_s, _SHORTEST_S), self._period_s)

    def _near(self, wanted: NDArray[np.float64], span_s: float) -> NDArray[np.float64]:
        """Return the nearest speed within acceleration, jerk and range."""
        change = self._acceleration * span_s
        low, high = self._speed - change, self._speed + change
        if np.isfinite(self._jerk).any():
            up = self._speed + (np.maximum(self._growth, 0.0) + self._jerk * span_s) * span_s
            down = self._speed + (np.minimum(self._growth, 0.0) - self._jerk * span_s) * span_s
            # Up to standstill it brakes, which is bounded by the acceleration alone.
            high = np.minimum(high, np.maximum(up, np.minimum(high, 0.0)))
            low = np.maximum(low, np.minimum(down, np.maximum(low, 0.0)))
        near: NDArray[np.float64] = np.clip(
            np.clip(wanted, low, high), -self._largest, self._largest
        )
        return near

    def _send_place(
        self, requested: NDArray[np.float64], now_s: float
    ) -> NDArray[np.float64]:
        """Move towards a position, so that it can be stopped there and at the borders."""
        assert self.sent is not None
        span_s, goal = self._span_s(now_s), np.clip(requested, self._low, self._high)
        brakes = np.isfinite(self._acceleration)
        room = np.where(brakes, self._stoppable(np.abs(goal - self.sent)), np.inf)
        speed = self._near(np.clip((goal - self.sent) / span_s, -room, room), span_s)
        up, down = self._stoppable(self._high - self.sent), self._stoppable(self.sent - self._low)
        speed = np.clip(speed, -down, up)
        place = np.clip(self.sent + speed * span_s, self._low, self._high)
        return self._send(place, now_s, (place - self.sent) / span_s)

    def _between_borders(
        self, speed: NDArray[np.float64], now_s: float
    ) -> NDArray[np.float64]:
        """Return speeds from which one can still stop before the border; efforts end there."""
        place = self._origin + self._travelled(now_s)
        up, down = self._high - place, place - self._low
        if self._meaning == 'effort':
            high, low = np.where(up <= 0, 0.0, np.inf), np.where(down <= 0, 0.0, np.inf)
        else:
            high, low = self._stoppable(up), self._stoppable(down)
        # Where the place is unknown there is no border (NaN).
        between: NDArray[np.float64] = np.fmax(np.fmin(speed, high), -low)
        return between

    def _stoppable(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the speed from which ``distance`` suffices.

        At a speed v it covers v horizon before the next command, and v^2 / 2 a while it brakes.
        """
        room = np.clip(distance, 0.0, _FAR)
        horizon = self._horizon_s
        root = np.sqrt(horizon * horizon + 2 * room / self._acceleration)
        speed: NDArray[np.float64] = 2 * room / (horizon + root)
        return speed

    def _travelled(self, now_s: float) -> NDArray[np.float64]:
        """Return how far the commands have moved the robot until ``now_s``, if it obeys."""
        if self.sent is None or self._meaning == 'effort':
            return self._path
        gone: NDArray[np.float64] = self._path + self.sent * (now_s - self._sent_s)
        return gone

    def _send(
        self, command: NDArray[np.float64], now_s: float, speed: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Note a command; its speed is the command itself unless it is a position."""
        speed = command if speed is None else speed
        self._growth = (speed - self._speed) / self._span_s(now_s)
        self._path = self._travelled(now_s)
        self.sent, self._speed, self._sent_s = command, speed, now_s
        return command.copy()


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Return limits as numbers; where there is none, infinity."""
    return np.array([math.inf if value is None else value for value in values])


def _borders(
    limits: Limits, action: ActionPart, joints: list[JointLimits]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return, for each number, which measurement has borders (-1: none), and these borders."""
    if action.meaning == 'twist' and limits.workspace:
        axes = ('linear.x', 'linear.y', 'linear.z')
        which = np.array([axes.index(n) if n in axes else -1 for n in action.names])
        box = np.array([limits.workspace.low, limits.workspace.high])
        low, high = np.where(which >= 0, box[:, which], [[-np.inf], [np.inf]])
        return which, low, high
    pairs = np.array([joint.position or (-np.inf, np.inf) for joint in joints], float)
    return np.arange(len(joints)), pairs[:, 0], pairs[:, 1]
