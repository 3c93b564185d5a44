"""The gate: what happens between a policy and a robot, as a state machine without a clock.

:meth:`Gate.step` takes the time and one event, and returns the command that is due, if any, and
the state. It has no thread, no clock and no ROS: the safety node translates. The same events at
the same times give the same commands.

* **Limits are per time.** :class:`claifo_core.deploy.limiter.Limiter` bounds every command by the
  time since the one before it. At most one command goes out in a control period, whatever asks:
  the newest wish waits for its time. Only the first command of a reaction does not wait.
* **Each image is answered once.** The answer to an image no newer than the last is left out.
* **A fault is of the robot.** The emergency stop and every other fault outlast deactivation; only
  a reset ends them, and no reset works while the stop is pressed or, with a heartbeat, silent.
* **Whatever ends motion is carried out.** From a fault until the next accepted action, and after
  deactivation until standstill, the reaction goes on at the control rate.
* **It begins from what the robot does**, measured position and speed, and waits while these are
  unknown. As long as it sends, it goes on from its own last command.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from claifo_core.deploy.events import (
    TRANSITIONS,
    Activate,
    Asked,
    Button,
    Cause,
    Deactivate,
    Event,
    Now,
    Outcome,
    Posed,
    Reset,
    State,
    Stop,
    Tick,
)
from claifo_core.deploy.joints import Told
from claifo_core.deploy.latch import Latch
from claifo_core.deploy.limiter import Limiter
from claifo_core.deploy.senses import Body, Felt
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

    from claifo_core.deploy.action import ActionPart
    from claifo_core.deploy.limits import Limits

GRACE_S = 0.010
"""What transport and scheduling may cost beside the watchdog's periods."""
_FROZEN_PERIODS = 2


@dataclass
class _Pace:
    """One command in a period: slots, so that a late look does not delay all that follow."""

    period_s: float
    slot_s: float = -math.inf

    def free(self, now_s: float) -> bool:
        return now_s >= self.slot_s

    def use(self, now_s: float) -> None:
        late_s = now_s - self.slot_s
        begun_s = self.slot_s if 0 <= late_s < self.period_s / 4 else now_s
        self.slot_s = begun_s + self.period_s


