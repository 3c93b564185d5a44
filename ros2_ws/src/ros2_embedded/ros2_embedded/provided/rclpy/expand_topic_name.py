"""Making names absolute."""

from rclpy import _names


def expand_topic_name(topic_name: str, node_name: str, node_namespace: str) -> str:
    """Return the absolute name of a topic that a node names."""
    return _names.expand(topic_name, node_name, node_namespace)
