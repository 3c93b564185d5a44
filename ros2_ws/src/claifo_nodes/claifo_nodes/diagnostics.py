"""What a node tells about its health: counts, figures, and what went wrong."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType

if TYPE_CHECKING:
    from rclpy.node import Node

PERIOD_S = 1.0
QUIET_S = 5.0
"""A problem that goes on is logged so often, and no more often."""
_WINDOW = 500


class Latency:
    """Durations of the last events, in seconds, and their rate."""

    def __init__(self) -> None:
        """Start without events."""
        self._spans: deque[float] = deque(maxlen=_WINDOW)
        self._times: deque[float] = deque(maxlen=_WINDOW)

    def observe(self, span_s: float) -> None:
        """Take in one event that has just ended."""
        self._spans.append(span_s)
        self._times.append(time.monotonic())

    def figures(self) -> dict[str, float]:
        """Return p50_ms, p99_ms, max_ms, rate_hz and age_s of the newest; empty without events."""
        if not self._spans:
            return {}
        p50, p99 = np.percentile(self._spans, (50, 99)) * 1e3
        span = self._times[-1] - self._times[0]
        return {
            'p50_ms': round(float(p50), 3),
            'p99_ms': round(float(p99), 3),
            'max_ms': round(max(self._spans) * 1e3, 3),
            'rate_hz': round((len(self._times) - 1) / span, 2) if span else 0.0,
            'age_s': round(time.monotonic() - self._times[-1], 3),
        }


class Diagnostics:
    """Counts what happens to a node and publishes it once per second on /diagnostics.

    Attributes:
        counts: How often each thing has happened.
        latency: Of whatever the node does once per message.
    """

    def __init__(self, node: Node) -> None:
        """Publish for this node."""
        self.counts: Counter[str] = Counter()
        self.latency = Latency()
        self._node = node
        self._values: dict[str, Any] = {}
        self._logged: dict[str, float] = {}
        self._problem, self._failed = '', False
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        # Simulated time may stand still; a node tells how it fares nevertheless.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(PERIOD_S, self._publish, clock=clock)

    def count(self, key: str) -> None:
        """Count one more of something harmless."""
        self.counts[key] += 1

    def warn(self, key: str, text: str) -> None:
        """Count a problem, and say it unless it was said a short while ago."""
        if line := self._count_problem(key, text):
            self._node.get_logger().warning(line)

    def error(self, key: str, text: str) -> None:
        """Do as :meth:`warn`, for what must not happen."""
        self._failed = True
        if line := self._count_problem(key, text):
            self._node.get_logger().error(line)

    def _count_problem(self, key: str, text: str) -> str:
        """Return the line to be logged, if one is due."""
        self.counts[key] += 1
        self._problem = f'{key}: {text}'
        now = time.monotonic()
        if now - self._logged.get(key, float('-inf')) < QUIET_S:
            return ''
        self._logged[key] = now
        return f'{self._problem} (seen {self.counts[key]} times)'

    def set(self, key: str, value: Any) -> None:  # noqa: ANN401 (anything with a str)
        """Show a value from now on; a function is asked for it each time."""
        self._values[key] = value

    def _publish(self) -> None:
        values = {key: v() if callable(v) else v for key, v in self._values.items()}
        shown = values | self.counts | self.latency.figures()
        problem = DiagnosticStatus.ERROR if self._failed else DiagnosticStatus.WARN
        status = DiagnosticStatus(
            level=problem if self._problem else DiagnosticStatus.OK,
            name=f'{self._node.get_fully_qualified_name()}: claifo',
            message=self._problem or 'OK',
            values=[KeyValue(key=key, value=str(value)) for key, value in shown.items()],
        )
        self._problem, self._failed = '', False
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
