"""When a policy acts on a live robot, and on which pictures: the rule of the bags, live.

A tick lies one control period after the one before it. It shows the newest item of every source
(camera, joint states) that is not later than the tick, where up to a tenth of the period late
still counts as on time. It is decided as soon as every source has sent something that is on time
or later, or, where a source is silent, when its next item should have come. A tick on whose
time the first source has sent moves there: the grid follows the camera's clock.

Where cameras come at the control rate (``follows``), half a period late is on time: every picture
is a tick, acted on at once whatever the camera's clock does, and a tick without a new picture
fills in for each that is missing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

JITTER, JITTER_FOLLOWED = 0.1, 0.5
JUMP_NS = 250_000_000
"""A stamp that goes back by more is a loop, or a clock that was set; one that goes back by less
came late, two that swapped for example, and is left out. The same in bags."""
_KEPT = 64


class Tick(NamedTuple):
    """One control step.

    Attributes:
        due_ns: Its time, by the stamps.
        stamps_ns: Of the item shown, for each source.
        items: What is shown, for each source.
        restarts: Whether nothing before it counts any more.
        held: Whether an item is shown again that an earlier tick has shown.
    """

    due_ns: int
    stamps_ns: tuple[int, ...]
    items: tuple[Any, ...]
    restarts: bool
    held: bool


@dataclass
class Ticks:
    """Turns what several sources send into ticks.

    Attributes:
        period_ns: Control period.
        sources: How many there are; the first leads.
        hold_periods: The oldest item that is shown, in control periods.
        follows: Whether every item of the first source is a tick.
        late: Ticks so far that had to show an item again.
        dropped: Items of the first source that no tick showed.
        swapped: Items that came later than one with a later stamp, and were left out.
        jumps_back: Stamps that went back by more: a loop, or a clock that was set.
        gaps: Pauses longer than ``hold_periods``.
    """

    period_ns: int
    sources: int
    hold_periods: float = 2.0
    follows: bool = False
    late: int = 0
    dropped: int = 0
    swapped: int = 0
    jumps_back: int = 0
    gaps: int = 0
    _queues: list[deque[tuple[int, Any]]] = field(default_factory=list)
    _due_ns: int | None = None
    _shown_ns: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Begin."""
        self.clear()

    def clear(self) -> None:
        """Forget everything that came: the next tick begins anew."""
        self._queues = [deque(maxlen=_KEPT) for _ in range(self.sources)]
        self._due_ns, self._shown_ns = None, ()

    @property
    def _slack_ns(self) -> int:
        return int((JITTER_FOLLOWED if self.follows else JITTER) * self.period_ns)

    @property
    def deadline_ns(self) -> int | None:
        """The time, by the stamps, at which the next tick is decided whatever is missing."""
        return None if self._due_ns is None else self._due_ns + self._slack_ns

    def add(self, source: int, stamp_ns: int, item: Any) -> list[Tick]:  # noqa: ANN401
        """Take an item; returns the ticks that it decides.

        One with the stamp of the item before it takes its place, as in bags.
        """
        queue = self._queues[source]
        back_ns = queue[-1][0] - stamp_ns if queue else -1
        if back_ns == 0:
            queue[-1] = (stamp_ns, item)
            return []
        if 0 < back_ns <= JUMP_NS:
            self.swapped += 1
            return []
        if back_ns > 0:
            self.jumps_back += 1
            self.clear()
            queue = self._queues[source]
        queue.append((stamp_ns, item))
        ticks = []
        while self._decided():
            if tick := self._tick():
                ticks.append(tick)
        return ticks

    def expire(self, now_ns: int) -> Tick | None:
        """Return the next tick if it is decided at ``now_ns``, a time by the stamps."""
        if self.deadline_ns is None or now_ns <= self.deadline_ns:
            return None
        return self._tick()

    def _decided(self) -> bool:
        if not all(self._queues):
            return False
        if self._due_ns is None:
            return True
        return all(queue[-1][0] >= self._due_ns - self._slack_ns for queue in self._queues)

    def _tick(self) -> Tick | None:
        """Return the tick that is due; None after a gap too long to be held."""
        restarts = self._due_ns is None
        due_ns = self._due_ns if self._due_ns is not None else self._start_ns()
        shown = [self._newest(queue, due_ns + self._slack_ns) for queue in self._queues]
        stamps = tuple(stamp for stamp, _ in shown)
        if not restarts and due_ns - min(stamps) > self.hold_periods * self.period_ns:
            self._skip()
            return None
        held = stamps[0] == self._shown_ns[0] if self._shown_ns else False
        self.late += held
        self._shown_ns = stamps
        on_time = abs(stamps[0] - due_ns) <= self._slack_ns
        self._due_ns = (stamps[0] if on_time else due_ns) + self.period_ns
        return Tick(due_ns, stamps, tuple(item for _, item in shown), restarts, held)

    def _start_ns(self) -> int:
        """Where the last of the sources begins."""
        return max(queue[-1][0] for queue in self._queues)

    def _newest(self, queue: deque[tuple[int, Any]], end_ns: int) -> tuple[int, Any]:
        """Return the newest item up to ``end_ns``, and forget those before it."""
        while len(queue) > 1 and queue[1][0] <= end_ns:
            stamp_ns, _ = queue.popleft()
            first = queue is self._queues[0]
            self.dropped += first and (not self._shown_ns or stamp_ns > self._shown_ns[0])
        return queue[0]

    def _skip(self) -> None:
        """Begin anew with the newest of every source, once a silent one speaks again."""
        self.gaps += 1
        newest = [queue[-1] for queue in self._queues]
        due_ns = self._due_ns or 0
        self.clear()
        for queue, (stamp_ns, item) in zip(self._queues, newest, strict=True):
            if stamp_ns >= due_ns - self._slack_ns:
                queue.append((stamp_ns, item))
