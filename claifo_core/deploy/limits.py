"""Limits of a robot as they are written down; :mod:`claifo_core.deploy.limiter` keeps them.

No limit has a default: who gives none gets no motion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from claifo_core.config import settings
from claifo_core.errors import ClaifoError, check_choice, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from claifo_core.deploy.action import ActionPart

FORMAT = 'claifo-limits-1'
REACTIONS = ('hold', 'zero', 'ramp_down')
_NEEDED = {
    'position': ('position', 'velocity'),
    'velocity': ('position', 'velocity', 'step or acceleration'),
    'effort': ('effort', 'step'),
    'twist': ('velocity', 'step or acceleration'),
}
_NUMBERS = ('step', 'velocity', 'acceleration', 'jerk', 'effort', 'following')
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
        step: Largest change of the command in one control period, in the unit of the command; it
            is read as a change per second.
        position: Where the joint may be (low, high), rad or m.
        velocity: Largest speed, rad/s or m/s; one that is measured to be a fifth faster for two
            control periods is a fault.
        acceleration: Largest change of the speed, rad/s^2 or m/s^2.
        jerk: Largest growth of the acceleration while the joint gets faster, rad/s^3 or m/s^3.
        effort: Largest effort, in the unit of the command.
        following: Largest distance between the command and what is measured, in the unit of the
            command, for positions and velocities of joints.
    """

    name: str
    step: float | None = None
    position: tuple[float, float] | None = None
    velocity: float | None = None
    acceleration: float | None = None
    jerk: float | None = None
    effort: float | None = None
    following: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits that are inverted, or none."""
        for key in _NUMBERS:
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
class Estop:
    """Where the emergency stop is heard.

    Attributes:
        topic: `std_msgs/Bool`, true while it is pressed.
        heartbeat_s: It must tell so often that it is not pressed; silence is then a pressed stop.
            None: it speaks only when pressed.
    """

    topic: str = 'estop'
    heartbeat_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse a heartbeat that cannot be."""
        if self.heartbeat_s is not None and not 0 < self.heartbeat_s < math.inf:
            raise ClaifoError(f'heartbeat_s of estop is {self.heartbeat_s}; above 0 is needed')


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
        engage_s: Time in which commands blend in from what the robot does at the start, seconds.
        following_s: So long a joint may be further from its command than ``following``, seconds.
        estop: The emergency stop.
    """

    format: str
    joints: tuple[JointLimits, ...]
    on_fault: str
    workspace: Workspace | None = None
    joint_states: str = '/joint_states'
    watchdog_periods: float = 2.0
    ramp_s: float = 0.5
    engage_s: float = 0.0
    following_s: float = 0.2
    estop: Estop = field(default_factory=Estop)

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.format != FORMAT:
            raise ClaifoError(f'format is {self.format!r}; this version reads {FORMAT}')
        check_choice('on_fault', self.on_fault, REACTIONS)
        if not 1 <= self.watchdog_periods < math.inf or not 0 < self.ramp_s < math.inf:
            raise ClaifoError('watchdog_periods must be at least 1, ramp_s above 0')
        if not 0 <= self.engage_s < math.inf or not 0 <= self.following_s < math.inf:
            raise ClaifoError('engage_s and following_s must be at least 0')


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
            if all(getattr(given[name], word) is None for word in key.split(' or ')):
                raise ClaifoError(f'{source}: {name} has no limit of {key}; {meaning} commands '
                                  f'need {", ".join(_NEEDED[meaning])}')
    if meaning == 'twist' and limits.workspace is None:
        raise ClaifoError(f'{source}: twist commands need a workspace')
