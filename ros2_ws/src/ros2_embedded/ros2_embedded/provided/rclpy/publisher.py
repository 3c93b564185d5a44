"""Publishers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy._destroyable import Destroyable
from rclpy.duration import Duration
from rclpy.qos import QoSProfile
from ros2_embedded import transport
from ros2_embedded.cdr import to_cdr


class Publisher(Destroyable):
    """Publishes messages on a topic."""

    def __init__(
        self,
        writer: transport.Writer,
        msg_type: type,
        topic: str,
        qos_profile: QoSProfile,
        name: Callable[[], str],
    ) -> None:
        """Take a writer; nodes make publishers by ``create_publisher``."""
        self._writer = writer
        self.msg_type, self.topic, self.qos_profile = msg_type, topic, qos_profile
        self._name = name

    @property
    def topic_name(self) -> str:
        """Full name of the topic."""
        self._ros_use()
        return self._name()

    def publish(self, msg: Any) -> None:  # noqa: ANN401
        """Send a message, or its serialized bytes.

        Raises:
            TypeError: It is of another type.
            InvalidHandle: The publisher was destroyed.
            RCLError: The context was shut down.
        """
        self._ros_use()
        if isinstance(msg, self.msg_type):
            data = to_cdr(msg)  # type: ignore[arg-type]
        elif isinstance(msg, (bytes, bytearray)):
            data = bytearray(msg)
            data.extend(bytes(-len(data) % 4))
        else:
            raise TypeError(f'Expected {self.msg_type}, got {type(msg)}')
        self._writer.write(data)

    def get_subscription_count(self) -> int:
        """Return how many subscriptions are reached."""
        self._ros_use()
        return self._writer.matches()[1]

    def assert_liveliness(self) -> None:
        """Say that the publisher is alive; needed for manual liveliness only."""
        raise NotImplementedError('ros2_embedded has no manual liveliness')

    def wait_for_all_acked(self, timeout: Duration | None = None) -> bool:
        """Wait until all reliable subscriptions have everything; return whether they do."""
        seconds = 1e9 if timeout is None else timeout.nanoseconds / 1e9
        return self._writer.wait_for_acks(seconds)

    def destroy(self) -> None:
        """Close; nodes do it by ``destroy_publisher``."""
        self._ros_destroyed = True
        self._writer.close()
