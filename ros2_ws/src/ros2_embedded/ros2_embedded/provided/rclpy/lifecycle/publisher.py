"""Publishers of managed nodes."""

from __future__ import annotations

from typing import Any

from rclpy.lifecycle.managed_entity import SimpleManagedEntity
from rclpy.publisher import Publisher


class LifecyclePublisher(SimpleManagedEntity, Publisher):
    """Publishes while its node is active, and drops messages otherwise."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Start inactive; nodes make them by ``create_lifecycle_publisher``."""
        SimpleManagedEntity.__init__(self)
        Publisher.__init__(self, *args, **kwargs)

    @SimpleManagedEntity.when_enabled  # type: ignore[untyped-decorator]
    def publish(self, msg: Any) -> None:  # noqa: ANN401
        """Send a message, or its serialized bytes, while the node is active."""
        Publisher.publish(self, msg)