class Gate:
    """The last one before the robot.

    Attributes:
        state: What it does.
        latch: The memory of a fault.
        measures: What it wants to be told: 'joints', 'pose', or '' for nothing.
    """

    def __init__(
        self, limits: Limits, action: ActionPart, period_s: float, latch: Latch | None = None
    ) -> None:
        """Take limits that :func:`claifo_core.deploy.limits.check` has passed.

        Args:
            limits: Of the robot.
            action: What its commands mean.
            period_s: Of the control.
            latch: A fault that an earlier gate left.
        """
        self.state, self.latch = State.INACTIVE, latch or Latch()
        self._limits, self._part, self._period_s = limits, action, period_s
        self._silence_s = limits.watchdog_periods * period_s + GRACE_S
        self._limiter = Limiter(limits, action, period_s, self._silence_s)
        body = self._limiter.measures == 'pose'
        self._sense: Any = Body(action) if body else Felt(limits, action, period_s)
        self.measures: str = self._sense.kind
        self._verb = 'is' if body else 'are'
        self._scale, self._offset = np.array(action.scale), np.array(action.offset)
        self._pace = _Pace(period_s)
        self._listens_s, self._knows = 0.0, False
        self._begun_s, self._from = 0.0, np.zeros(0)
        self._handlers: dict[type, Callable[[Now, Any], str]] = {
            Activate: self._activate, Deactivate: self._deactivate, Asked: self._ask,
            Told: self._measure, Posed: self._measure, Button: self._press, Stop: self._stop,
            Reset: self._reset, Tick: lambda _now, _event: '',
        }  # fmt: skip
        self._wait(Now(0.0, 0))

    def _wait(self, now: Now) -> None:
        """Begin anew: nothing that was asked for, and nothing of the clock, counts any more."""
        self._wish: tuple[NDArray[np.float64], int] | None = None
        self._newest_ns, self._deadline_s = 0, math.inf
        self._ros_ns, self._ticked_s = now.ros_ns, now.steady_s
        self._lack = 'for the first action'

    def step(self, now: Now, event: Event) -> Outcome:
        """Take an event.

        Args:
            now: When it came; steady time never goes back.
            event: What came.
        """
        if self.state in (State.WAITING, State.RUNNING):
            self.latch.fail(self._problem(now))
        refused = self._handlers[type(event)](now, event)
        if self.latch.fault and (self.state, Cause.FAULT) in TRANSITIONS:
            self._go(Cause.FAULT, now)
        command, wish = self._due(now)
        if self._is_over(command):
            self._limiter.forget()
            self._go(Cause.STILL, now)
        asked, stamp_ns = wish or (None, 0)
        return Outcome(command, self.state, self._reason(), asked, stamp_ns, refused)

    def _go(self, cause: Cause, now: Now) -> None:
        self.state = TRANSITIONS[self.state, cause]
        if self.state in (State.FAULT, State.ENDING):
            self._wish = None
            self._limiter.react(now.steady_s)
            self._pace.slot_s = now.steady_s

    def _activate(self, now: Now, _: Activate) -> str:
        if self.state != State.INACTIVE:
            return f'it is {self.state.value}'
        self._go(Cause.ACTIVATED, now)
        self._wait(now)
        self._listens_s = now.steady_s
        return ''

    def _deactivate(self, now: Now, _: Deactivate) -> str:
        if (self.state, Cause.DEACTIVATED) in TRANSITIONS:
            self._go(Cause.DEACTIVATED, now)
        return ''

    def _stop(self, _: Now, __: Stop) -> str:
        self.latch.stop()
        return ''

    def _press(self, now: Now, button: Button) -> str:
        self.latch.press(button.pressed, now.steady_s)
        return ''

    def _reset(self, now: Now, _: Reset) -> str:
        refused = self.latch.reset(self.state == State.FAULT and self._silent(now))
        if not refused and self.state == State.FAULT:
            self._go(Cause.RESET, now)
            self._wait(now)
        return refused

    def _silent(self, now: Now) -> bool:
        """Return whether the heartbeat of the stop has ended, or has never begun in time."""
        heartbeat_s = self._limits.estop.heartbeat_s
        since_s = max(self.latch.heard_s, self._listens_s)
        return heartbeat_s is not None and now.steady_s - since_s > heartbeat_s

    def _measure(self, now: Now, event: Told | Posed) -> str:
        try:
            self._sense.take(now, event)
        except ClaifoError as error:
            return str(error)
        age_s = self._sense.age_s(now)
        if age_s < self._silence_s:
            self._knows = True
            self._limiter.observe(self._sense.place(), now.steady_s, max(age_s, 0.0))
        return ''

    def _ask(self, now: Now, asked: Asked) -> str:
        """Take a wish, or find the fault in it; the next free slot is its own."""
        if self.latch.fault or self.state not in (State.WAITING, State.RUNNING):
            return 'nothing is passed on while the gate is not active, or in a fault'
        if problem := self._impossible(asked):
            self.latch.fail(problem)
            return problem
        age_s = (now.ros_ns - asked.stamp_ns) / 1e9
        if problem := self._wrong_time(age_s) or self._unknown(now):
            self._lack = problem
            if self.state == State.RUNNING:
                self.latch.fail(problem)
            return problem
        if asked.stamp_ns <= self._newest_ns:
            return 'it answers an image no newer than one that was answered already'
        self._newest_ns = asked.stamp_ns
        self._deadline_s = now.steady_s + self._silence_s - max(age_s, 0.0)
        self._wish = (self._offset + self._scale * asked.values, asked.stamp_ns)
        if self.state == State.WAITING:
            self._begin(now)
        return ''

    def _impossible(self, asked: Asked) -> str:
        names = self._part.names
        if asked.robots != 1 or len(asked.values) != len(names):
            return (f'an action has {len(asked.values)} numbers for {asked.robots} robots; the '
                    f'contract has {len(names)} for 1')  # fmt: skip
        finite = np.isfinite(self._offset + self._scale * asked.values).all()
        return '' if finite else 'an action is not finite'

    def _wrong_time(self, age_s: float) -> str:
        if age_s > self._silence_s:
            return f'stale images: the action answers one of {1e3 * age_s:.0f} ms ago'
        if age_s < -self._silence_s:
            return f'an action answers an image {-age_s:.2f} s in the future; set the clocks'
        return ''

    def _unknown(self, now: Now) -> str:
        """Return what is not known, and must be before the robot begins to move."""
        if self.state == State.RUNNING:
            return ''
        if self._limits.estop.heartbeat_s is not None and self.latch.heard_s < self._listens_s:
            return 'the emergency stop has not been heard yet'
        kind = self._limiter.measures
        if kind and self._sense.age_s(now) > self._silence_s:
            return f'nothing has told yet where the {kind} {self._verb}'
        if kind and self._limiter.sent is None and self._limiter.needs_speed:
            if not np.isfinite(self._sense.speed()).all():
                return f'nothing has told yet how fast the {kind} {self._verb}'
        return ''

    def _begin(self, now: Now) -> None:
        """Start from what the robot does; after a reset, from the last command."""
        try:
            if self._limiter.sent is None:
                self._limiter.begin(self._sense.place(), self._sense.speed(), now.steady_s)
        except ClaifoError as error:
            self.latch.fail(str(error))
            return
        self._go(Cause.BEGUN, now)
        self._knows = self._sense.age_s(now) < self._silence_s
        assert self._limiter.sent is not None
        self._begun_s, self._from = now.steady_s, self._limiter.sent
        self._sense.begin()

    def _problem(self, now: Now) -> str:
        """Return the fault that time has brought; empty if there is none."""
        if self._silent(now):
            return 'the emergency stop is silent, which counts as pressed'
        if self.state != State.RUNNING:
            return ''
        if now.steady_s > self._deadline_s:
            return (f'no newer image was acted on for {1e3 * self._silence_s:.0f} ms: camera or '
                    'policy is silent')  # fmt: skip
        if self._clock_stands(now):
            return 'the ROS clock stands still'
        if self._knows and self._sense.age_s(now) > self._silence_s:
            return f'nothing tells any more where the {self.measures} {self._verb}'
        assert self._limiter.sent is not None
        found: str = self._sense.problem(now, self._limiter.sent)
        return found

    def _clock_stands(self, now: Now) -> bool:
        if now.ros_ns != self._ros_ns:
            self._ros_ns, self._ticked_s = now.ros_ns, now.steady_s
        return now.steady_s - self._ticked_s > _FROZEN_PERIODS * self._period_s + GRACE_S

    def _due(
        self, now: Now
    ) -> tuple[NDArray[np.float64] | None, tuple[NDArray[np.float64], int] | None]:
        """Return the command that is due, and the wish that it was made of."""
        wish = self._wish
        if self._limiter.sent is None or not self._pace.free(now.steady_s):
            return None, None
        if self.state == State.RUNNING and wish is None:
            return None, None
        self._pace.use(now.steady_s)
        if self.state != State.RUNNING or wish is None:
            return self._limiter.safe(now.steady_s), None
        self._wish = None
        blended = self._blended(wish[0], now.steady_s)
        return self._limiter.clip(blended, now.steady_s), wish

    def _blended(self, wish: NDArray[np.float64], now_s: float) -> NDArray[np.float64]:
        """Return a wish, blended in over the first ``engage_s``."""
        gone_s, engage_s = now_s - self._begun_s, self._limits.engage_s
        if gone_s >= engage_s:
            return wish
        blended: NDArray[np.float64] = self._from + (wish - self._from) * (gone_s / engage_s)
        return blended

    def _is_over(self, command: NDArray[np.float64] | None) -> bool:
        """Return whether the reaction at the end has come to its own end."""
        if self.state != State.ENDING:
            return False
        return self._limiter.sent is None or (command is not None and self._limiter.still)

    def _reason(self) -> str:
        if self.state == State.RUNNING:
            return ''
        return self._lack if self.state == State.WAITING else self.latch.fault
