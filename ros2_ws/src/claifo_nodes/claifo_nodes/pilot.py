"""A policy on live cameras: what arrives becomes ticks, and a thread of its own acts on them.

Callbacks only take in; decoding, the network and the publication happen in the worker, so a slow
picture never keeps the executor from the next one. When the worker falls behind, the newest frames
go on the stack, as many as it holds, and only the newest tick is acted on.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from claifo_msgs.msg import Action
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.executors import ExternalShutdownException
from sensor_msgs.msg import CompressedImage, Image, JointState

from claifo_core.data.frames import prepare
from claifo_core.data.observations import Observer
from claifo_core.deploy.contract import Seen, mismatches
from claifo_core.deploy.ticks import Tick, Ticks
from claifo_core.errors import ClaifoError
from claifo_nodes import images, qos, sources, time_steps
from claifo_nodes.acting import Stacks
from claifo_nodes.diagnostics import Latency

if TYPE_CHECKING:
    from rclpy.node import Node

    from claifo_core.deploy.actors import Actor
    from claifo_core.deploy.contract import Contract
    from claifo_nodes.diagnostics import Diagnostics
    from claifo_nodes.shadow import Shadow

_MEASURED = 12
"""Pictures from which the rate of a camera is measured."""
_CLOCK_S = 0.2
"""For so long it may be that /clock has jumped before the pictures, or after them."""
_WARM_UP = 3
_STAGES = ('received', 'preprocessed', 'inferred', 'published')


class _Arrival(NamedTuple):
    """A message with what the ledger needs.

    Attributes:
        content: The message, or the numbers of joint states.
        at_s: Monotonic time of its arrival.
        age_ns: Its age then, by the ROS clock.
    """

    content: Any
    at_s: float
    age_ns: int


class Pilot:
    """Acts on the cameras of a contract from :meth:`start` to :meth:`stop`."""

    def __init__(
        self, node: Node, actor: Actor, contract: Contract, diagnostics: Diagnostics,
        shadow: Shadow | None = None,
    ) -> None:  # fmt: skip
        """Listen to all sources; nothing is acted on yet."""
        self._node, self._actor, self._contract = node, actor, contract
        self._diagnostics, self._shadow = diagnostics, shadow
        self._sources = len(contract.cameras) + (contract.proprio is not None)
        self._seen: list[Seen | None] = [None] * len(contract.cameras)
        self._joints = sources.JointSource(contract.proprio)
        self._ticks = Ticks(
            contract.period_ns, self._sources, contract.hold_periods, contract.follows
        )
        self._condition = threading.Condition()
        self._pending: deque[Tick] = deque()
        self._delays: deque[int] = deque(maxlen=30)
        self._worker: threading.Thread | None = None
        self._running = False
        self.failure: Exception | None = None
        self._stages = {stage: Latency() for stage in _STAGES}
        self._publisher = node.create_publisher(Action, 'action', qos.ACTION)
        group = MutuallyExclusiveCallbackGroup()
        self._inputs = [
            node.create_subscription(
                CompressedImage if camera.compressed else Image,
                f'{camera.topic}/compressed' if camera.compressed else camera.topic,
                functools.partial(self._on_image, number), qos.CAMERA, callback_group=group,
            )
            for number, camera in enumerate(contract.cameras)
        ]  # fmt: skip
        if contract.proprio:
            self._inputs.append(
                node.create_subscription(
                    JointState, contract.proprio.topic, self._on_joints, qos.SENSOR,
                    callback_group=group,
                )
            )  # fmt: skip
        self._show_figures()

    def _show_figures(self) -> None:
        for stage, latency in self._stages.items():
            self._diagnostics.set(f'capture_to_{stage}_ms', functools.partial(_figures, latency))
        for name in ('late', 'dropped', 'gaps'):
            self._diagnostics.set(name, functools.partial(getattr, self._ticks, name))

    def check(self, patience_s: float) -> None:
        """Wait for every source, and compare with the contract what it sends.

        Raises:
            ClaifoError: a source is silent or differs from the contract.
        """
        end_s = time.monotonic() + patience_s
        while missing := self._missing():
            if not self._node.context.ok():
                raise ExternalShutdownException
            if time.monotonic() > end_s:
                raise ClaifoError(
                    f'nothing came on {missing} for {patience_s:g} s; start what publishes it, or '
                    'correct the topic in the contract'
                )
            time.sleep(0.01)
        wrong = [
            text
            for camera, seen in zip(self._contract.cameras, self._seen, strict=True)
            if seen
            for text in mismatches(camera, seen)
        ] + self._wrong_joints()
        if wrong:
            raise ClaifoError(f'not what the contract says: {"; ".join(wrong)}')

    def _missing(self) -> str:
        for camera, seen in zip(self._contract.cameras, self._seen, strict=True):
            if seen is None or len(seen.stamps_ns) < _MEASURED:
                return camera.topic
        proprio = self._contract.proprio
        return proprio.topic if proprio and self._joints.awaited else ''

    def _wrong_joints(self) -> list[str]:
        proprio, problem = self._contract.proprio, self._joints.problem
        return [f'{proprio.topic}: {problem}'] if proprio and problem else []

    def start(self) -> None:
        """Warm up, and act from now on."""
        contract = self._contract
        planes, size = 3 * len(contract.cameras), contract.size_px
        self._stacks = Stacks(1, contract.frame_stack, planes, size, size)
        self._observer = Observer(contract.observation)
        self._filled, self._step = 0, 0
        self._in_time_s = [time.monotonic()] * len(contract.cameras)
        numbers = len(contract.proprio.names) if contract.proprio else 0
        proprio = np.zeros((1, numbers), np.float32) if numbers else None
        for _ in range(_WARM_UP):
            self._actor.act(self._stacks.obs, proprio)
        with self._condition:
            self._ticks.clear()
            self._pending.clear()
            self._running = True
        self._worker = threading.Thread(target=self._work, name='pilot', daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Fall silent."""
        with self._condition:
            self._running = False
            self._condition.notify()
        if self._worker:
            self._worker.join()
            self._worker = None

    def close(self) -> None:
        """Close the topics."""
        self.stop()
        for subscription in self._inputs:
            self._node.destroy_subscription(subscription)
        if self._shadow:
            self._node.destroy_subscription(self._shadow.subscription)
        self._node.destroy_publisher(self._publisher)

    def _on_image(self, number: int, message: Image | CompressedImage) -> None:
        """Take in a picture."""
        at_s, now_ns = time.monotonic(), self._now_ns()
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec or now_ns
        seen = self._note(number, message, stamp_ns)
        if not self._running:
            return
        camera = self._contract.cameras[number]
        if wrong := mismatches(camera, Seen(seen.encoding, seen.width, seen.height)):
            self._diagnostics.error('contract', f'{"; ".join(wrong)}; the picture is left out')
        elif abs(now_ns - stamp_ns) > sources.CLOCK_NS:
            self._leave_out(number, at_s, now_ns - stamp_ns)
        else:
            self._in_time_s[number] = at_s
            self._take(number, stamp_ns, _Arrival(message, at_s, now_ns - stamp_ns))

    def _leave_out(self, number: int, at_s: float, age_ns: int) -> None:
        """Leave out a picture of another time, and say so if that goes on."""
        if at_s - self._in_time_s[number] > _CLOCK_S:
            self._diagnostics.error(
                'clock', f'{self._contract.cameras[number].topic}: {sources.off(age_ns)}'
            )  # fmt: skip

    def _note(self, number: int, message: Image | CompressedImage, stamp_ns: int) -> Seen:
        """Keep what the contract speaks of."""
        earlier = self._seen[number]
        seen = self._seen[number] = sources.look(message, earlier.stamps_ns if earlier else [])
        if not seen.stamps_ns or stamp_ns > seen.stamps_ns[-1]:
            seen.stamps_ns = [*seen.stamps_ns[1 - _MEASURED :], stamp_ns]
        return seen

    def _on_joints(self, message: JointState) -> None:
        """Take in joint states: the numbers of the contract, in its order."""
        at_s, now_ns = time.monotonic(), self._now_ns()
        proprio = self._contract.proprio
        assert proprio
        try:
            known = self._joints.take(message, now_ns)
        except ClaifoError as error:
            self._diagnostics.error('contract', f'{proprio.topic}: {error}')
            return
        if known and self._running:
            age_ns = now_ns - known[0]
            self._take(self._sources - 1, known[0], _Arrival(known[1], at_s, age_ns))

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _take(self, source: int, stamp_ns: int, arrival: _Arrival) -> None:
        with self._condition:
            self._delays.append(arrival.age_ns)
            jumps = self._ticks.jumps_back
            self._line_up(self._ticks.add(source, stamp_ns, arrival))
            jumped = self._ticks.jumps_back > jumps
            self._condition.notify()
        if jumped:
            self._diagnostics.warn('jumps_back', 'stamps went back: a loop, or a clock that was '
                                   'set; the stack begins anew')  # fmt: skip

    def _line_up(self, ticks: list[Tick]) -> None:
        """Add ticks for the worker; more than fill the stack would only hold memory."""
        for tick in ticks:
            if len(self._pending) > self._contract.frame_stack:
                gone, kept = self._pending.popleft(), self._pending[0]
                self._pending[0] = kept._replace(restarts=gone.restarts or kept.restarts)
                self._diagnostics.counts['skipped'] += 1
            self._pending.append(tick)

    def _work(self) -> None:
        """Serve ticks until stopped; what must not happen is told to the node."""
        try:
            while self._running:
                if ticks := self._next():
                    self._serve(ticks)
        except Exception as error:
            self.failure = error

    def _next(self) -> list[Tick]:
        """Return the ticks to be served, or none after a while."""
        with self._condition:
            if not self._pending and (tick := self._ticks.expire(self._decided_ns())):
                self._pending.append(tick)
            if not self._pending:
                self._condition.wait(self._wait_s())
            ticks = list(self._pending)
            self._pending.clear()
        return ticks

    def _decided_ns(self) -> int:
        """Return the time, by the stamps, before which everything must have come."""
        return self._now_ns() - max(*self._delays, 0, 0)

    def _wait_s(self) -> float:
        half_s = self._contract.period_ns / 2e9
        if self._ticks.deadline_ns is None:
            return half_s
        left_s = (self._ticks.deadline_ns - self._decided_ns()) / 1e9
        return min(max(left_s, 0.0005), half_s)

    def _serve(self, ticks: list[Tick]) -> None:
        """Put all ticks on the stack, and act on the newest."""
        for tick in ticks:
            self._push(tick)
        self._diagnostics.counts['skipped'] += len(ticks) - 1
        if self._filled >= self._contract.frame_stack:
            self._act(ticks[-1])

    def _push(self, tick: Tick) -> None:
        """Put what a tick shows on the stack; a picture that cannot be read empties it."""
        try:
            views = [
                prepare(images.to_rgb(tick.items[k].content), self._contract.frames(k))
                for k in range(len(self._contract.cameras))
            ]
        except ClaifoError as error:
            self._filled = 0
            self._diagnostics.error('wrong_image', str(error))
            return
        if tick.restarts:
            self._observer.begin()
        frame = self._observer(np.concatenate(views, 2))
        self._stacks.push(frame[None], np.array([tick.restarts]))
        self._filled = 1 if tick.restarts else self._filled + 1

    def _act(self, tick: Tick) -> None:
        """Publish the action for what is on the stack, with its ledger."""
        cameras = len(self._contract.cameras)
        oldest = min(range(cameras), key=tick.stamps_ns.__getitem__)
        arrival, stamp_ns = tick.items[oldest], tick.stamps_ns[oldest]
        prepared_s = time.monotonic()
        proprio = tick.items[-1].content[None] if self._contract.proprio else None
        action = self._actor.act(self._stacks.obs, proprio)
        inferred_s = time.monotonic()
        if not np.isfinite(action).all():
            self._diagnostics.error('not_finite', 'the policy gives an action that is not finite: '
                                    'nothing is published')  # fmt: skip
            return
        message = Action(step=self._step, num_envs=1, data=time_steps.flat(action),
                         late=self._ticks.late, dropped=self._ticks.dropped)  # fmt: skip
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 10**9)
        times_s = (arrival.at_s, prepared_s, inferred_s, time.monotonic())
        for stage, at_s in zip(_STAGES, times_s, strict=True):
            span_ns = arrival.age_ns + int((at_s - arrival.at_s) * 1e9)
            setattr(message, f'{stage}_ns', span_ns)
            self._stages[stage].observe(span_ns / 1e9)
        self._publisher.publish(message)
        if self._shadow:
            self._shadow.compare(action[0])
        self._step += 1
        self._diagnostics.latency.observe(time.monotonic() - arrival.at_s)


def _figures(latency: Latency) -> str:
    found = latency.figures()
    return f'p50 {found["p50_ms"]} p99 {found["p99_ms"]} max {found["max_ms"]}' if found else '-'
