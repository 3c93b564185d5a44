"""Spans of time."""

from __future__ import annotations

import functools

from builtin_interfaces.msg import Duration as DurationMessage

from rclpy.constants import S_TO_NS

_LIMIT = 2**63


@functools.total_ordering
class Duration:
    """A span of time, in whole nanoseconds; it may be negative."""

    def __init__(self, *, seconds: float = 0, nanoseconds: int = 0) -> None:
        """Add up the parts.

        Raises:
            OverflowError: The sum does not fit 64 bits.
        """
        total = int(seconds * S_TO_NS) + int(nanoseconds)
        if not -_LIMIT <= total < _LIMIT:
            raise OverflowError('Total nanoseconds value is too large to store in C duration.')
        self._ns = total

    @property
    def nanoseconds(self) -> int:
        """The span in nanoseconds."""
        return self._ns

    def to_msg(self) -> DurationMessage:
        """Return the span as a message."""
        seconds, nanoseconds = divmod(self._ns, S_TO_NS)
        return DurationMessage(sec=seconds, nanosec=nanoseconds)

    @classmethod
    def from_msg(cls, msg: DurationMessage) -> Duration:
        """Return the span in a message.

        Raises:
            TypeError: The message is of another type.
        """
        if not isinstance(msg, DurationMessage):
            raise TypeError('Must pass a builtin_interfaces.msg.Duration object')
        return cls(nanoseconds=msg.sec * S_TO_NS + msg.nanosec)

    def __eq__(self, other: object) -> bool:
        """Compare spans."""
        return self._ns == other._ns if isinstance(other, Duration) else NotImplemented

    def __lt__(self, other: Duration) -> bool:
        """Compare spans."""
        return self._ns < other._ns if isinstance(other, Duration) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        """Show the nanoseconds in words."""
        return 'Infinite' if self == Infinite else f'{self._ns} nanoseconds'

    def __repr__(self) -> str:
        """Show the nanoseconds."""
        return f'Duration(nanoseconds={self._ns})'


Infinite = Duration(nanoseconds=_LIMIT - 1)
