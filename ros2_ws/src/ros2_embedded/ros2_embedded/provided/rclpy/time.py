"""Points in time of a clock."""

from __future__ import annotations

import functools
from typing import overload

from builtin_interfaces.msg import Time as TimeMessage

from rclpy.clock_type import ClockType
from rclpy.constants import S_TO_NS
from rclpy.duration import Duration

_LIMIT = 2**63


@functools.total_ordering
class Time:
    """A point in time, in whole nanoseconds since the clock's beginning."""

    def __init__(
        self,
        *,
        seconds: float = 0,
        nanoseconds: int = 0,
        clock_type: ClockType = ClockType.SYSTEM_TIME,
    ) -> None:
        """Add up the parts.

        Raises:
            TypeError: The type of the clock is none.
            ValueError: The time is negative.
            OverflowError: It does not fit 64 bits.
        """
        if not isinstance(clock_type, ClockType):
            raise TypeError('Clock type must be a ClockType enum')
        if seconds < 0 or nanoseconds < 0:
            raise ValueError('Seconds and nanoseconds value must not be negative')
        total = int(seconds * S_TO_NS) + int(nanoseconds)
        if total >= _LIMIT:
            raise OverflowError('Total nanoseconds value is too large to store in C time point.')
        self._ns = total
        self._clock_type = clock_type

    @property
    def nanoseconds(self) -> int:
        """Nanoseconds since the beginning."""
        return self._ns

    @property
    def clock_type(self) -> ClockType:
        """The clock to which the time belongs."""
        return self._clock_type

    def seconds_nanoseconds(self) -> tuple[int, int]:
        """Return whole seconds, and the nanoseconds beyond."""
        return divmod(self._ns, S_TO_NS)

    def to_msg(self) -> TimeMessage:
        """Return the time as a message."""
        seconds, nanoseconds = self.seconds_nanoseconds()
        return TimeMessage(sec=seconds, nanosec=nanoseconds)

    @classmethod
    def from_msg(cls, msg: TimeMessage, clock_type: ClockType = ClockType.ROS_TIME) -> Time:
        """Return the time in a message.

        Raises:
            TypeError: The message is of another type.
        """
        if not isinstance(msg, TimeMessage):
            raise TypeError('Must pass a builtin_interfaces.msg.Time object')
        return cls(seconds=0, nanoseconds=msg.sec * S_TO_NS + msg.nanosec, clock_type=clock_type)

    def _made(self, nanoseconds: int) -> Time:
        return Time(nanoseconds=nanoseconds, clock_type=self._clock_type)

    def __add__(self, other: Duration) -> Time:
        """Return the time a span later."""
        return self._made(self._ns + other.nanoseconds) if isinstance(other, Duration) else (
            NotImplemented
        )

    __radd__ = __add__

    @overload
    def __sub__(self, other: Time) -> Duration: ...

    @overload
    def __sub__(self, other: Duration) -> Time: ...

    def __sub__(self, other: Time | Duration) -> Time | Duration:
        """Return the span between two times, or the time a span earlier."""
        if isinstance(other, Time):
            self._check(other, 'subtract')
            return Duration(nanoseconds=self._ns - other._ns)
        return self._made(self._ns - other.nanoseconds) if isinstance(other, Duration) else (
            NotImplemented
        )

    def _check(self, other: Time, what: str) -> None:
        if self._clock_type != other._clock_type:
            raise TypeError(f"Can't {what} times with different clock types")

    def __eq__(self, other: object) -> bool:
        """Compare times of one clock."""
        if not isinstance(other, Time):
            return NotImplemented
        self._check(other, 'compare')
        return self._ns == other._ns

    def __lt__(self, other: Time) -> bool:
        """Compare times of one clock."""
        if not isinstance(other, Time):
            return NotImplemented
        self._check(other, 'compare')
        return self._ns < other._ns

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show nanoseconds and clock."""
        return f'Time(nanoseconds={self._ns}, clock_type={self._clock_type.name})'
