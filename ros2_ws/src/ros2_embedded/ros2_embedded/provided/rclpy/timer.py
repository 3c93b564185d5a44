"""Timers, and loops at a rate."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rclpy._destroyable import Destroyable
from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock
from rclpy.context import Context
from rclpy.exceptions import ROSInterruptException


class Timer(Destroyable):
    """Calls back once per period of its clock."""

    def __init__(
        self,
        callback: Callable[..., Any] | None,
        callback_group: CallbackGroup | None,
        timer_period_ns: int,
        clock: Clock,
        *,
        wake: Callable[[], None] = lambda: None,
        autostart: bool = True,
    ) -> None:
        """Start the first period now.

        Raises:
            ValueError: The period is negative.
        """
        if timer_period_ns < 0:
            raise ValueError('timer period must not be negative')
        self.callback, self.callback_group, self.clock = callback, callback_group, clock
        self._period_ns, self._wake = int(timer_period_ns), wake
        self._cancelled = not autostart
        self._last_ns = clock._now_ns()
        self._next_ns = self._last_ns + self._period_ns

    @property
    def timer_period_ns(self) -> int:
        """The period in nanoseconds."""
        self._ros_use()
        return self._period_ns

    @timer_period_ns.setter
    def timer_period_ns(self, value: int) -> None:
        self._period_ns = int(value)
        self._next_ns = self._last_ns + self._period_ns
        self._wake()

    def is_ready(self) -> bool:
        """Return whether the period is over."""
        self._ros_use()
        return self._ready()

    def is_canceled(self) -> bool:
        """Return whether it was stopped."""
        self._ros_use()
        return self._cancelled

    def cancel(self) -> None:
        """Stop; :meth:`reset` starts it again."""
        self._ros_use()
        self._cancelled = True

    def reset(self) -> None:
        """Start a new period now."""
        self._ros_use()
        self._cancelled = False
        self._next_ns = self.clock._now_ns() + self._period_ns
        self._wake()

    def time_since_last_call(self) -> int:
        """Return nanoseconds since the last call (or the start)."""
        self._ros_use()
        return self.clock._now_ns() - self._last_ns

    def time_until_next_call(self) -> int | None:
        """Return nanoseconds until the next call, below 0 if it is late; None if cancelled."""
        self._ros_use()
        return self._wait_ns()

    def destroy(self) -> None:
        """Stop for good."""
        self._ros_destroyed = self._cancelled = True
        self.callback = None

    def _wait_ns(self) -> int | None:
        return None if self._cancelled else self._left_ns()

    def _left_ns(self) -> int:
        now = self.clock._now_ns()
        if now < self._last_ns:  # the clock has jumped back
            self._last_ns, self._next_ns = now, now + self._period_ns
        return self._next_ns - now

    def _ready(self) -> bool:
        return not self._cancelled and self._left_ns() <= 0

    def _take(self) -> Callable[[], Any]:
        """Move on to the next period, without those that were missed; return what to call."""
        now, expected = self.clock._now_ns(), self._next_ns
        self._last_ns = now
        missed = max(0, now - expected) // self._period_ns if self._period_ns else 0
        self._next_ns = expected + (missed + 1) * self._period_ns
        return self.callback or (lambda: None)

    def _execute(self) -> Any:  # noqa: ANN401
        return self._take()()


class Rate:
    """Sleeps to the end of each period; the timer must be spun by another thread."""

    def __init__(self, timer: Timer, *, context: Context) -> None:
        """Take a timer without a callback."""
        self._timer, self._context = timer, context
        self._over = threading.Event()
        self._destroyed = False
        timer.callback = self._over.set
        context.on_shutdown(self._over.set)

    def sleep(self) -> None:
        """Wait for the end of the period.

        Raises:
            ROSInterruptException: The context was shut down.
            RuntimeError: The rate was destroyed before.
            InvalidHandle: Its timer was.
        """
        if not self._context.ok():
            raise ROSInterruptException
        if self._destroyed:
            raise RuntimeError('Rate cannot sleep because it has been destroyed')
        self._timer._ros_use()
        self._over.wait()
        self._over.clear()
        if not self._context.ok():
            raise ROSInterruptException

    def destroy(self) -> None:
        """End the sleep, and the timer."""
        self._destroyed = True
        self._timer.destroy()
        self._over.set()
