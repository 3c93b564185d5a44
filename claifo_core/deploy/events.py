"""What the gate is told, and what it answers."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from claifo_core.deploy.joints import Told

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class State(str, Enum):
    """What the gate does."""

    INACTIVE = 'inactive'
    WAITING = 'waiting'
    RUNNING = 'running'
    FAULT = 'fault'
    ENDING = 'ending'


class Cause(str, Enum):
    """Why the state changes."""

    ACTIVATED = 'activated'
    BEGUN = 'a fresh action, and it is known what the robot does'
    FAULT = 'any fault'
    RESET = 'reset, while nothing is pressed'
    DEACTIVATED = 'deactivated, or the process ends'
    STILL = 'standstill'


MEANS = {
    State.INACTIVE: 'nothing; a fault is remembered',
    State.WAITING: 'nothing; after a reset, the reaction goes on until the next action',
    State.RUNNING: 'what is asked for, inside the limits',
    State.FAULT: 'the reaction; nothing where nothing was sent before',
    State.ENDING: 'the reaction, until standstill',
}
"""What is sent in each state."""

TRANSITIONS = {
    (State.INACTIVE, Cause.ACTIVATED): State.WAITING,
    (State.WAITING, Cause.BEGUN): State.RUNNING,
    (State.WAITING, Cause.FAULT): State.FAULT,
    (State.RUNNING, Cause.FAULT): State.FAULT,
    (State.FAULT, Cause.RESET): State.WAITING,
    (State.WAITING, Cause.DEACTIVATED): State.ENDING,
    (State.RUNNING, Cause.DEACTIVATED): State.ENDING,
    (State.FAULT, Cause.DEACTIVATED): State.ENDING,
    (State.ENDING, Cause.STILL): State.INACTIVE,
}
"""All changes of state; there are no others."""


class Now(NamedTuple):
    """The time of an event.

    Attributes:
        steady_s: By a clock that nobody sets, seconds.
        ros_ns: By the ROS clock, which stamps are compared with.
    """

    steady_s: float
    ros_ns: int


class Tick(NamedTuple):
    """Time goes by; it must be said every few milliseconds."""


class Activate(NamedTuple):
    """Begin to work."""


class Deactivate(NamedTuple):
    """Bring the robot to a standstill, and fall silent."""


class Asked(NamedTuple):
    """A policy asks for a command.

    Attributes:
        values: Numbers of the action, each in [-1, 1] by agreement.
        robots: For how many robots it is.
        stamp_ns: Of the newest image that it answers.
    """

    values: NDArray[np.float64]
    robots: int
    stamp_ns: int


class Posed(NamedTuple):
    """Where the body of a twist is.

    Attributes:
        place: x, y, z in metres.
        rotation: Quaternion x, y, z, w.
        stamp_ns: Of the measurement; 0: none.
    """

    place: tuple[float, float, float]
    rotation: tuple[float, float, float, float]
    stamp_ns: int


class Button(NamedTuple):
    """The emergency stop says whether it is pressed."""

    pressed: bool


class Stop(NamedTuple):
    """Somebody calls for a stop."""


class Reset(NamedTuple):
    """Somebody says that the fault has been looked after."""


Event = Tick | Activate | Deactivate | Asked | Told | Posed | Button | Stop | Reset


class Outcome(NamedTuple):
    """What follows from an event.

    Attributes:
        command: To be sent now, in the units of the contract, (A,); None: nothing.
        state: From now on.
        reason: Of the fault, or what is waited for.
        wish: What ``command`` was made of; None: it is a reaction.
        stamp_ns: Of the image that ``command`` answers.
        refused: Why the event was not taken; empty if it was.
    """

    command: NDArray[np.float64] | None
    state: State
    reason: str
    wish: NDArray[np.float64] | None = None
    stamp_ns: int = 0
    refused: str = ''
