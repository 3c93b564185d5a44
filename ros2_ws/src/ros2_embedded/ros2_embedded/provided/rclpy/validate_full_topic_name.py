"""Checking the absolute name of a topic or service."""

from rclpy import _names


def validate_full_topic_name(name: str, *, is_service: bool = False) -> bool:
    """Return true for a valid name; raise InvalidTopicNameException (or service) for another."""
    _names.full_topic(name, is_service)
    return True
