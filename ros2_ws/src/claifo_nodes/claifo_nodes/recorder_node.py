"""`recorder_node`: topics to an MCAP rosbag2, as they come: serialised in, serialised out."""

from __future__ import annotations

import functools
import importlib
import sys
import time
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from claifo.bags.recorder import Recorder
from claifo_core.errors import ClaifoError
from claifo_nodes import params
from claifo_nodes.diagnostics import Diagnostics
from claifo_nodes.main import run

_DEPTH = 1000
_LOOK_S = 0.2
_PATIENCE_S = 5.0


class RecorderNode(Node):
    """Records from the moment on at which a topic appears, until it is stopped."""

    def __init__(self) -> None:
        """Declare the parameters and create the bag."""
        super().__init__('recorder')
        out: str = params.declare(self, 'out', '', 'folder of the bag, which must not exist')
        wanted: list[str] = params.declare(
            self, 'topics', ['camera/image_raw'], 'topics to record'
        )
        chunk_s: float = params.declare(
            self, 'chunk_s', 1.0, 'a kill loses no more than this', unit='s', low=0.01
        )
        if not out or Path(out).exists():
            reason = 'exists already' if out else 'is needed'
            raise ClaifoError(f'parameter out: the folder {out} {reason}; name a new one')
        self._missing = {self.resolve_topic_name(topic) for topic in wanted}
        self._diagnostics = Diagnostics(self)
        self._bag: Recorder | None = Recorder(out)
        self.create_timer(chunk_s, self._bag.flush)
        self.create_timer(_LOOK_S, self._look)
        self._started_s = time.monotonic()

    def _look(self) -> None:
        """Subscribe to the topics that have appeared."""
        if not self._missing:
            return
        for name, kinds in self.get_topic_names_and_types():
            offers = self.get_publishers_info_by_topic(name) if name in self._missing else []
            if offers:
                self._missing.discard(name)
                self._record(name, kinds[0], [offer.qos_profile for offer in offers])
        if self._missing and time.monotonic() - self._started_s > _PATIENCE_S:
            self._diagnostics.warn('waiting', f'nobody publishes {", ".join(self._missing)}')

    def _record(self, name: str, kind: str, offers: list[QoSProfile]) -> None:
        package, _, message = kind.split('/')
        reliable = all(q.reliability == ReliabilityPolicy.RELIABLE for q in offers)
        latched = all(q.durability == DurabilityPolicy.TRANSIENT_LOCAL for q in offers)
        if self._bag:
            self._bag.add_topic(name, kind, reliable=reliable, latched=latched)
        profile = QoSProfile(
            depth=_DEPTH,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )
        self.create_subscription(
            getattr(importlib.import_module(f'{package}.msg'), message), name,
            functools.partial(self._take, name), profile, raw=True,
        )  # fmt: skip
        self.get_logger().info(f'recording {name} [{kind}]')

    def _take(self, topic: str, data: bytes, info: Any) -> None:  # noqa: ANN401 (MessageInfo)
        """Record a message at the time at which it was sent: that keeps the order of topics."""
        if self._bag:
            self._bag.write(topic, info['source_timestamp'], data)
            self._diagnostics.count(topic)

    def destroy_node(self) -> None:
        """End the bag, and say what is in it."""
        bag, self._bag = self._bag, None
        super().destroy_node()
        if bag:
            bag.close()
            told = ', '.join(f'{count} on {name}' for name, count in bag.counts.items())
            print(f'{bag.path}: {told or "no message"}', flush=True)


def main() -> int:
    """Run the node; returns its exit code."""
    return run(RecorderNode)


if __name__ == '__main__':
    sys.exit(main())
