"""What is known of each joint, from however many publishers: one rule for gate, policy and bags.

Joint states are merged by name. A message that lacks a joint tells nothing of it; one that is up
to a quarter of a second older than what is known of a joint is late, and left out for it; one
that is older still means that the clock was set back, and the joint begins anew. What a joint
told counts as old when either its stamp or its arrival is; a stamp of 0 is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from claifo_core.deploy.ticks import JUMP_NS
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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

    def __init__(self, names: Sequence[str], fields: Sequence[str]) -> None:
        """Know nothing of these joints yet.

        Args:
            names: Joint of each number that is needed; one may stand there for several fields.
            fields: position, velocity or effort, for each number.
        """
        self._names, self._fields = tuple(names), tuple(fields)
        self._joints = {name: Joint() for name in names}
        self._shown_ns = -JUMP_NS
        self._needed: dict[str, set[str]] = {}
        for name, kind in zip(names, fields, strict=True):
            self._needed.setdefault(name, set()).add(kind)

    def add(self, told: Told, arrived_ns: int) -> bool:
        """Take in a message; returns whether it has any of the joints.

        Args:
            told: The message.
            arrived_ns: Steady time of its arrival.

        Raises:
            ClaifoError: a field that is needed of a joint is missing, not finite, or none that a
                joint can have; nothing is taken.
        """
        if len(told.names) > _MANY:
            raise ClaifoError(f'{len(told.names)} joints are more than any robot has')
        place = {name: k for k, name in enumerate(told.names) if name in self._joints}
        present = [name for name in self._joints if name in place]
        found = {name: self._numbers(told, name, place[name]) for name in present}
        for name, numbers in found.items():
            self._joints[name].take(*numbers, told.stamp_ns, arrived_ns)
        return bool(found)

    def _numbers(self, told: Told, name: str, k: int) -> tuple[float, float, float]:
        """Return position, velocity and effort of a joint; NaN: not told, and not needed."""
        return (
            _number(told.position, k, name, 'position', 'position' in self._needed[name]),
            _number(told.velocity, k, name, 'velocity', 'velocity' in self._needed[name]),
            _number(told.effort, k, name, 'effort', 'effort' in self._needed[name]),
        )

    def array(self, field: str) -> NDArray[np.float64]:
        """Return one field of all joints, float64 (A,); NaN where it is unknown."""
        return np.array([getattr(self._joints[name], field) for name in self._names], float)

    def ages_ns(self, steady_ns: int, ros_ns: int) -> NDArray[np.float64]:
        """Return how old what is known of each joint is, by arrival and by stamp; inf: unknown."""
        return np.array([_age_ns(self._joints[n], steady_ns, ros_ns) for n in self._names], float)

    def together(
        self, told: Told, arrived_ns: int
    ) -> tuple[int, NDArray[np.float32]] | None:
        """Take in a message; returns all numbers as known by then, (P,), and their stamp.

        The stamp is the newest of all joints. None while a joint has told nothing, or nothing for
        half a second before the newest, and where the message is late.

        Args:
            told: The message.
            arrived_ns: Steady time of its arrival.

        Raises:
            ClaifoError: as :meth:`add`.
        """
        if not self.add(told, arrived_ns) or self.missing():
            return None
        stamps = [joint.stamp_ns or joint.arrived_ns for joint in self._joints.values()]
        newest_ns, before_ns = max(stamps), self._shown_ns
        if newest_ns - min(stamps) > TOGETHER_NS or 0 < before_ns - newest_ns <= JUMP_NS:
            return None
        self._shown_ns = newest_ns
        pairs = zip(self._names, self._fields, strict=True)
        numbers = [getattr(self._joints[name], kind) for name, kind in pairs]
        return newest_ns, np.array(numbers, np.float32)

    def missing(self) -> str:
        """Return the first joint of which nothing is known; empty if there is none."""
        return next((n for n in self._names if not self._joints[n].arrived_ns), '')

    def lack(self) -> str:
        """Return what is missing, for people; empty if nothing is."""
        pairs = zip(self._names, self._fields, strict=True)
        return next((f'there is no {kind} of joint {name}' for name, kind in pairs
                     if not self._joints[name].arrived_ns), '')  # fmt: skip


def _age_ns(joint: Joint, steady_ns: int, ros_ns: int) -> float:
    if not joint.arrived_ns:
        return math.inf
    told_ns = ros_ns - joint.stamp_ns if joint.stamp_ns else 0
    if told_ns < -CLOCK_NS:
        return math.inf
    return max(steady_ns - joint.arrived_ns, told_ns)


def _number(values: Sequence[float], k: int, name: str, kind: str, needed: bool) -> float:
    """Return one number of a message; NaN where it is not told."""
    value = float(values[k]) if k < len(values) else math.nan
    if abs(value) <= LARGEST:  # false for NaN, too
        return value
    if k >= len(values) and needed:
        raise ClaifoError(f'there is no {kind} of joint {name}')
    if needed or not math.isnan(value):
        raise ClaifoError(f'a number is not finite, or none that a joint can have: {kind} of '
                          f'joint {name} is {value:g}')  # fmt: skip
    return math.nan
