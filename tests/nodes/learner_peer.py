"""A simulator of random frames that answers the step budget: all that a learner needs to see."""

from __future__ import annotations

import secrets

import numpy as np
from claifo_msgs.msg import PolicyWeights, StepBudget, TimeStep
from rclpy.node import Node

from claifo_nodes import qos, time_steps
from claifo_nodes.time_steps import Batch

TASK = 'point_mass_easy'
COUNT, SIZE, ACTIONS, EPISODE = 2, 16, 2, 10


class Peer(Node):
    """Publishes the next step of random frames whenever the learner allows one."""

    def __init__(self, name: str = 'peer', *, task: str = TASK, size_px: int = SIZE):
        super().__init__(name)
        self.task, self.size_px = task, size_px
        self.run = secrets.randbits(63) | 1
        self.steps = self.create_publisher(TimeStep, 'time_step', qos.TIME_STEP)
        self.create_subscription(StepBudget, 'step_budget', self.on_budget, qos.BUDGET)
        self.create_subscription(PolicyWeights, 'weights', self.on_weights, qos.WEIGHTS)
        self.budgets: list[StepBudget] = []
        self.weights: list[PolicyWeights] = []
        self.answers = True
        self.rng = np.random.default_rng(0)

    def on_budget(self, budget):
        self.budgets.append(budget)
        if self.answers:
            self.show(budget.step, budget.session)

    def on_weights(self, weights):
        self.weights.append(weights)

    def batch(self, step: int) -> Batch:
        kind = (TimeStep.FIRST if step % EPISODE == 0 else
                TimeStep.LAST if step % EPISODE == EPISODE - 1 else TimeStep.MID)  # fmt: skip
        size = self.size_px
        return Batch(
            frames=self.rng.integers(0, 256, (COUNT, size, size, 3), np.uint8),
            action=self.rng.uniform(-1, 1, (COUNT, ACTIONS)).astype(np.float32),
            proprio=np.zeros((COUNT, 0), np.float32),
            reward=np.full(COUNT, 0.5, np.float32),
            discount=np.ones(COUNT, np.float32),
            step_type=np.full(COUNT, kind, np.uint8),
            success=np.zeros(COUNT, bool),
        )

    def show(self, step: int, session: int, **changes):
        fields = {'task': self.task, 'run': self.run, 'session': session, 'step': step} | changes
        self.steps.publish(time_steps.pack(self.batch(step), **fields))
