"""Checking the name of a topic or service that may be relative."""

from rclpy import _names


def validate_topic_name(name: str, *, is_service: bool = False) -> bool:
    """Return true for a valid name; raise InvalidTopicNameException (or service) for another."""
    _names.topic(name, is_service)
    return True
