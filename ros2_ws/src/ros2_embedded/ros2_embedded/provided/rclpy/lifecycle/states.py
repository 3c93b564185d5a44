"""The state machine of managed nodes, as ROS 2 defines it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from lifecycle_msgs.msg import State, Transition


class LifecycleState(NamedTuple):
    """A state by its name and number."""

    label: str
    state_id: int


class TransitionCallbackReturn(Enum):
    """What a transition callback answers."""

    SUCCESS = Transition.TRANSITION_CALLBACK_SUCCESS
    FAILURE = Transition.TRANSITION_CALLBACK_FAILURE
    ERROR = Transition.TRANSITION_CALLBACK_ERROR


class Change(NamedTuple):
    """A transition that can be asked for in one state.

    Attributes:
        id: Its number.
        label: Its name.
        callback: Suffix of the callback, as in ``on_configure``.
        start: State in which it can be asked for.
        during: State while the callback runs.
        goals: States after success and after failure.
    """

    id: int
    label: str
    callback: str
    start: int
    during: int
    goals: tuple[int, int]


LABELS = {
    State.PRIMARY_STATE_UNKNOWN: 'unknown',
    State.PRIMARY_STATE_UNCONFIGURED: 'unconfigured',
    State.PRIMARY_STATE_INACTIVE: 'inactive',
    State.PRIMARY_STATE_ACTIVE: 'active',
    State.PRIMARY_STATE_FINALIZED: 'finalized',
    State.TRANSITION_STATE_CONFIGURING: 'configuring',
    State.TRANSITION_STATE_CLEANINGUP: 'cleaningup',
    State.TRANSITION_STATE_SHUTTINGDOWN: 'shuttingdown',
    State.TRANSITION_STATE_ACTIVATING: 'activating',
    State.TRANSITION_STATE_DEACTIVATING: 'deactivating',
    State.TRANSITION_STATE_ERRORPROCESSING: 'errorprocessing',
}
STATES = {number: LifecycleState(label, number) for number, label in LABELS.items()}

_NEW, _IDLE = State.PRIMARY_STATE_UNCONFIGURED, State.PRIMARY_STATE_INACTIVE
_RUN, _END = State.PRIMARY_STATE_ACTIVE, State.PRIMARY_STATE_FINALIZED
_ENDING = State.TRANSITION_STATE_SHUTTINGDOWN

CHANGES = (
    Change(Transition.TRANSITION_CONFIGURE, 'configure', 'configure', _NEW,
           State.TRANSITION_STATE_CONFIGURING, (_IDLE, _NEW)),
    Change(Transition.TRANSITION_CLEANUP, 'cleanup', 'cleanup', _IDLE,
           State.TRANSITION_STATE_CLEANINGUP, (_NEW, _IDLE)),
    Change(Transition.TRANSITION_ACTIVATE, 'activate', 'activate', _IDLE,
           State.TRANSITION_STATE_ACTIVATING, (_RUN, _IDLE)),
    Change(Transition.TRANSITION_DEACTIVATE, 'deactivate', 'deactivate', _RUN,
           State.TRANSITION_STATE_DEACTIVATING, (_IDLE, _RUN)),
    Change(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN, 'shutdown', 'shutdown', _NEW, _ENDING,
           (_END, _END)),
    Change(Transition.TRANSITION_INACTIVE_SHUTDOWN, 'shutdown', 'shutdown', _IDLE, _ENDING,
           (_END, _END)),
    Change(Transition.TRANSITION_ACTIVE_SHUTDOWN, 'shutdown', 'shutdown', _RUN, _ENDING,
           (_END, _END)),
)  # fmt: skip


# The first of the three numbers by which a callback ends: success, failure, error.
_ENDS = {
    State.TRANSITION_STATE_CONFIGURING: Transition.TRANSITION_ON_CONFIGURE_SUCCESS,
    State.TRANSITION_STATE_CLEANINGUP: Transition.TRANSITION_ON_CLEANUP_SUCCESS,
    State.TRANSITION_STATE_ACTIVATING: Transition.TRANSITION_ON_ACTIVATE_SUCCESS,
    State.TRANSITION_STATE_DEACTIVATING: Transition.TRANSITION_ON_DEACTIVATE_SUCCESS,
    State.TRANSITION_STATE_SHUTTINGDOWN: Transition.TRANSITION_ON_SHUTDOWN_SUCCESS,
    State.TRANSITION_STATE_ERRORPROCESSING: Transition.TRANSITION_ON_ERROR_SUCCESS,
}
_RESULTS = ('success', 'failure', 'error')


class Step(NamedTuple):
    """One edge of the state machine."""

    id: int
    label: str
    start: int
    goal: int


def begun(change: Change) -> Step:
    """Return the step that begins a transition."""
    return Step(change.id, change.label, change.start, change.during)


def ended(during: int, result: str, goal: int) -> Step:
    """Return the step that ends a callback with ``success``, ``failure`` or ``error``."""
    return Step(_ENDS[during] + _RESULTS.index(result), f'transition_{result}', during, goal)


def _graph() -> Iterator[Step]:
    goals = {change.during: change.goals for change in CHANGES}
    goals[State.TRANSITION_STATE_ERRORPROCESSING] = (_NEW, _END)
    yield from map(begun, CHANGES)
    for during, (success, failure) in goals.items():
        failed = State.TRANSITION_STATE_ERRORPROCESSING
        after_error = _END if during == failed else failed
        for result, goal in zip(_RESULTS, (success, failure, after_error), strict=True):
            yield ended(during, result, goal)


STEPS = tuple(_graph())
"""All edges of the state machine."""


def find(start: int, wanted: str | int) -> Change | None:
    """Return the transition with that label or number that can be asked for in a state."""
    fits = (c for c in CHANGES if c.start == start and wanted in (c.id, c.label))
    return next(fits, None)
