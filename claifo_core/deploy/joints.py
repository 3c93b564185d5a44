"""What is known of each joint, from however many publishers: one rule for gate, policy and bags.

Joint states are merged by name. A message that lacks a joint tells nothing of it; one that is up
to :data:`JUMP_NS` older than what is known of a joint is late, and left out for it; one that is
older still means that the clock was set back, and the joint begins anew. What a joint told counts
as old when either its stamp or its arrival is; a stamp of 0 is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

JUMP_NS = 500_000_000
"""A stamp that goes back by more is a loop or a clock that was set; by less, two that swapped."""
TOGETHER_NS = 500_000_000
"""A joint that has told nothing for so long is not shown together with others."""
CLOCK_NS = 1_000_000_000
"""A stamp further in the future comes from a clock that is set wrong."""
LARGEST = 1e6
"""No joint, speed or effort is larger: such a number is damage."""
_MANY = 10_000
_SPEED_NS = 20_000_000
"""The shortest time over which a speed is taken from two positions."""


class Told(NamedTuple):
    """A message of joint states; arrays may be shorter than ``names`` or empty.

    Attributes:
        names: Joints.
        position: rad or m.
        velocity: rad/s or m/s.
        effort: Nm or N.
        stamp_ns: By the clock of whoever measured; 0: none.
    """

    names: Sequence[str]
    position: Sequence[float]
    velocity: Sequence[float] = ()
    effort: Sequence[float] = ()
    stamp_ns: int = 0


@dataclass
class Joint:
    """What is known of one joint.

    Attributes:
        position: NaN: not told.
        velocity: As told, or else from two positions at least 20 ms apart; NaN: unknown.
        effort: NaN: not told.
        stamp_ns: Of the newest message with it; 0: it has none.
        arrived_ns: Steady time of its arrival.
    """

    position: float = math.nan
    velocity: float = math.nan
    effort: float = math.nan
    stamp_ns: int = 0
    arrived_ns: int = 0
    _before: tuple[int, float] | None = field(default=None, repr=False)

    def take(self, position: float, velocity: float, effort: float, stamp_ns: int,
             arrived_ns: int) -> None:  # fmt: skip
        """Take what a message tells."""
        back_ns = self.stamp_ns - stamp_ns if stamp_ns else 0
        if 0 < back_ns <= JUMP_NS:
            return
        if back_ns > JUMP_NS:
            self._before = None
        at_ns = stamp_ns or arrived_ns
        self.position, self.effort = position, effort
        estimate = self._estimate(at_ns, position)
        self.velocity = estimate if math.isnan(velocity) else velocity
        self.stamp_ns, self.arrived_ns = stamp_ns, arrived_ns

    def _estimate(self, at_ns: int, position: float) -> float:
        """Return the speed since an earlier position, or the one known before."""
        if self._before is None or at_ns - self._before[0] > TOGETHER_NS:
            self._before = (at_ns, position)
            return math.nan
        if at_ns - self._before[0] < _SPEED_NS:
            return self.velocity
        begun_ns, begun = self._before
        self._before = (at_ns, position)
        return 1e9 * (position - begun) / (at_ns - begun_ns)


class Joints:
    """Some joints of a robot, as messages tell of them."""

    def __init__(self, names: Sequence[str]) -> None:
        """Know nothing of these joints yet."""
        self._names = tuple(names)
        self._joints = {name: Joint() for name in names}

    def add(self, told: Told, arrived_ns: int) -> bool:
        """Take in a message; returns whether it has any of the joints.

        Args:
            told: The message.
            arrived_ns: Steady time of its arrival.

        Raises:
            ClaifoError: a number is not finite, or none that a joint can have; nothing is taken.
        """
        if len(told.names) > _MANY:
            raise ClaifoError(f'{len(told.names)} joints are more than any robot has')
        place = {name: k for k, name in enumerate(told.names) if name in self._joints}
        found = {
            name: (_number(told.position, k, name, 'position'), _maybe(told.velocity, k),
                   _maybe(told.effort, k))
            for name, k in place.items()
        }  # fmt: skip
        for name, numbers in found.items():
            self._joints[name].take(*numbers, told.stamp_ns, arrived_ns)
        return bool(found)

    def array(self, field: str) -> NDArray[np.float64]:
        """Return one field of all joints, float64 (A,); NaN where it is unknown."""
        return np.array([getattr(self._joints[name], field) for name in self._names], float)

    def ages_ns(self, steady_ns: int, ros_ns: int) -> NDArray[np.float64]:
        """Return how old what is known of each joint is, by arrival and by stamp; inf: unknown."""
        return np.array([_age_ns(self._joints[n], steady_ns, ros_ns) for n in self._names], float)

    def together(
        self, names: Sequence[str], fields: Sequence[str]
    ) -> tuple[int, NDArray[np.float32]] | None:
        """Return the numbers of a policy as known now, and the stamp of the newest of them.

        None while a joint has told nothing, or nothing for half a second before the newest.

        Args:
            names: Joint of each number.
            fields: position, velocity or effort, for each number.

        Raises:
            ClaifoError: a joint does not tell a field that is needed.
        """
        joints = [self._joints[name] for name in names]
        if not joints or any(not joint.arrived_ns for joint in joints):
            return None
        stamps = [joint.stamp_ns or joint.arrived_ns for joint in joints]
        if max(stamps) - min(stamps) > TOGETHER_NS:
            return None
        for name, kind, joint in zip(names, fields, joints, strict=True):
            if math.isnan(getattr(joint, kind)):
                raise ClaifoError(f'there is no {kind} of joint {name}')
        rows = zip(joints, fields, strict=True)
        return max(stamps), np.array([getattr(j, kind) for j, kind in rows], np.float32)

    def missing(self) -> str:
        """Return the first joint of which nothing is known; empty if there is none."""
        return next((n for n in self._names if not self._joints[n].arrived_ns), '')


def _age_ns(joint: Joint, steady_ns: int, ros_ns: int) -> float:
    if not joint.arrived_ns:
        return math.inf
    told_ns = ros_ns - joint.stamp_ns if joint.stamp_ns else 0
    if told_ns < -CLOCK_NS:
        return math.inf
    return max(steady_ns - joint.arrived_ns, told_ns)


def _number(values: Sequence[float], k: int, name: str, kind: str) -> float:
    if k >= len(values):
        raise ClaifoError(f'there is no {kind} of joint {name}')
    if not abs(values[k]) <= LARGEST:  # true for NaN, too
        raise ClaifoError(f'the {kind} of joint {name} is {values[k]:g}: a number that is not '
                          'finite, or that no joint can have')  # fmt: skip
    return float(values[k])


def _maybe(values: Sequence[float], k: int) -> float:
    return float(values[k]) if k < len(values) and abs(values[k]) <= LARGEST else math.nan
