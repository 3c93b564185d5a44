"""Checking the name of a parameter."""

from rclpy import _names


def validate_parameter_name(name: str) -> bool:
    """Return true for a valid name; raise InvalidParameterException for another."""
    _names.parameter(name)
    return True
