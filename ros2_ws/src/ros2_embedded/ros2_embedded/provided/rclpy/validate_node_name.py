"""Checking the name of a node."""

from rclpy import _names


def validate_node_name(node_name: str) -> bool:
    """Return true for a valid name; raise InvalidNodeNameException for another."""
    _names.node_name(node_name)
    return True
