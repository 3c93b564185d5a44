"""Waiting for one message."""

from __future__ import annotations

import time
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.task import Future


def wait_for_message(
    msg_type: type,
    node: Node,
    topic: str,
    *,
    qos_profile: QoSProfile | int = 1,
    time_to_wait: float = -1,
) -> tuple[bool, Any]:
    """Return (True, message), or (False, None) after the time in seconds (below 0: no end)."""
    arrived = Future()

    def take(message: Any) -> None:  # noqa: ANN401
        if not arrived.done():
            arrived.set_result(message)

    subscription = node.create_subscription(msg_type, topic, take, qos_profile)
    executor, earlier = SingleThreadedExecutor(context=node.context), node.executor
    end = time.monotonic() + time_to_wait
    try:
        executor.add_node(node)
        left = None if time_to_wait < 0 else end - time.monotonic()
        executor.spin_until_future_complete(arrived, left)
    finally:
        executor.shutdown()
        node.executor = earlier
        node.destroy_subscription(subscription)
    return (True, arrived.result()) if arrived.done() else (False, None)
