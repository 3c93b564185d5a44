"""`policy_node`: TimeSteps or camera images in, actions out."""

from __future__ import annotations

import sys
import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import torch
from claifo_msgs.msg import Action, PolicyWeights, TimeStep
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from sensor_msgs.msg import CompressedImage, Image

from claifo_core.errors import ClaifoError
from claifo_core.frames import prepare
from claifo_core.policy import Policy
from claifo_nodes import images, params, qos, time_steps
from claifo_nodes.acting import Shelf, Stacks, Weights, act
from claifo_nodes.diagnostics import Diagnostics
from claifo_nodes.intake import Refusal
from claifo_nodes.lifecycle import ManagedNode
from claifo_nodes.main import run
from claifo_nodes.stream import Stream

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

    from claifo_nodes.time_steps import Batch

_GAP_NS = 500_000_000
"""A pause of the camera after which the frames before it tell nothing any more."""


class PolicyNode(ManagedNode):
    """Acts. Configured: policy file read. Active: it answers."""

    def __init__(self) -> None:
        """Declare the parameters and open the topics."""
        super().__init__('policy')
        self._file: str = params.declare(
            self, 'policy', '', 'policy file; empty: wait for the weights of a learner'
        )
        self._input: str = params.declare(
            self, 'input', 'time_steps', 'what is acted on',
            choices=('time_steps', 'image', 'compressed_image'),
        )  # fmt: skip
        self._explores: bool = params.declare(
            self, 'explore', False, 'add the noise that the learner asks for'
        )
        self._seed: int = params.declare(self, 'seed', 0, 'of the exploration', low=0)
        self._threads: int = params.declare(self, 'threads', 1, 'torch threads', low=1)
        self._shelf = Shelf()
        self._stream = Stream()
        self._stacks: Stacks | None = None
        self._queue: deque[tuple[TimeStep, Batch, float]] = deque(maxlen=qos.TIME_STEP.depth)
        self._images = 0
        self._last_ns = 0
        self._diagnostics = Diagnostics(self)
        self._connect()

    def _connect(self) -> None:
        self._actions = self.create_publisher(Action, 'action', qos.ACTION)
        if self._input == 'time_steps':
            self.create_subscription(TimeStep, 'time_step', self._on_step, qos.TIME_STEP)
        elif self._input == 'image':
            self.create_subscription(Image, 'camera/image_raw', self._on_image, qos.CAMERA)
        else:
            topic = 'camera/image_raw/compressed'
            self.create_subscription(CompressedImage, topic, self._on_image, qos.CAMERA)
        if not self._file:
            # In a group of its own: while new weights are unpacked, the old ones go on acting.
            self._arrived = self.create_guard_condition(self._advance)
            self.create_subscription(
                PolicyWeights, 'weights', self._on_weights, qos.WEIGHTS,
                callback_group=MutuallyExclusiveCallbackGroup(),
            )  # fmt: skip

    def configure(self) -> None:
        """Read the policy file, if there is one."""
        torch.set_num_threads(self._threads)
        if self._file:
            self._shelf.put(Weights(Policy.load(self._file)))

    def cleanup(self) -> None:
        """Forget frames and weights."""
        self._shelf, self._stacks = Shelf(), None
        self._queue.clear()

    def _on_weights(self, message: PolicyWeights) -> None:
        try:
            policy = Policy.from_bytes(bytes(message.policy), 'weights')
        except ClaifoError as error:
            self._diagnostics.warn('damaged_weights', str(error))
            return
        self._shelf.put(
            Weights(policy, message.session, message.version, message.learner_step,
                    message.exploration_std, message.uniform)
        )  # fmt: skip
        self._diagnostics.count('weights')
        self._diagnostics.set('weights_version', message.version)
        self._arrived.trigger()

    def _on_step(self, message: TimeStep) -> None:
        """Keep a step of the simulator until its weights are there, and act."""
        arrived_s = time.monotonic()
        if not self.active:
            return
        if refusal := self._wrong_task(message) or self._stream.refuse(message):
            self._diagnostics.warn(*refusal)
            return
        try:
            self._queue.append((message, time_steps.unpack(message), arrived_s))
        except ClaifoError as error:
            self._diagnostics.warn('wrong_shape', str(error))
            return
        self._advance()

    def _wrong_task(self, message: TimeStep) -> Refusal | None:
        newest = self._shelf.newest
        task = newest.policy.metadata['task'] if newest else message.task
        if task == message.task:
            return None
        return Refusal('wrong_task', f'{message.task!r} is not {task!r}, for which the policy '
                       'was trained')

    def _advance(self) -> None:
        """Act on the newest step, if its weights are there; steps before it fill the stack."""
        if not self._queue:
            return
        newest = self._queue[-1][0]
        weights = self._shelf.choose(newest.session, newest.weights_version)
        if weights is None:
            return
        try:
            while self._queue:
                message, batch, arrived_s = self._queue.popleft()
                self._push(weights, batch.frames, batch.step_type == TimeStep.FIRST)
        except ClaifoError as error:
            self._diagnostics.warn('wrong_shape', str(error))
            return
        self._answer(
            weights, arrived_s,
            Action(header=message.header, run=message.run, session=message.session,
                   step=message.step),
        )  # fmt: skip

    def _push(self, weights: Weights, frames: np.ndarray, first: np.ndarray) -> None:
        """Put frames (N, H, W, 3) on the stacks.

        Raises:
            ClaifoError: The policy wants to see frames of another size.
        """
        count, height, width, _ = frames.shape
        policy = weights.policy
        if (height, width) != (policy.frames.size_px,) * 2:
            raise ClaifoError(
                f'frames are {width}x{height} pixels; the policy was trained with '
                f'{policy.frames.size_px}x{policy.frames.size_px}'
            )
        if self._stacks is None or self._stacks.shape != (count, policy.frame_stack):
            self._stacks = Stacks(count, policy.frame_stack, height, width)
            first = np.ones(count, bool)
        self._stacks.push(frames, first)

    def _answer(self, weights: Weights, arrived_s: float, action: Action) -> None:
        """Publish the actions for what is on the stacks."""
        if self._stacks is None:
            return
        seed = self._seed if self._explores else None
        actions = act(weights, self._stacks.obs, seed, action.step)
        if not np.isfinite(actions).all():
            self._diagnostics.warn('not_finite', f'weights {weights.version} give actions that '
                                   'are not finite: nothing is published')  # fmt: skip
            return
        action.num_envs, action.weights_version = len(actions), weights.version
        action.data = time_steps.flat(actions)
        self._actions.publish(action)
        self._diagnostics.latency.observe(time.monotonic() - arrived_s)

    def _on_image(self, message: Image | CompressedImage) -> None:
        """Act on a picture of the camera."""
        arrived_s, weights = time.monotonic(), self._shelf.newest
        if not self.active or weights is None:
            return
        try:
            frame = prepare(images.to_rgb(message), weights.policy.frames)
            self._push(weights, frame[None], np.array([self._restarts(message.header.stamp)]))
        except ClaifoError as error:
            self._diagnostics.warn('wrong_image', str(error))
            return
        self._images += 1
        self._answer(weights, arrived_s, Action(header=message.header, step=self._images))

    def _restarts(self, stamp: Time) -> bool:
        """Return whether the picture does not follow the one before it: a loop, or a pause."""
        now_ns = stamp.sec * 10**9 + stamp.nanosec
        passed_ns, self._last_ns = now_ns - self._last_ns, now_ns
        if passed_ns < 0:
            self._diagnostics.count('jumps_back')
        return not 0 <= passed_ns <= _GAP_NS


def main() -> int:
    """Run the node; returns its exit code."""
    return run(PolicyNode, threads=2)


if __name__ == '__main__':
    sys.exit(main())
