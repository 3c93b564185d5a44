"""The exceptions of the compiled part of rclpy, under the name by which they are imported."""

from __future__ import annotations

from ros2_embedded.transport import RCLError


class InvalidHandle(RuntimeError):
    """Something is used that was destroyed."""


class RCLInvalidROSArgsError(RCLError):
    """An argument after --ros-args that cannot be read."""


class UnknownROSArgsError(RuntimeError):
    """An argument after --ros-args that is not known."""


class NodeNameNonExistentError(RCLError):
    """A node that is not in the graph."""


__all__ = [
    'InvalidHandle', 'NodeNameNonExistentError', 'RCLError', 'RCLInvalidROSArgsError',
    'UnknownROSArgsError',
]  # fmt: skip
