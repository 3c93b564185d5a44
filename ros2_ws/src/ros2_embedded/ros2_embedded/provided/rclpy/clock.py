"""Clocks: the system's, a steady one, and ROS time, which may come from a simulator."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import IntEnum

from rclpy.clock_type import ClockType
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.exceptions import NotInitializedException
from rclpy.time import Time
from rclpy.utilities import get_default_context

_POLL_S = 0.05


class ClockChange(IntEnum):
    """Whether the source of ROS time has changed."""

    ROS_TIME_NO_CHANGE = 1
    ROS_TIME_ACTIVATED = 2
    ROS_TIME_DEACTIVATED = 3
    SYSTEM_TIME_NO_CHANGE = 4


class JumpThreshold:
    """Which jumps of a clock are told."""

    def __init__(
        self,
        *,
        min_forward: Duration | None,
        min_backward: Duration | None,
        on_clock_change: bool = True,
    ) -> None:
        """Set the thresholds.

        Raises:
            ValueError: A threshold has the wrong sign, or none is set.
        """
        if min_forward is not None and min_forward.nanoseconds <= 0:
            raise ValueError('min_forward must be a positive non-zero duration')
        if min_backward is not None and min_backward.nanoseconds >= 0:
            raise ValueError('min_backward must be a negative non-zero duration')
        if min_forward is None and min_backward is None and not on_clock_change:
            raise ValueError('At least one jump threshold must be enabled')
        self.min_forward, self.min_backward = min_forward, min_backward
        self.on_clock_change = on_clock_change

    def _reached(self, jump: TimeJump) -> bool:
        if jump.clock_change in (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED):
            return self.on_clock_change
        ns = jump.delta.nanoseconds
        forward = self.min_forward is not None and ns >= self.min_forward.nanoseconds
        backward = self.min_backward is not None and ns <= self.min_backward.nanoseconds
        return forward or backward


class TimeJump:
    """A jump of a clock."""

    def __init__(self, clock_change: ClockChange, delta: Duration) -> None:
        """Describe the jump."""
        self.clock_change, self.delta = clock_change, delta


class JumpHandle:
    """Callbacks that are called when a clock jumps, until they are unregistered."""

    def __init__(
        self,
        *,
        clock: Clock,
        threshold: JumpThreshold,
        pre_callback: Callable[[], None] | None,
        post_callback: Callable[[TimeJump], None] | None,
    ) -> None:
        """Register the callbacks."""
        self._clock, self._threshold = clock, threshold
        self._pre, self._post = pre_callback, post_callback
        clock._jumps.append(self)

    def _before(self, jump: TimeJump) -> None:
        if self._pre and self._threshold._reached(jump):
            self._pre()

    def _after(self, jump: TimeJump) -> None:
        if self._post and self._threshold._reached(jump):
            self._post(jump)

    def unregister(self) -> None:
        """Call them no more."""
        if self in self._clock._jumps:
            self._clock._jumps.remove(self)

    def __enter__(self) -> JumpHandle:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Unregister."""
        self.unregister()


class Clock:
    """A clock of one kind; ``Clock(clock_type=ClockType.ROS_TIME)`` is a :class:`ROSClock`."""

    def __new__(cls, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> Clock:
        """Make the class that the kind needs."""
        return super().__new__(ROSClock if clock_type == ClockType.ROS_TIME else cls)

    def __init__(self, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> None:
        """Start the clock."""
        self._clock_type = clock_type
        self._jumps: list[JumpHandle] = []

    @property
    def clock_type(self) -> ClockType:
        """Kind of the clock."""
        return self._clock_type

    def __repr__(self) -> str:
        """Show the kind."""
        return f'Clock(clock_type={self._clock_type.name})'

    def _now_ns(self) -> int:
        steady = self._clock_type == ClockType.STEADY_TIME
        return time.monotonic_ns() if steady else time.time_ns()

    def now(self) -> Time:
        """Return the present time."""
        return Time(nanoseconds=self._now_ns(), clock_type=self._clock_type)

    def create_jump_callback(
        self,
        threshold: JumpThreshold,
        *,
        pre_callback: Callable[[], None] | None = None,
        post_callback: Callable[[TimeJump], None] | None = None,
    ) -> JumpHandle:
        """Register callbacks for jumps.

        Raises:
            ValueError: There is no callback.
        """
        if pre_callback is None and post_callback is None:
            raise ValueError('One of pre_callback or post_callback must be callable')
        return JumpHandle(
            clock=self, threshold=threshold, pre_callback=pre_callback, post_callback=post_callback
        )

    def sleep_until(self, until: Time, context: Context | None = None) -> bool:
        """Sleep until a time of this clock.

        Returns:
            False when the context was shut down, or the time came from another source.

        Raises:
            ValueError: The time is of another kind of clock.
            NotInitializedException: The context is not initialized.
        """
        context = context or get_default_context()
        if not context.ok():
            raise NotInitializedException
        if until.clock_type != self._clock_type:
            raise ValueError("until's clock type does not match this clock's type")
        simulated = self.ros_time_is_active
        while context.ok() and self.ros_time_is_active == simulated:
            left_s = (until.nanoseconds - self._now_ns()) / 1e9
            if left_s <= 0:
                return True
            context._shut.wait(min(left_s, _POLL_S) if self._may_jump else left_s)
        return False

    def sleep_for(self, rel_time: Duration, context: Context | None = None) -> bool:
        """Sleep for a span; see :meth:`sleep_until`."""
        return self.sleep_until(self.now() + rel_time, context)

    ros_time_is_active = False
    _may_jump = False


class ROSClock(Clock):
    """ROS time: the system's time, or that of a simulator while ``use_sim_time`` is set."""

    def __init__(self, *, clock_type: ClockType = ClockType.ROS_TIME) -> None:
        """Start with the system's time."""
        super().__init__(clock_type=ClockType.ROS_TIME)
        self._active, self._override_ns = False, 0
        self._lock = threading.Lock()

    _may_jump = True

    @property
    def ros_time_is_active(self) -> bool:  # type: ignore[override]
        """Whether the time is a simulator's."""
        return self._active

    def _now_ns(self) -> int:
        return self._override_ns if self._active else time.time_ns()

    def _set_ros_time_is_active(self, enabled: bool) -> None:
        if enabled != self._active:
            change = (ClockChange.ROS_TIME_ACTIVATED if enabled
                      else ClockChange.ROS_TIME_DEACTIVATED)  # fmt: skip
            self._jump(change, enabled, self._override_ns)

    def set_ros_time_override(self, time: Time) -> None:
        """Let the clock show ``time`` while ROS time is active, or as soon as it is."""
        if self._active:
            self._jump(ClockChange.ROS_TIME_NO_CHANGE, True, time.nanoseconds)
        else:
            self._override_ns = time.nanoseconds

    def _jump(self, change: ClockChange, active: bool, override_ns: int) -> None:
        with self._lock:
            after = override_ns if active else time.time_ns()
            jump = TimeJump(change, Duration(nanoseconds=after - self._now_ns()))
            for handle in list(self._jumps):
                handle._before(jump)
            self._active, self._override_ns = active, override_ns
            for handle in list(self._jumps):
                handle._after(jump)
