"""Resampling to the control rate by header stamp.

The rule, in full:

* Tick k lies at ``first stamp + round(k * 1e9 / rate_hz)`` nanoseconds.
* Each tick shows the newest frame that is not later than the tick (zero-order hold), where a frame
  up to a tenth of the control period late still counts as on time: cameras jitter, and a frame
  one millisecond late must not be replaced by the one before it.
* Of frames with the same stamp the last one recorded counts.
* The last tick is the last one that the last frame reaches by this rule; nothing is extrapolated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_NS_PER_S = 1e9
JITTER = 0.1


def tick_ns(k: int, rate_hz: float) -> int:
    """Return the time of tick ``k`` after the first one, in nanoseconds."""
    return round(k * _NS_PER_S / rate_hz)


def rate_of(times_ns: Sequence[int]) -> float:
    """Return frames per second: one over the mean of the steps that are near the median step.

    So pauses do not count, nor does the rounding of times to milliseconds; 0 if there is no step.
    """
    steps = np.diff(np.asarray(times_ns, np.int64)).astype(float)
    median = np.median(steps) if len(steps) else 0
    return 1e9 / float(steps[abs(steps - median) <= median / 2].mean()) if median > 0 else 0.0


class Resampler:
    """Says, frame by frame, how many ticks the frame *before* it serves.

    0 ticks: the frame is dropped; more than one: it is repeated.
    """

    def __init__(self, rate_hz: float) -> None:
        """Start an episode at ``rate_hz`` ticks per second."""
        self._rate_hz = rate_hz
        self._late_ns = int(JITTER * _NS_PER_S / rate_hz)
        self._first_ns: int | None = None
        self._last_ns = 0
        self._tick = 0
        self._tick_ns = 0

    def push(self, stamp_ns: int) -> int:
        """Take the stamp of the next frame (not before the last one) and release the last one.

        Returns:
            Ticks that the frame before this one serves (0 for the very first call).
        """
        if self._first_ns is None:
            self._first_ns = self._tick_ns = stamp_ns
        self._last_ns = stamp_ns
        return self._advance(self._first_ns, stamp_ns - self._late_ns)

    def finish(self) -> int:
        """Return the ticks that the last frame serves; call once, at the end of the episode."""
        return self._advance(self._first_ns or 0, self._last_ns + self._late_ns + 1)

    def _advance(self, first_ns: int, end_ns: int) -> int:
        """Count the ticks before ``end_ns`` that no earlier frame has served."""
        before = self._tick
        while self._tick_ns < end_ns:
            self._tick += 1
            self._tick_ns = first_ns + tick_ns(self._tick, self._rate_hz)
        return self._tick - before
