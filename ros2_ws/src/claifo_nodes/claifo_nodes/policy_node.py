"""`policy_node`: TimeSteps or camera images in, actions out."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from claifo_msgs.msg import Action, PolicyWeights, TimeStep
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType

from claifo.bags import codecs
from claifo_core.deploy import actors, contract
from claifo_core.errors import ClaifoError
from claifo_nodes import fits, params, qos, time_steps
from claifo_nodes.acting import Shelf, Stacks, Weights, act
from claifo_nodes.diagnostics import Diagnostics
from claifo_nodes.intake import Refusal
from claifo_nodes.lifecycle import ManagedNode
from claifo_nodes.main import run
from claifo_nodes.pilot import Pilot
from claifo_nodes.shadow import Shadow
from claifo_nodes.stream import Stream

if TYPE_CHECKING:
    from claifo_core.policy import Policy
    from claifo_nodes.time_steps import Batch

_LOOK_S = 0.1
_QUEUE = 16
"""Steps kept while weights are missing: the longest stack of frames."""


class _Step(NamedTuple):
    """A TimeStep that waits for its weights."""

    message: TimeStep
    batch: Batch
    first: np.ndarray
    arrived_s: float


class PolicyNode(ManagedNode):
    """Acts. Configured: policy file read, it listens. Active: it answers."""

    def __init__(self) -> None:
        """Declare the parameters."""
        super().__init__('policy')
        self._file: str = params.declare(
            self, 'policy', '', 'policy file; empty: wait for the weights of a learner'
        )
        self._task: str = params.declare(
            self, 'task', '', 'task for which the policy must be trained; empty: any'
        )
        self._input: str = params.declare(
            self, 'input', 'time_steps', 'what is acted on',
            choices=('time_steps', 'cameras'),
        )  # fmt: skip
        self._explores: bool = params.declare(
            self, 'explore', False, 'add the noise that the learner asks for'
        )
        self._seed: int = params.declare(self, 'seed', 0, 'of the exploration', low=0)
        self._threads: int = params.declare(self, 'threads', 1, 'of each inference', low=1)
        self._contract: str = params.declare(
            self, 'contract', '', 'deployment contract of input cameras; empty: that of the policy'
        )
        self._topics: list[str] = params.declare(
            self, 'topics', [], 'image topics of input cameras; empty: those of the contract'
        )
        self._patience_s: float = params.declare(
            self, 'patience_s', 20.0, 'wait for the cameras when activated', unit='s', low=0
        )
        self._compares: bool = params.declare(
            self, 'compare', False, 'with input cameras: compare with the commands of others'
        )
        self._pilot: Pilot | None = None
        self._diagnostics = Diagnostics(self)
        # In a group of its own: while new weights are unpacked, the old ones go on acting.
        self._weights_group = MutuallyExclusiveCallbackGroup()
        self._arrived = self.create_guard_condition(self._advance)
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(_LOOK_S, self._look, clock=clock)
        self._forget()

    def _forget(self) -> None:
        self._shelf, self._stream = Shelf(), Stream()
        self._stacks: Stacks | None = None
        self._queue: deque[_Step] = deque(maxlen=_QUEUE)
        self._answered: Action | None = None
        self._heard_by = 0

    def configure(self) -> None:
        """Read the policy file, if there is one, and open the topics."""
        if self._input == 'cameras':
            self._pilot = self._build_pilot()
            return
        if self._file:
            import torch

            from claifo_core.policy import Policy

            torch.set_num_threads(self._threads)
            policy = Policy.load(self._file)
            if refusal := self._wrong_policy(policy, self._task):
                raise ClaifoError(f'{self._file}: {refusal.text}')
            self._shelf.put(Weights(policy))
        self._actions = self.create_publisher(Action, 'action', qos.ACTION)
        self._inputs = [
            self.create_subscription(TimeStep, 'time_step', self._on_step, qos.TIME_STEP)
        ]
        if not self._file:
            self._inputs.append(
                self.create_subscription(
                    PolicyWeights, 'weights', self._on_weights, qos.WEIGHTS,
                    callback_group=self._weights_group,
                )
            )  # fmt: skip

    def _build_pilot(self) -> Pilot:
        """Read policy and contract.

        Raises:
            ClaifoError: one is missing, or they do not fit together.
        """
        if not self._file:
            raise ClaifoError('parameter policy is empty; input cameras needs a policy file')
        actor, known = actors.load(self._file, self._threads)
        if self._contract:
            known = actors.read_contract(self._contract)
        known = known or contract.of_policy(actor.metadata)
        contract.check_policy(known, actor.metadata, self._contract or self._file)
        if self._topics:
            known = contract.with_topics(known, tuple(self._topics))
        for camera in known.cameras:
            codecs.check_encoding(camera.encoding, f'contract of {camera.topic}')
        shadow = Shadow(self, known, self._diagnostics) if self._compares else None
        return Pilot(self, actor, known, self._diagnostics, shadow)

    def activate(self) -> None:
        """Answer the step that waits, and those that follow."""
        if self._pilot:
            self._pilot.check(self._patience_s)
            self._pilot.start()
            return
        self._arrived.trigger()

    def deactivate(self) -> None:
        """Fall silent."""
        if self._pilot:
            self._pilot.stop()
        self._answered = None

    def cleanup(self) -> None:
        """Close the topics; forget frames and weights."""
        if self._pilot:
            self._pilot.close()
            self._pilot = None
            return
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self.destroy_publisher(self._actions)
        self._inputs = []
        self._forget()

    def _on_weights(self, message: PolicyWeights) -> None:
        from claifo_core.policy import Policy

        try:
            policy = Policy.from_bytes(bytes(message.policy), 'weights')
        except ClaifoError as error:
            self._shelf.refuse(message.session, message.version)
            self._diagnostics.error('damaged_weights', f'{error}; the old ones go on acting')
        else:
            task = self._task or self._stream.task(time.monotonic())
            if refusal := self._wrong_policy(policy, task):
                self._diagnostics.warn(*refusal)
                return
            self._shelf.put(
                Weights(policy, message.session, message.version, message.learner_step,
                        message.exploration_std, message.uniform)
            )  # fmt: skip
            self._diagnostics.count('weights')
            self._diagnostics.set('weights_version', message.version)
        self._arrived.trigger()

    def _wrong_policy(self, policy: Policy, task: str) -> Refusal | None:
        trained = policy.metadata['task']
        if task in ('', trained):
            return None
        return Refusal('wrong_policy', f'the policy was trained for {trained!r}, not {task!r}; '
                       'start policy, simulator and learner with the same task')

    def _on_step(self, message: TimeStep) -> None:
        """Keep a step of the simulator until its weights are there, and act."""
        arrived_s = time.monotonic()
        if refusal := self._wrong_task(message) or self._stream.refuse(message, arrived_s):
            self._diagnostics.warn(*refusal)
            return
        try:
            batch = time_steps.unpack(message)
        except ClaifoError as error:
            self._diagnostics.warn('wrong_shape', str(error))
            return
        if self._stream.lost:
            self._diagnostics.warn('lost', 'steps were lost on the way; stacks begin anew')
        first = (batch.step_type == TimeStep.FIRST) | (not self._stream.follows)
        self._queue.append(_Step(message, batch, first, arrived_s))
        self._advance()

    def _wrong_task(self, message: TimeStep) -> Refusal | None:
        newest = self._shelf.newest
        task = self._task or (newest.policy.metadata['task'] if newest else '')
        if task in ('', message.task):
            return None
        return Refusal('wrong_task', f'{message.task!r} is not {task!r}, for which the policy '
                       'was trained')

    def _advance(self) -> None:
        """Act on the newest step, if its weights are there; steps before it fill the stack."""
        if not self._queue or not self.active:
            return
        newest = self._queue[-1].message
        weights = self._shelf.choose(newest.session, newest.weights_version)
        if weights is None:
            return
        try:
            while self._queue:
                step = self._queue.popleft()
                self._push(weights, step.batch.frames, step.first)
            proprio = fits.proprio(weights.policy, step.batch)
        except ClaifoError as error:
            self._diagnostics.warn('wrong_shape', str(error))
            return
        self._answer(
            weights, proprio, step.arrived_s,
            Action(header=newest.header, run=newest.run, session=newest.session,
                   step=newest.step),
        )  # fmt: skip

    def _push(self, weights: Weights, frames: np.ndarray, first: np.ndarray) -> None:
        """Put frames (N, H, W, 3 V) on the stacks.

        Raises:
            ClaifoError: The policy wants to see frames of another size or of other cameras.
        """
        policy = weights.policy
        fits.check_frames(policy, frames)
        count, height, width, planes = frames.shape
        shape = (count, planes * policy.frame_stack, height, width)
        if self._stacks is None or self._stacks.obs.shape != shape:
            self._stacks = Stacks(count, policy.frame_stack, planes, height, width)
            first = np.ones(count, bool)
        self._stacks.push(frames, first)

    def _answer(
        self, weights: Weights, proprio: np.ndarray | None, arrived_s: float, action: Action
    ) -> None:
        """Publish the actions for what is on the stacks."""
        if self._stacks is None:
            return
        seed = self._seed if self._explores else None
        actions = act(weights, self._stacks.obs, proprio, seed, action.step)
        if not np.isfinite(actions).all():
            self._diagnostics.error('not_finite', f'weights {weights.version} give actions that '
                                    'are not finite: nothing is published')  # fmt: skip
            return
        random = self._explores and weights.uniform
        action.num_envs, action.weights_version = len(actions), 0 if random else weights.version
        action.data = time_steps.flat(actions)
        self._publish(action)
        self._diagnostics.latency.observe(time.monotonic() - arrived_s)

    def _publish(self, action: Action) -> None:
        self._heard_by = self._actions.get_subscription_count()
        self._actions.publish(action)
        self._answered = action

    def _look(self) -> None:
        """Look after what no message brings about."""
        if self._pilot and self._pilot.failure:
            raise self._pilot.failure
        if step := self._stream.heir(time.monotonic()):
            self._on_step(step)
        # A simulator may have shown a step before this node had discovered its subscription.
        if self._answered and self._answered.run:
            if self._actions.get_subscription_count() > self._heard_by:
                self._publish(self._answered)


def main() -> int:
    """Run the node; returns its exit code."""
    return run(PolicyNode, threads=2)


if __name__ == '__main__':
    sys.exit(main())
