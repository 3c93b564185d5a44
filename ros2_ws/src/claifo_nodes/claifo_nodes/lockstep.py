"""When a simulator may go on, without ROS: it needs an action, and leave from the learner."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import numpy as np

from claifo_nodes.intake import Refusal

if TYPE_CHECKING:
    from claifo_msgs.msg import Action, StepBudget

_SLACK = 1e-6


class LockStep:
    """The place of a simulator in its session, and what it waits for.

    Attributes:
        run: Random name of this simulator; never 0.
        session: Learner session; 0: none.
        step: Number of the TimeStep shown last.
        weights_version: Weights with which the shown step is to be acted on.
        action: What has been asked for, float32 (N, A); None while nothing has.
    """

    def __init__(self, shape: tuple[int, int], needs_budget: bool) -> None:
        """Start before the first step.

        Args:
            shape: N environments, A actuators.
            needs_budget: Wait for leave from a learner.
        """
        self.run = secrets.randbits(63) | 1
        self.session, self.step, self.weights_version = 0, -1, 0
        self.action: np.ndarray | None = None
        self._shape, self._needs_budget = shape, needs_budget
        self._granted, self._granted_version = -1, 0
        self._earlier: set[int] = set()

    @property
    def ready(self) -> bool:
        """Whether the next step may be done."""
        return self.action is not None and (not self._needs_budget or self._granted > self.step)

    @property
    def waits_for(self) -> str:
        """The topic from which something is missing."""
        return 'action' if self.action is None and self.step >= 0 else 'step_budget'

    def shown(self) -> None:
        """Note that the next step has been done."""
        self.step += 1
        self.action, self.weights_version = None, self._granted_version

    def take_budget(self, budget: StepBudget) -> Refusal | bool:
        """Take leave to go on.

        Returns:
            True when a new session begins (new episodes are due), False when the present one
            goes on, a refusal when another learner is at work.
        """
        if budget.session in self._earlier:
            return Refusal('second_learner', 'two learners publish on the same topic: stop one, '
                           'or start it in a namespace of its own')
        self._granted, self._granted_version = budget.step, budget.weights_version
        if budget.session == self.session:
            return False
        self._earlier.add(self.session)
        self.session, self.step, self.action = budget.session, -1, None
        return True

    def take_action(self, action: Action) -> Refusal | None:
        """Take what a policy asks for, or return why not."""
        if (action.run, action.session) != (self.run, self.session):
            return Refusal('foreign_action', 'an action for another simulator or session')
        if action.step != self.step or self.action is not None:
            return Refusal('old_action', f'an action for step {action.step}; {self.step} is shown')
        values = np.frombuffer(action.data, np.float32)
        if action.num_envs != self._shape[0] or values.size != self._shape[0] * self._shape[1]:
            return Refusal('wrong_length', f'{values.size} numbers for {action.num_envs} '
                           f'environments; {self._shape[0]} times {self._shape[1]} are needed')
        if not np.isfinite(values).all():
            return Refusal('not_finite', 'an action that is not finite; the last step stays')
        if np.abs(values).max(initial=0) > 1 + _SLACK:
            return Refusal('out_of_range', f'an action of {np.abs(values).max():.3g}; actions are '
                           'in [-1, 1]')
        self.action = values.reshape(self._shape)
        return None
