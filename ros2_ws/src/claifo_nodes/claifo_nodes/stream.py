"""Which TimeSteps a policy answers: each once, and those of one simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from claifo_nodes.intake import Refusal

if TYPE_CHECKING:
    from claifo_msgs.msg import TimeStep


class Stream:
    """The simulator that the policy follows: the one that came last.

    A simulator that was replaced and speaks again is a second one beside it, and is refused.
    """

    def __init__(self) -> None:
        """Start without a simulator."""
        self._place: tuple[int, int] = (0, 0)
        self._replaced = 0
        self._last = -1

    def refuse(self, message: TimeStep) -> Refusal | None:
        """Return why the step is not answered, or None if it is."""
        run = self._place[0]
        if message.run == self._replaced and run != 0:
            return Refusal('second_simulator', 'two simulators publish on the same topic: stop '
                           'one, or start it in a namespace of its own')
        if (message.run, message.session) != self._place:
            if message.run != run:
                self._replaced = run
            self._place, self._last = (message.run, message.session), -1
        if message.step <= self._last:
            return Refusal('repeated', f'step {message.step} came again or late; '
                           f'{self._last + 1} is expected')
        self._last = message.step
        return None
