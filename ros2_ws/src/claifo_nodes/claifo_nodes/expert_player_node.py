"""`expert_player_node`: the films of an expert as a live camera.

The recorded bytes are published unchanged, stamps too, and /clock shows the time of the film:
after a loop, time jumps back.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from claifo.bags import cdr
from claifo.bags.episodes import choose_topic
from claifo.bags.reader import Bag, find_bags
from claifo_core.errors import ClaifoError
from claifo_nodes import params, qos
from claifo_nodes.diagnostics import Diagnostics
from claifo_nodes.main import Finished, run

_LONGEST_PAUSE_NS = 1_000_000_000
_SETTLE_S = 0.1
"""Between picture and clock, before and after a jump: they take different ways."""
_ACK_S = 5.0


class ExpertPlayerNode(Node):
    """Plays as soon as somebody watches."""

    def __init__(self) -> None:
        """Declare the parameters and open the bag."""
        super().__init__('expert_player')
        bag: str = params.declare(self, 'bag', '', 'rosbag2, or a folder of them')
        self._topic: str = params.declare(
            self, 'topic', '', 'image topic of the bag; empty: the only one'
        )
        self._rate: float = params.declare(
            self, 'rate', 1.0, 'speed, times that of the recording', low=0.001
        )
        self._loops: bool = params.declare(self, 'loop', False, 'begin again at the end')
        if not bag:
            raise ClaifoError('parameter bag is empty; name a rosbag2')
        self._bag_name, self._bags = bag, find_bags([Path(bag)])
        with Bag(self._bags[0]) as first:
            self._kind = choose_topic(first, self._topic).type
        compressed = self._kind == cdr.COMPRESSED
        self._publisher = self.create_publisher(
            CompressedImage if compressed else Image,
            'camera/image_raw/compressed' if compressed else 'camera/image_raw',
            qos.FILM,
        )
        self._clock_ns, self._clock_out = 0, self.create_publisher(Clock, '/clock', 10)
        self._diagnostics = Diagnostics(self)
        self._frames = self._read()
        self._next = next(self._frames, None)
        self._due_s = 0.0
        self._timer = self.create_timer(0.05, self._play)

    def _read(self) -> Iterator[tuple[int, bytes]]:
        """Yield (stamp in nanoseconds, bytes) of all pictures, bag after bag."""
        parser = cdr.Parser(self._kind)
        for where in self._bags:
            with Bag(where) as bag:
                topic = choose_topic(bag, self._topic)
                if topic.type != self._kind:
                    raise ClaifoError(f'{where.path}: {topic.type}, not {self._kind} as before')
                for message_topic, time_ns, data in bag.messages():
                    if message_topic == topic:
                        yield parser(data)[0] or time_ns, bytes(data)
                for loss in bag.losses:
                    self._diagnostics.warn('lost', loss.reason)

    def _play(self) -> None:
        """Publish the next picture, and let the timer wait for the one after it."""
        if not self._publisher.get_subscription_count():
            self._due_s = 0.0
            return
        if self._next is None:
            self._end()
            return
        stamp_ns, data = self._next
        if self._jumps_to(stamp_ns):
            self._wait(_SETTLE_S)
            return
        self._publisher.publish(data)
        self._diagnostics.count('frames')
        self._next = next(self._frames, None)
        if self._next is None and self._loops:
            self._frames = self._read()
            self._next = next(self._frames, None)
        self._wait(self._pause_s(self._next[0] - stamp_ns) if self._next else 0.0)

    def _jumps_to(self, now_ns: int) -> bool:
        """Set the clock; returns whether that is no small step ahead."""
        step_ns, self._clock_ns = now_ns - self._clock_ns, now_ns
        self._clock_out.publish(Clock(clock=Time(sec=now_ns // 10**9, nanosec=now_ns % 10**9)))
        return not 0 <= step_ns <= _LONGEST_PAUSE_NS

    def _pause_s(self, span_ns: int) -> float:
        """Return how long to wait for a picture that comes so much later; earlier: a loop."""
        if span_ns < 0:
            return _SETTLE_S
        return min(span_ns, _LONGEST_PAUSE_NS) / 1e9 / self._rate

    def _wait(self, span_s: float) -> None:
        """Set the timer to the next picture; one that is late shortens the next wait."""
        now_s = time.monotonic()
        self._due_s = (self._due_s or now_s) + span_s
        self._timer.timer_period_ns = int(max(0.0, self._due_s - now_s) * 1e9)
        self._timer.reset()

    def _end(self) -> None:
        """End the program, once everything has arrived.

        Raises:
            Finished: always.
        """
        self._publisher.wait_for_all_acked(Duration(seconds=_ACK_S))
        count = self._diagnostics.counts['frames']
        print(f'{self._bag_name}: {count} pictures played', flush=True)
        raise Finished


def main() -> int:
    """Run the node; returns its exit code."""
    return run(ExpertPlayerNode)


if __name__ == '__main__':
    sys.exit(main())
