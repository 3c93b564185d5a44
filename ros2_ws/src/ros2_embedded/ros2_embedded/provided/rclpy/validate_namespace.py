"""Checking a namespace."""

from rclpy import _names


def validate_namespace(namespace: str) -> bool:
    """Return true for a valid namespace; raise InvalidNamespaceException for another."""
    _names.namespace(namespace)
    return True
