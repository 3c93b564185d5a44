"""A gate, its time, and a robot that obeys it exactly."""

from __future__ import annotations

import numpy as np

from claifo_core.deploy import limits
from claifo_core.deploy.action import ActionPart
from claifo_core.deploy.events import (
    Activate,
    Asked,
    Button,
    Now,
    Outcome,
    Posed,
    Reset,
    State,
    Tick,
)
from claifo_core.deploy.gate import GRACE_S, Gate
from claifo_core.deploy.joints import Told
from claifo_core.deploy.limits import Estop, JointLimits, Limits, Workspace

PERIOD_S = 0.05
TICK_S = 0.004
SILENCE_S = 2 * PERIOD_S + GRACE_S
RAMP_S = 1.2  # slower than the acceleration: only the border brakes as hard
LOW, HIGH, FASTEST, STRONGEST = -1.0, 0.5, 0.4, 2.0
STEP = 0.03
BOX = Workspace('/pose', (LOW,) * 3, (HIGH,) * 3)
PAIRS = [
    ('position', 'hold'), ('position', 'ramp_down'), ('velocity', 'zero'),
    ('velocity', 'ramp_down'), ('effort', 'hold'), ('effort', 'zero'), ('effort', 'ramp_down'),
    ('twist', 'zero'), ('twist', 'ramp_down'),
]  # fmt: skip
"""Every meaning with every reaction that makes sense for it."""


def part(meaning: str) -> ActionPart:
    twist = meaning == 'twist'
    return ActionPart(
        'twist_stamped' if twist else 'float64_multi_array', '/t', meaning,
        ('linear.x', 'linear.z') if twist else ('a', 'b'), (1.0, 1.0), (0.0, 0.0),
    )  # fmt: skip


def bounds(meaning: str, on_fault: str, *, heartbeat_s=None, engage_s=0.0, **joint) -> Limits:
    joint = {
        'step': STEP, 'position': (LOW, HIGH), 'velocity': FASTEST, 'effort': STRONGEST
    } | joint  # fmt: skip
    joints = tuple(JointLimits(name, **joint) for name in part(meaning).names)
    return Limits(
        limits.FORMAT, joints, on_fault, BOX if meaning == 'twist' else None, ramp_s=RAMP_S,
        engage_s=engage_s, following_s=0.2, estop=Estop(heartbeat_s=heartbeat_s),
    )  # fmt: skip


class Bench:
    """Drives a gate through time; the robot does what the last command says.

    Attributes:
        sent: Time, command and state of each.
    """

    def __init__(self, meaning='velocity', on_fault='ramp_down', **given):
        self.meaning = meaning
        self.gate = Gate(bounds(meaning, on_fault, **given), part(meaning), PERIOD_S)
        self.now_s, self.ros_ns, self.clock_runs = 100.0, 10**15, True
        self.place, self.moves = np.zeros(2), np.zeros(2)
        self.sent: list[tuple[float, np.ndarray, State]] = []
        self.last = Outcome(None, State.INACTIVE, '')

    def step(self, event) -> Outcome:
        self.last = self.gate.step(Now(self.now_s, self.ros_ns), event)
        if self.last.command is not None:
            self.sent.append((self.now_s, self.last.command, self.last.state))
            if self.meaning == 'position':
                self.place = self.last.command
            elif self.meaning != 'effort':
                self.moves = self.last.command
        return self.last

    def wait(self, seconds: float, *, feels=False) -> None:
        """Let time go by, with what the robot feels at every look if ``feels``."""
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            span_s = min(TICK_S, end_s - self.now_s)
            self.now_s += span_s
            self.ros_ns += round(span_s * 1e9) * self.clock_runs
            self.place = self.place + self.moves * span_s
            if feels:
                self.feel()
            self.step(Tick())

    def feel(self, names=None, age_s=0.0) -> Outcome:
        stamp_ns = self.ros_ns - round(age_s * 1e9)
        if self.meaning == 'twist':
            place = (float(self.place[0]), 0.0, float(self.place[1]))
            return self.step(Posed(place, (0.0, 0.0, 0.0, 1.0), stamp_ns))
        names = ('a', 'b') if names is None else names
        place = {'a': self.place[0], 'b': self.place[1], 'gripper': 0.7}
        moves = {'a': self.moves[0], 'b': self.moves[1], 'gripper': 0.0}
        return self.step(Told(names, [place[n] for n in names], [moves[n] for n in names],
                              stamp_ns=stamp_ns))  # fmt: skip

    def ask(self, *values, age_s=0.0, robots=1) -> Outcome:
        stamp_ns = self.ros_ns - round(age_s * 1e9)
        return self.step(Asked(np.array(values, float), robots, stamp_ns))

    def start(self) -> None:
        """Activate, and know where the robot is and how fast it moves."""
        self.step(Activate())
        self.wait(PERIOD_S, feels=True)

    def drive(self, *values, seconds=1.0) -> None:
        """Ask for the same at the control rate."""
        for _ in range(round(seconds / PERIOD_S)):
            self.ask(*values)
            self.wait(PERIOD_S, feels=True)

    def heal(self) -> None:
        """Do all that an operator can."""
        self.clock_runs = True
        self.step(Button(False))
        self.wait(PERIOD_S, feels=True)
        self.step(Button(False))
        self.step(Reset())

    @property
    def commands(self) -> list[list[float]]:
        return [command.tolist() for _, command, _ in self.sent]
