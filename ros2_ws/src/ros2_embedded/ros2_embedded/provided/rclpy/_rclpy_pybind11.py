"""The exceptions that the compiled part of rclpy raises, under the name by which it is imported."""

from __future__ import annotations


class InvalidHandle(RuntimeError):
    """Something is used that was destroyed."""


class RCLError(RuntimeError):
    """What is not possible now, after shutdown for example."""


class RCLInvalidROSArgsError(RCLError):
    """An argument after --ros-args that cannot be read."""


class UnknownROSArgsError(RuntimeError):
    """An argument after --ros-args that is not known."""


class NodeNameNonExistentError(RCLError):
    """A node that is not in the graph."""
