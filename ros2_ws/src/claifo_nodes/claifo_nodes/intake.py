"""Which TimeSteps a learner session takes: its own, of one simulator, each once and in order."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from claifo_msgs.msg import TimeStep

SILENT_S = 2.0
"""A simulator that leaves a granted step unanswered for so long has gone."""


class Refusal(NamedTuple):
    """Why a TimeStep is not taken: the name it is counted under, and a line for people."""

    key: str
    text: str


class Intake:
    """The flow of one session between a learner and its simulator.

    Attributes:
        session: Random name of the session; never 0.
        lost: Whether steps are missing before the one taken last.
    """

    def __init__(self, task: str) -> None:
        """Begin a session in which no simulator is known yet."""
        self.session = secrets.randbits(63) | 1
        self.lost = False
        self._task = task
        self._run = 0
        self._rival = 0
        self._next = 0
        self._granted_s = float('inf')

    def refuse(self, message: TimeStep) -> Refusal | None:
        """Return why the step cannot be taken, or None if :meth:`take` may follow."""
        if message.task != self._task:
            return Refusal('wrong_task', f'{message.task!r} is not {self._task!r}: start the '
                           'simulator and the learner with the same task')
        if message.session != self.session:
            return self._foreign(message)
        if self._run not in (0, message.run):
            self._rival = message.run
            return Refusal('second_simulator', 'two simulators publish on the same topic: stop '
                           'one, or start it in a namespace of its own')
        if message.step < self._next:
            return Refusal('repeated', f'step {message.step} came again or late; {self._next} '
                           'is expected')
        return None

    def take(self, message: TimeStep) -> None:
        """Take a step that was not refused."""
        self.lost = message.step > self._next
        self._run, self._next = message.run, message.step + 1
        self._granted_s = float('inf')

    def _foreign(self, message: TimeStep) -> Refusal:
        if message.session == 0:
            return Refusal('no_session', 'the simulator does not wait for the learner: start it '
                           'with wait_for_budget:=true')
        return Refusal('old_session', 'a step of an earlier learner session')

    @property
    def next_step(self) -> int:
        """Number of the TimeStep that is expected next."""
        return self._next

    def grant(self, now_s: float) -> None:
        """Note that the next step has been allowed at ``now_s``, in monotonic seconds."""
        self._granted_s = now_s

    @property
    def waiting(self) -> bool:
        """Whether no simulator has answered yet."""
        return self._run == 0

    def replaced(self, now_s: float) -> bool:
        """Return whether the simulator has gone and another one is there to take its place."""
        return self._rival != 0 and now_s - self._granted_s > SILENT_S
