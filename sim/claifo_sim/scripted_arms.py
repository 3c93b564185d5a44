"""Scripted controllers of the robosuite arms: phases that follow one another.

Actions are those of OSC_POSE: displacement of the hand (1 is 5 cm), rotation, gripper (1 closes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import mujoco
import numpy as np
from numpy.typing import NDArray

Controller = Callable[[], NDArray[np.float32]]

_OPEN, _CLOSED = -1.0, 1.0
_GAIN = 12.0  # action per metre of error
_GRIP_STEPS = 9
_ATTEMPTS = 3
_IN_HAND = 0.03  # metres between hand and body
_TABLE_CLEAR = 0.12  # metres: how high a cube is lifted


class Arm:
    """The hand and what it moves, read from the model's own state."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Find the hand."""
        self.model, self.data = model, data
        self._hand = data.site('gripper0_right_grip_site').xpos

    @property
    def hand(self) -> NDArray[np.float64]:
        """Position of the point between the fingers, metres (3,)."""
        return np.array(self._hand)

    def body(self, name: str) -> NDArray[np.float64]:
        """Return the position of a body, metres (3,)."""
        return np.array(self.data.body(name).xpos)

    def go(
        self, target: NDArray[np.float64], grip: float, gain: float = _GAIN
    ) -> NDArray[np.float32]:
        """Return the action towards a position."""
        return move((target - self.hand) * gain, grip)

    def away(self, target: NDArray[np.float64]) -> float:
        """Return the distance from a position, metres."""
        return float(np.linalg.norm(target - self.hand))


def move(displacement: NDArray[np.float64], grip: float) -> NDArray[np.float32]:
    """Return the action of a displacement, without rotation."""
    action = np.zeros(7, np.float32)
    action[:3], action[6] = np.clip(displacement, -1, 1), grip
    return action


Plan = Callable[[Arm], Iterator[NDArray[np.float32]]]


def controller(plan: Plan) -> Callable[[mujoco.MjModel, mujoco.MjData], Controller]:
    """Return what builds a controller that carries a plan out, once."""

    def build(model: mujoco.MjModel, data: mujoco.MjData) -> Controller:
        steps = plan(Arm(model, data))
        return lambda: next(steps)

    return build


def _reach(
    arm: Arm, place: Callable[[], NDArray[np.float64]], grip: float, near: float, limit: int = 60
) -> Iterator[NDArray[np.float32]]:
    """Move until the hand is ``near`` (metres), for ``limit`` steps at most."""
    for _ in range(limit):
        if arm.away(place()) < near:
            return
        yield arm.go(place(), grip)


def _grasp(arm: Arm, body: str) -> Iterator[NDArray[np.float32]]:
    """Take hold of a body from above."""
    yield from _reach(arm, lambda: arm.body(body) + np.array([0, 0, 0.08]), _OPEN, 0.012)
    yield from _reach(arm, lambda: arm.body(body), _OPEN, 0.01)
    for _ in range(_GRIP_STEPS):
        yield move(np.zeros(3), _CLOSED)


def _take(arm: Arm, body: str) -> Iterator[NDArray[np.float32]]:
    """Take a body and lift it; another one beside it may need a second attempt."""
    for _ in range(_ATTEMPTS):
        yield from _grasp(arm, body)
        up = arm.hand + np.array([0, 0, _TABLE_CLEAR])
        yield from _reach(arm, lambda up=up: up, _CLOSED, 0.02)  # type: ignore[misc]
        if arm.away(arm.body(body)) < _IN_HAND:
            return


def _hold(arm: Arm, grip: float) -> Iterator[NDArray[np.float32]]:
    """Stay where the hand is, for good."""
    place = arm.hand
    while True:
        yield arm.go(place, grip)


def lift(arm: Arm) -> Iterator[NDArray[np.float32]]:
    """Take the cube and lift it."""
    yield from _take(arm, 'cube_main')
    yield from _hold(arm, _CLOSED)


def stack(arm: Arm) -> Iterator[NDArray[np.float32]]:
    """Put the first cube on the second one."""
    yield from _take(arm, 'cubeA_main')

    def above(height: float) -> NDArray[np.float64]:
        """Return where the hand must be for the first cube to be above the second."""
        held = arm.hand - arm.body('cubeA_main')
        return arm.body('cubeB_main') + held + np.array([0, 0, height])

    yield from _reach(arm, lambda: above(0.10), _CLOSED, 0.008)
    yield from _reach(arm, lambda: above(0.047), _CLOSED, 0.004, limit=40)
    for _ in range(6):
        yield move(np.zeros(3), _OPEN)
    free = arm.hand + np.array([0, 0, 0.10])
    yield from _reach(arm, lambda: free, _OPEN, 0.02)
    yield from _hold(arm, _OPEN)


def door(arm: Arm) -> Iterator[NDArray[np.float32]]:
    """Straddle the lever, press it along its arc, pull the door along its own."""
    data = arm.data
    latch, hinge = data.joint('Door_latch_joint'), data.joint('Door_hinge')
    handle = data.geom('Door_handle')

    def lever() -> NDArray[np.float64]:
        """Return the place of the grip: from the middle of the lever towards its tip."""
        return np.array(handle.xpos + handle.xmat.reshape(3, 3) @ [0.045, 0, 0])

    yield from _reach(arm, lambda: lever() + np.array([0, 0, 0.10]), _OPEN, 0.02)
    yield from _reach(arm, lambda: lever() + np.array([0, 0, -0.01]), _OPEN, 0.015, limit=40)
    for _ in range(_GRIP_STEPS):
        yield move(np.zeros(3), _CLOSED)
    pivot = np.array(latch.xanchor)
    radius = arm.hand - pivot
    for step in range(1, 131):
        if latch.qpos[0] > 1.35:
            break
        angle = min(0.05 * step, 2.4)
        forward, up = radius[0] * np.cos(angle), radius[2] + radius[0] * np.sin(angle)
        yield arm.go(pivot + np.array([forward, radius[1], up]), _CLOSED, gain=30.0)
    while hinge.qpos[0] < 0.45:
        arc = arm.hand - hinge.xanchor
        tangent = np.array([-arc[1], arc[0], 0.0]) / np.hypot(arc[0], arc[1])
        yield move(0.9 * tangent + np.array([0, 0, -0.5]), _CLOSED)
    yield from _hold(arm, _CLOSED)


PLANS: dict[str, Plan] = {
    f'robosuite_{name}{suffix}': plan
    for name, plan in (('lift', lift), ('stack', stack), ('door', door))
    for suffix in ('', '_dense')
}
