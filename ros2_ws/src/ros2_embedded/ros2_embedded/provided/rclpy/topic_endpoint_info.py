"""What is known of a publisher or subscription somewhere in the domain."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from rclpy.qos import HistoryPolicy, QoSProfile


class TopicEndpointTypeEnum(IntEnum):
    """Publisher or subscription."""

    INVALID = 0
    PUBLISHER = 1
    SUBSCRIPTION = 2


@dataclass(kw_only=True)
class TopicEndpointInfo:
    """One endpoint of a topic."""

    node_name: str = ''
    node_namespace: str = ''
    topic_type: str = ''
    topic_type_hash: str = ''
    endpoint_type: TopicEndpointTypeEnum = TopicEndpointTypeEnum.INVALID
    endpoint_gid: list[int] = field(default_factory=list)
    qos_profile: QoSProfile = field(default_factory=lambda: QoSProfile(depth=10))

    def __str__(self) -> str:
        """Show everything, as `ros2 topic info --verbose` does."""
        qos = self.qos_profile
        history = qos.history.name
        if qos.history != HistoryPolicy.KEEP_ALL:
            history += f' ({qos.depth})'
        gid = '.'.join(f'{byte:02x}' for byte in self.endpoint_gid)
        return (
            f'Node name: {self.node_name}\nNode namespace: {self.node_namespace}\n'
            f'Topic type: {self.topic_type}\nTopic type hash: {self.topic_type_hash}\n'
            f'Endpoint type: {self.endpoint_type.name}\nGID: {gid}\nQoS profile:\n'
            f'  Reliability: {qos.reliability.name}\n  History (Depth): {history}\n'
            f'  Durability: {qos.durability.name}\n  Lifespan: {qos.lifespan}\n'
            f'  Deadline: {qos.deadline}\n  Liveliness: {qos.liveliness.name}\n'
            f'  Liveliness lease duration: {qos.liveliness_lease_duration}'
        )
