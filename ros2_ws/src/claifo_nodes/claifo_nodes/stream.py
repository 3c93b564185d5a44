"""Which TimeSteps a policy answers: each once, and those of one simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claifo_nodes.intake import SILENT_S, Refusal

if TYPE_CHECKING:
    from claifo_msgs.msg import TimeStep


class Stream:
    """The simulator that a policy follows: the first, until it has been silent for a while.

    Attributes:
        follows: Whether the frames of the step taken last follow those before it.
        lost: Whether steps are missing before it.
    """

    def __init__(self) -> None:
        """Start without a simulator."""
        self.follows = self.lost = False
        self._place = (0, 0)
        self._last = -1
        self._task = ''
        self._heard_s = float('-inf')
        self._rival: TimeStep | None = None

    def refuse(self, message: TimeStep, now_s: float) -> Refusal | None:
        """Return why the step is not answered, or None if it is.

        Args:
            message: A step.
            now_s: Time of its arrival, in monotonic seconds.
        """
        place = (message.run, message.session)
        if message.run != self._place[0] and self._live(now_s):
            self._rival = message
            return Refusal('second_simulator', 'a second simulator publishes on the same topic; '
                           f'it is followed when the first has been silent for {SILENT_S:g} s. '
                           'Stop one, or start it in a namespace of its own')
        self._heard_s, self._task = now_s, message.task
        if place != self._place:
            self._place, self._last = place, -1
        if message.step <= self._last:
            return Refusal('repeated', f'step {message.step} came again or late; '
                           f'{self._last + 1} is expected')
        self.follows = message.step == self._last + 1 and self._last >= 0
        self.lost = message.step > self._last + 1 and self._last >= 0
        self._last = message.step
        return None

    def heir(self, now_s: float) -> TimeStep | None:
        """Return, once, the newest step of another simulator if the one followed has gone."""
        if self._rival is None or self._live(now_s):
            return None
        step, self._rival = self._rival, None
        return step

    def task(self, now_s: float) -> str:
        """Return the task of the simulator that is followed; empty if it is silent."""
        return self._task if self._live(now_s) else ''

    def _live(self, now_s: float) -> bool:
        return now_s - self._heard_s < SILENT_S
